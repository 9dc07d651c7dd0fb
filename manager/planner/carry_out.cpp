// What the nodes would report once every action of a plan had succeeded.
#include <algorithm>
#include <array>
#include <limits>

#include "manager/planner/action.hpp"
#include "manager/planner/plan.hpp"

namespace manager::planner {
namespace {

cib::NodeReport& report_of(cib::Document& document, const Node& node) {
    for (auto& report : document.reports) {
        if (report.id == node.id) return report;
    }
    for (auto& report : document.reports) {
        if (report.name == node.name) return report;
    }
    document.reports.push_back({});
    document.reports.back().id = node.id;
    document.reports.back().name = node.name;
    return document.reports.back();
}

// As the node's history calls the resource.
std::string history_name(const Resource& resource, const Node& node) {
    const NodeHistory* found = nullptr;
    for (const NodeHistory& history : resource.history) {
        if (history.node == node.index && (found == nullptr || history.active)) found = &history;
    }
    if (found != nullptr) return found->report->id;
    return resource.unique ? resource.id : resource.base;
}

cib::ResourceHistory& history_of(cib::NodeReport& report, const Resource& resource, const Node& node) {
    const std::string name = history_name(resource, node);
    for (auto& history : report.history) {
        if (history.id == name) return history;
    }
    report.history.push_back(
        {.id = name, .standard = {}, .provider = {}, .type = {}, .locked = 0, .entries = {}});
    cib::ResourceHistory& out = report.history.back();
    if (resource.object != nullptr) {
        out.standard = resource.object->standard;
        out.provider = resource.object->provider;
        out.type = resource.object->type;
    }
    return out;
}

int last_call(const cib::NodeReport& report) {
    int out = 0;
    for (const auto& history : report.history) {
        for (const auto& entry : history.entries) out = std::max(out, entry.call_id);
    }
    return out;
}

void record(cib::Document& document, const Resource& resource, const Node& node,
            const cib::HistoryEntry& entry) {
    cib::NodeReport& report = report_of(document, node);
    cib::HistoryEntry added = entry;
    added.call_id = std::min(last_call(report), std::numeric_limits<int>::max() - 1) + 1;
    cib::ResourceHistory& history = history_of(report, resource, node);
    added.id = history.id + "_last_0";
    std::erase_if(history.entries, [&](const cib::HistoryEntry& other) { return other.id == added.id; });
    history.entries.push_back(std::move(added));
}

void forget(cib::Document& document, const Resource& resource, const Node& node) {
    cib::NodeReport& report = report_of(document, node);
    const std::string name = history_name(resource, node);
    std::erase_if(report.history, [&](const cib::ResourceHistory& history) { return history.id == name; });
}

void fence(cib::Document& document, const Node& node) {
    cib::NodeReport& report = report_of(document, node);
    report.in_membership = "false";
    report.in_membership_told = true;
    report.process = "offline";
    report.join = report.expected = "down";
    report.history.clear();
    report.attributes.clear();
}

void carry_out_one(const Cluster& cluster, cib::Document& document, const Action& action) {
    if (action.task == Task::fence) return fence(document, *action.node);
    if (action.resource == nullptr || !action.resource->primitive() || action.node == nullptr) return;
    if (action.node->fence_wanted) return;
    const Resource& resource = *action.resource;
    cib::HistoryEntry entry;
    entry.operation = to_string(action.task);
    entry.expected = 0;
    entry.changed = cluster.options.now;
    if (action.task == Task::migrate_to || action.task == Task::migrate_from) {
        entry.migrate_source = resource.running_on.front()->name;
        entry.migrate_target = resource.assigned->name;
    }
    if (action.task == Task::reload || action.pseudo) return;
    record(document, resource, *action.node, entry);
    if (action.task == Task::stop && resource.orphan) forget(document, resource, *action.node);
}

}  // namespace

cib::Document carry_out(const Cluster& cluster) {
    cib::Document out = *cluster.document;
    // Within one resource this is the sequence of any plan.
    constexpr std::array kSequence = {Task::fence, Task::demote, Task::migrate_to, Task::migrate_from,
                                      Task::stop,  Task::start,  Task::reload,     Task::promote};
    for (const Task task : kSequence) {
        for (const auto& action : cluster.actions) {
            if (action->task == task && action->happens()) carry_out_one(cluster, out, *action);
        }
    }
    return out;
}

}  // namespace manager::planner

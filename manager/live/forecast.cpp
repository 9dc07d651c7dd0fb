#include "manager/live/forecast.hpp"

#include <algorithm>
#include <utility>

#include "manager/model/operation.hpp"
#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/scheduler.hpp"
#include "manager/state/state.hpp"

namespace manager::live {
namespace {

// Plans end in rest after a few steps for each resource (tests/unit/scheduler); an end that never comes must
// not hang a command.
constexpr std::size_t kMostRounds = 1000;

void succeed(Live& live, base::NodeId node, const std::string& resource, const std::string& operation) {
    const auto at = live.status.nodes.find(node);
    if (at == live.status.nodes.end()) return;
    const Primitive* definition = definition_for(live.config, live.status, node, resource, operation);
    Report report;
    report.resource = resource;
    report.operation = operation;
    report.code = operation == "probe" ? kOcfNotRunning : kOcfOk;
    if (definition != nullptr) {
        report.params = params_digest(*definition);
        report.monitors = monitors_digest(live.config, *definition);
    }
    ResourceOnNode& record = at->second.resources[resource];
    ++record.revision;
    record_result(record, report, true);
    forget_former(live.config, live.status);
}

// Plans that were accepted are made anew, but what agents are at comes to its end.
void end_what_runs(Live& live) {
    for (const PlannedAction& action : std::exchange(live.status.actions, {})) {
        if (action.state == ActionState::running)
            succeed(live, action.node, action.resource, action.operation);
    }
}

std::string name_of(const Live& live, base::NodeId node) {
    return live.status.nodes.at(node).name;
}

void count(planner::Outcome& out, const Live& live, const ScheduledAction& action) {
    if (action.operation != "start" && action.operation != "stop") return;
    ++out.actions[{action.operation, action.resource, name_of(live, action.node)}];
}

// In the words of a document's nodes (docs/decisions/0143).
std::string state_of(const Live& live, const NodeStatus& node) {
    const auto set = [&](const char* name) {
        const NodeObject* object = live.config.node(node.name);
        if (object == nullptr) return false;
        const auto found = object->attributes.find(name);
        return found != object->attributes.end() && is_true(found->second);
    };
    switch (node.clearance) {
        case Clearance::joining:
            return "pending";
        case Clearance::clean:
            return "offline";
        case Clearance::uncleared:
            return "unclean-offline";
        case Clearance::member:
            break;
    }
    if (set("standby")) return "standby";
    return set("maintenance") ? "maintenance" : "online";
}

void add_places(planner::Outcome& out, const scheduling::Facts& facts,
                const scheduling::ResourceFacts& resource) {
    const auto add = [&](scheduling::NodeIndex node, std::vector<std::string> flags) {
        std::sort(flags.begin(), flags.end());
        out.resources[resource.id].push_back(
            {.role = "Started", .node = facts.nodes[node].name, .flags = std::move(flags)});
    };
    if (resource.away) add(*resource.away, {"uncleared"});
    for (const scheduling::NodeIndex node : resource.active) {
        std::vector<std::string> flags;
        if (resource.blocked) flags.emplace_back("blocked");
        if (resource.on[node].activity == Activity::failed) flags.emplace_back("failed");
        if (resource.primitive == nullptr) flags.emplace_back("orphan");
        if (!resource.unmanaged.empty()) flags.emplace_back("unmanaged");
        add(node, std::move(flags));
    }
    if (const auto found = out.resources.find(resource.id); found != out.resources.end())
        std::sort(found->second.begin(), found->second.end());
}

}  // namespace

Forecast forecast(Live live) {
    Forecast out;
    end_what_runs(live);
    for (std::size_t round = 0; round < kMostRounds; ++round) {
        const Schedule plan = schedule(live.config, live.status);
        if (plan.actions.empty()) break;
        // As in the daemon: what waits for nothing runs at once, and by its results the rest is planned anew.
        for (const ScheduledAction& action : plan.actions) {
            if (!action.after.empty()) continue;
            succeed(live, action.node, action.resource, action.operation);
            count(out.outcome, live, action);
        }
    }
    for (const auto& [id, node] : live.status.nodes) out.outcome.nodes[node.name] = state_of(live, node);
    const scheduling::Facts facts = scheduling::gather_facts(live.config, live.status);
    for (const auto& resource : facts.resources) add_places(out.outcome, facts, resource);
    out.outcome.notes = schedule(live.config, live.status).notes;
    out.rest = std::move(live);
    return out;
}

}  // namespace manager::live

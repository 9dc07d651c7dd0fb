#include "manager/planner/hypothesis.hpp"

#include <algorithm>
#include <functional>

namespace manager::planner {
namespace {

using cib::Document;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// The first set that has a name gives its value.
void override_in(cib::AttributeSets& sets, const Pairs& pairs) {
    cib::AttributeSet set;
    set.id = "what-if";
    set.score = Score::infinity();
    set.pairs = pairs;
    sets.insert(sets.begin(), std::move(set));
}

// `edit` for the resource and all that holds it; true: it is within `objects`.
// NOLINTNEXTLINE(misc-no-recursion): depth 3, by the importer
bool on_path(std::vector<cib::ResourceObject>& objects, const std::string& id,
             const std::function<void(cib::ResourceObject&)>& edit) {
    for (auto& object : objects) {
        if (object.id != id && !on_path(object.children, id, edit)) continue;
        edit(object);
        return true;
    }
    return false;
}

void node_attributes(Document& document, const std::string& name, const Pairs& pairs) {
    for (auto& node : document.nodes) {
        if (node.name == name) override_in(node.attributes, pairs);
    }
}

bool is_of(const std::string& history, const std::string& resource) {
    return history == resource || history.rfind(resource + ":", 0) == 0;
}

bool counts_failures(const std::string& attribute, const std::string& resource) {
    for (const std::string prefix : {"fail-count-", "last-failure-"}) {
        const std::string start = prefix + resource;
        if (attribute.rfind(start, 0) != 0) continue;
        if (attribute.size() == start.size() || attribute[start.size()] == '#' ||
            attribute[start.size()] == ':')
            return true;
    }
    return false;
}

std::string node_id(const Document& document, const std::string& name) {
    for (const auto& node : document.nodes) {
        if (node.name == name) return node.id;
    }
    return {};
}

cib::NodeReport* report_of(Document& document, const std::string& name) {
    const std::string id = node_id(document, name);
    for (auto& report : document.reports) {
        if (report.name == name || (!id.empty() && report.id == id)) return &report;
    }
    return nullptr;
}

template <typename List>
void erase_id(List& list, const std::string& id) {
    list.erase(std::remove_if(list.begin(), list.end(), [&](const auto& each) { return each.id == id; }),
               list.end());
}

void clean(Document& document, const std::string& resource, const std::string& node) {
    cib::NodeReport* report = report_of(document, node);
    if (report == nullptr) return;
    auto& history = report->history;
    history.erase(std::remove_if(history.begin(), history.end(),
                                 [&](const auto& entry) { return is_of(entry.id, resource); }),
                  history.end());
    for (auto& set : report->attributes) {
        set.pairs.erase(
            std::remove_if(set.pairs.begin(), set.pairs.end(),
                           [&](const auto& pair) { return counts_failures(pair.first, resource); }),
            set.pairs.end());
    }
}

void bring_up(Document& document, const std::string& name) {
    const std::string id = node_id(document, name);
    if (id.empty()) return;
    if (report_of(document, name) == nullptr) {
        cib::NodeReport fresh;
        fresh.id = id;
        fresh.name = name;
        document.reports.push_back(fresh);
    }
    cib::NodeReport& report = *report_of(document, name);
    report.in_membership = "true";
    report.in_membership_told = true;
    report.process = "online";
    report.join = report.expected = "member";
    report.history.clear();
    node_attributes(document, name, {{"shutdown", "0"}, {"terminate", "false"}});
}

void take_down(Document& document, const std::string& name) {
    cib::NodeReport* report = report_of(document, name);
    if (report == nullptr) return;
    report->in_membership = "false";
    report->in_membership_told = true;
    report->process = "offline";
    report->join = "down";
    report->expected = "member";  // it did not say goodbye
}

// What each change does to a document.
struct Apply {
    Document& document;

    void operator()(const suppose::Standby& c) const {
        node_attributes(document, c.node, {{"standby", c.on ? "on" : "off"}});
    }
    void operator()(const suppose::Down& c) const { take_down(document, c.node); }
    void operator()(const suppose::Up& c) const { bring_up(document, c.node); }
    void operator()(const suppose::Cleared& /*c*/) const {}
    void operator()(const suppose::NoMaintenance& c) const {
        node_attributes(document, c.node, {{"maintenance", "false"}});
    }
    void operator()(const suppose::Quorum& /*c*/) const { document.have_quorum = true; }
    void operator()(const suppose::NoStopAll& /*c*/) const {
        override_in(document.properties, {{"stop-all-resources", "false"}});
    }
    void operator()(const suppose::Granted& c) const {
        document.tickets[c.ticket] = {.granted = true, .standby = false};
    }
    void operator()(const suppose::Started& c) const {
        on_path(document.resources, c.resource, [](cib::ResourceObject& object) {
            override_in(object.meta, {{"target-role", "Started"}});
        });
    }
    void operator()(const suppose::Managed& c) const {
        override_in(document.properties, {{"maintenance-mode", "false"}});
        on_path(document.resources, c.resource, [](cib::ResourceObject& object) {
            override_in(object.meta, {{"is-managed", "true"}, {"maintenance", "false"}});
        });
    }
    void operator()(const suppose::Cleaned& c) const { clean(document, c.resource, c.node); }
    void operator()(const suppose::Liked& c) const {
        cib::LocationObject object;
        object.id = "what-if";
        object.resource = c.resource;
        object.node = c.node;
        object.score = c.score;
        document.locations.push_back(object);
    }
    void operator()(const suppose::Weightless& c) const {
        on_path(document.resources, c.resource,
                [](cib::ResourceObject& object) { object.utilization.clear(); });
    }
    void operator()(const suppose::Without& c) const {
        erase_id(document.locations, c.id);
        erase_id(document.colocations, c.id);
        erase_id(document.orders, c.id);
        erase_id(document.ticket_constraints, c.id);
    }
};

}  // namespace

Hypothesis standby(const std::string& node, bool on) {
    return {node + (on ? " in standby" : " out of standby"), {suppose::Standby{node, on}}};
}

Hypothesis down(const std::string& node) {
    return {node + " down", {suppose::Down{node}}};
}

Hypothesis up(const std::string& node) {
    return {node + " back in the cluster", {suppose::Up{node}}};
}

Hypothesis cleared(const std::string& node) {
    return {"the word that " + node + " is off (crm node clearstate " + node + ")", {suppose::Cleared{node}}};
}

Hypothesis no_maintenance(const std::string& node) {
    return {node + " out of maintenance", {suppose::NoMaintenance{node}}};
}

Hypothesis quorum() {
    return {"a quorum", {suppose::Quorum{}}};
}

Hypothesis no_stop_all() {
    return {"stop-all-resources=false", {suppose::NoStopAll{}}};
}

Hypothesis granted(const std::string& ticket) {
    return {"ticket " + ticket + " granted", {suppose::Granted{ticket}}};
}

Hypothesis started(const std::string& resource) {
    return {"target-role=Started of " + resource, {suppose::Started{resource}}};
}

Hypothesis managed(const std::string& resource) {
    return {resource + " managed again", {suppose::Managed{resource}}};
}

Hypothesis cleaned(const std::string& resource, const std::string& node) {
    return {"a cleanup of " + resource + " on " + node + " that finds it stopped",
            {suppose::Cleaned{resource, node}}};
}

Hypothesis liked(const std::string& resource, const std::string& node, Score score,
                 const std::string& words) {
    return {words, {suppose::Liked{resource, node, score}}};
}

Hypothesis weightless(const std::string& resource) {
    return {"room for " + resource + " (utilization)", {suppose::Weightless{resource}}};
}

Hypothesis without(const std::string& kind, const std::string& id) {
    return {std::string("no ").append(kind).append(" ").append(id), {suppose::Without{id}}};
}

Hypothesis together(const std::vector<Hypothesis>& parts) {
    Hypothesis out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        out.words += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i].words;
        out.changes.insert(out.changes.end(), parts[i].changes.begin(), parts[i].changes.end());
    }
    return out;
}

cib::Document with(cib::Document document, const Hypothesis& hypothesis) {
    for (const Supposition& each : hypothesis.changes) std::visit(Apply{document}, each);
    return document;
}

}  // namespace manager::planner

#include "manager/planner/hypothesis.hpp"

#include <algorithm>

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

}  // namespace

Hypothesis standby(const std::string& node, bool on) {
    return {node + (on ? " in standby" : " out of standby"), [=](Document& document) {
                node_attributes(document, node, {{"standby", on ? "on" : "off"}});
            }};
}

Hypothesis down(const std::string& node) {
    return {node + " down", [=](Document& document) { take_down(document, node); }};
}

Hypothesis up(const std::string& node) {
    return {node + " back in the cluster", [=](Document& document) { bring_up(document, node); }};
}

Hypothesis no_maintenance(const std::string& node) {
    return {node + " out of maintenance", [=](Document& document) {
                node_attributes(document, node, {{"maintenance", "false"}});
            }};
}

Hypothesis quorum() {
    return {"a quorum", [](Document& document) { document.have_quorum = true; }};
}

Hypothesis no_stop_all() {
    return {"stop-all-resources=false", [](Document& document) {
                override_in(document.properties, {{"stop-all-resources", "false"}});
            }};
}

Hypothesis granted(const std::string& ticket) {
    return {"ticket " + ticket + " granted",
            [=](Document& document) { document.tickets[ticket] = {.granted = true, .standby = false}; }};
}

Hypothesis started(const std::string& resource) {
    return {"target-role=Started of " + resource, [=](Document& document) {
                on_path(document.resources, resource, [](cib::ResourceObject& object) {
                    override_in(object.meta, {{"target-role", "Started"}});
                });
            }};
}

Hypothesis managed(const std::string& resource) {
    return {resource + " managed again", [=](Document& document) {
                override_in(document.properties, {{"maintenance-mode", "false"}});
                on_path(document.resources, resource, [](cib::ResourceObject& object) {
                    override_in(object.meta, {{"is-managed", "true"}, {"maintenance", "false"}});
                });
            }};
}

Hypothesis cleaned(const std::string& resource, const std::string& node) {
    return {"a cleanup of " + resource + " on " + node + " that finds it stopped",
            [=](Document& document) { clean(document, resource, node); }};
}

Hypothesis liked(const std::string& resource, const std::string& node, Score score,
                 const std::string& words) {
    return {words, [=](Document& document) {
                cib::LocationObject object;
                object.id = "what-if";
                object.resource = resource;
                object.node = node;
                object.score = score;
                document.locations.push_back(object);
            }};
}

Hypothesis weightless(const std::string& resource) {
    return {"room for " + resource + " (utilization)", [=](Document& document) {
                on_path(document.resources, resource,
                        [](cib::ResourceObject& object) { object.utilization.clear(); });
            }};
}

Hypothesis without(const std::string& kind, const std::string& id) {
    return {std::string("no ").append(kind).append(" ").append(id), [=](Document& document) {
                erase_id(document.locations, id);
                erase_id(document.colocations, id);
                erase_id(document.orders, id);
                erase_id(document.ticket_constraints, id);
            }};
}

Hypothesis together(const std::vector<Hypothesis>& parts) {
    std::string words;
    for (std::size_t i = 0; i < parts.size(); ++i)
        words += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i].words;
    return {words, [parts](Document& document) {
                for (const auto& part : parts) part.apply(document);
            }};
}

cib::Document with(cib::Document document, const Hypothesis& hypothesis) {
    hypothesis.apply(document);
    return document;
}

}  // namespace manager::planner

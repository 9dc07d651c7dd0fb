#include "manager/planner/outcome.hpp"

#include <algorithm>

#include "manager/planner/action.hpp"
#include "manager/planner/json.hpp"
#include "manager/planner/plan.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

std::string state_of_node(const Node& node) {
    if (node.unclean) return node.online ? "unclean-online" : "unclean-offline";
    if (node.pending) return "pending";
    if (!node.online) return "offline";
    if (node.standby_on_fail) return "standby-onfail";
    if (node.standby) return "standby";
    return node.maintenance ? "maintenance" : "online";
}

std::string word_of(Role role) {
    if (role == Role::promoted) return "Promoted";
    return role == Role::unpromoted ? "Unpromoted" : "Started";
}

void add_places(Outcome& outcome, const Resource& resource) {
    for (const Node* node : resource.running_on) {
        Place place{.role = word_of(resource.role), .node = node->name, .flags = {}};
        if (resource.blocked) place.flags.emplace_back("blocked");
        if (resource.failed) place.flags.emplace_back("failed");
        if (resource.orphan) place.flags.emplace_back("orphan");
        if (!resource.managed) place.flags.emplace_back("unmanaged");
        outcome.resources[resource.base].push_back(std::move(place));
    }
}

void add_action(Outcome& outcome, const Cluster& cluster, const Action& action) {
    if (!action.happens() || action.pseudo || action.node == nullptr) return;
    std::string task(to_string(action.task));
    if (action.task == Task::fence) task += ":" + cluster.options.fence_action;
    ++outcome.actions[{task, action.resource == nullptr ? "" : action.resource->base, action.node->name}];
}

std::string place_json(const Place& place) {
    std::string out = "[" + quoted(place.role) + ", " + quoted(place.node);
    for (const auto& flag : place.flags) out += ", " + quoted(flag);
    return out + "]";
}

}  // namespace

Outcome simulate(const cib::Document& document, std::int64_t now) {
    Outcome out;
    const Cluster planned = plan(document, now);
    for (const auto& action : planned.actions) add_action(out, planned, *action);
    const cib::Document after = carry_out(planned);
    const Cluster result = unpack(after, now);
    for (const auto& node : result.nodes) out.nodes[node->name] = state_of_node(*node);
    for (const auto& resource : result.store) {
        if (resource->primitive()) add_places(out, *resource);
    }
    for (auto& [id, places] : out.resources) std::sort(places.begin(), places.end());
    return out;
}

std::string to_json(const Outcome& outcome) {
    const auto node = [](const auto& entry) { return quoted(entry.first) + ": " + quoted(entry.second); };
    const auto resource = [](const auto& entry) {
        return quoted(entry.first) + ": [" + joined(entry.second, place_json) + "]";
    };
    const auto action = [](const auto& entry) {
        const auto& [task, id, where] = entry.first;
        return "[" + quoted(task) + ", " + quoted(id) + ", " + quoted(where) + ", " +
               std::to_string(entry.second) + "]";
    };
    return "{\"nodes\": {" + joined(outcome.nodes, node) + "}, \"resources\": {" +
           joined(outcome.resources, resource) + "}, \"actions\": [" + joined(outcome.actions, action) + "]" +
           (outcome.notes.empty() ? "" : ", \"notes\": [" + joined(outcome.notes, quoted) + "]") + "}";
}

}  // namespace manager::planner

#include "manager/state/nodes.hpp"

#include <algorithm>

namespace manager {

namespace {

using base::Errc;
using base::Error;
using base::Status;

constexpr std::size_t kHistory = 256;  // heads; a node that missed more learns the whole state anyway

bool present(const NodeStatus& node) {
    return node.clearance == Clearance::member || node.clearance == Clearance::joining;
}

std::string active_on(const NodeStatus& node) {
    std::string names;
    for (const auto& [id, record] : node.resources) {
        if (record.activity != Activity::stopped) names += (names.empty() ? "" : ", ") + id;
    }
    return names;
}

// Whether all that the node may still run is what the end of its lease took from it.
bool lease_was_enough(const State& state, const NodeStatus& node) {
    return node.lease_out &&
           std::all_of(state.configuration.primitives.begin(), state.configuration.primitives.end(),
                       [&](const Primitive& p) { return lease_covers(state.configuration, p); });
}

Status check_removal(const State& state, base::NodeId id, bool vouched) {
    const auto at = state.status.nodes.find(id);
    if (at == state.status.nodes.end()) return base::ok();
    const NodeStatus& node = at->second;
    if (present(node)) {
        if (runs_nothing(state, id)) return base::ok();
        const std::string active = active_on(node);
        return Error{Errc::conflict, "nothing was changed: " + node.name + " runs resources, or may" +
                                         (active.empty() ? "" : " (" + active + ")") +
                                         ": `crm -w node standby " + node.name + "` first"};
    }
    if (node.clearance == Clearance::clean || vouched || lease_was_enough(state, node)) return base::ok();
    return Error{Errc::conflict, "nothing was changed: " + node.name + " is silent (" + node.why +
                                     ") and may still run what it ran. Make sure that it is switched off, "
                                     "and say so: custos node remove " +
                                     node.name + " --force (it asks; in a script: custos -F node remove " +
                                     node.name + " --force)"};
}

// What a silent node was granted before the change must be out before it counts.
Status check_silent(const State& state, const base::NodeSet& gone) {
    if (!demands_proof(state.configuration)) return base::ok();
    for (const auto& [id, node] : state.status.nodes) {
        if (node.clearance != Clearance::uncleared || node.lease_out || gone.contains(id)) continue;
        return Error{Errc::conflict, "nothing was changed: " + node.name + " is silent (" + node.why +
                                         ") and not cleared: start it, or make sure that it is switched off "
                                         "and say so: crm node clearstate " +
                                         node.name};
    }
    return base::ok();
}

}  // namespace

void advance_head(State& state) {
    state.head.index = state.configuration.version;
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.raw(state.head.hash);
    write_canonical(out, state.configuration);
    if (state.nodes.counted || state.next_nodes) out.blob(membership::encode(state.nodes));
    if (state.next_nodes) out.blob(membership::encode(*state.next_nodes));
    state.head.hash = digest(base::ByteView(bytes));
    state.history[state.head.index] = state.head.hash;
    if (state.history.size() > kHistory) state.history.erase(state.history.begin());
}

Status change_nodes(State& state, const ChangeNodes& change, const std::string& user) {
    if (state.next_nodes) {
        return Error{Errc::conflict,
                     "nothing was changed: another change of the nodes is under way (version " +
                         std::to_string(state.next_nodes->version) +
                         "); custos status says what it waits for. Repeat yours when it counts"};
    }
    membership::NodeList before = state.nodes;
    if (before.counted && membership::mark_of(before) != membership::mark_of(change.before)) {
        return Error{Errc::conflict, "nothing was changed: the nodes have been changed meanwhile (version " +
                                         std::to_string(before.version) +
                                         " is in force); look at them and repeat it"};
    }
    if (!before.counted) before = change.before;  // the files of all nodes are the same, as ever
    membership::NodeList after = change.after;
    after.version = std::max(before.version, change.before.version) + 1;
    after.counted = false;
    after.two_node_ended =
        before.two_node_ended || membership::votes_of(before) != 2 || membership::votes_of(after) != 2;
    TRY_OK(membership::check(after));
    membership::keep_highest(after, before);
    base::NodeSet all = before.ids();
    all.insert(after.ids());
    if (all.size() > membership::kMostNodes) {
        return Error{Errc::conflict, "nothing was changed: those who go and those who stay are more than " +
                                         std::to_string(membership::kMostNodes) +
                                         " together, and are on one ring for a moment: change fewer at once"};
    }
    const base::NodeSet gone = before.ids().minus(after.ids());
    for (const base::NodeId id : gone) TRY_OK(check_removal(state, id, change.vouched));
    TRY_OK(check_silent(state, gone));
    for (const base::NodeId id : gone) {
        NodeStatus& node = state.status.nodes[id];
        if (present(node)) {
            node.leaving = true;
        } else if (change.vouched && node.clearance != Clearance::clean) {
            node.clearance = Clearance::clean;
            node.why = "confirmed down by " + user;
            node.resources.clear();
        }
    }
    for (const membership::ListedNode& added : after.nodes) {
        if (before.find(added.id) != nullptr) continue;
        const auto [node, fresh] = state.status.nodes.try_emplace(added.id);
        if (!fresh && present(node->second)) continue;
        node->second = {};
        node->second.name = added.name.empty() ? "node" + to_string(added.id) : added.name;
        // It was no node of this cluster until now, so that nobody granted it anything.
        node->second.clearance = Clearance::clean;
        node->second.why = "added by " + user + ", and not started yet";
    }
    state.nodes = std::move(before);
    state.next_nodes = std::move(after);
    ++state.configuration.version;
    return base::ok();
}

bool removed_run_nothing(const State& state) {
    if (!state.next_nodes) return true;
    return std::all_of(state.status.nodes.begin(), state.status.nodes.end(), [&](const auto& entry) {
        return state.next_nodes->find(entry.first) != nullptr || !present(entry.second) ||
               runs_nothing(state, entry.first);
    });
}

void count_nodes(State& state) {
    ASSERT(state.next_nodes);
    for (const membership::ListedNode& node : state.nodes.nodes) {
        if (state.next_nodes->find(node.id) != nullptr || node.name.empty()) continue;
        std::erase_if(state.configuration.nodes, [&](const NodeObject& o) { return o.name == node.name; });
    }
    state.nodes = *std::move(state.next_nodes);
    state.nodes.counted = true;
    state.next_nodes.reset();
    forget_nodes(state);
    ++state.configuration.version;
    advance_head(state);
}

void forget_nodes(State& state) {
    const membership::NodeList& list = state.next_nodes ? *state.next_nodes : state.nodes;
    if (!state.next_nodes && !state.nodes.counted) return;
    for (auto node = state.status.nodes.begin(); node != state.status.nodes.end();) {
        const bool listed = list.find(node->first) != nullptr;
        if (!listed && present(node->second)) node->second.leaving = true;
        const bool gone = !listed && !present(node->second) && !state.next_nodes;
        node = gone ? state.status.nodes.erase(node) : std::next(node);
    }
    forget_former(state.configuration, state.status);
}

}  // namespace manager

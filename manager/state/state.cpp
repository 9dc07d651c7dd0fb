#include "manager/state/state.hpp"

#include <algorithm>

#include "manager/state/nodes.hpp"

namespace manager {

namespace {

bool allows_unproven(const Configuration& config) {
    return !is_true(property_value(config, "stonith-enabled")) ||
           property_value(config, "no-quorum-policy") == "ignore";
}

bool member(const NodeStatus& node) {
    return node.clearance == Clearance::member;
}

// Law 4: a start needs every other place to be known as stopped, and every node outside the view to be
// cleared (or the administrator to have switched the proof off). The scheduler plans so; this holds the line
// if it ever did not.
bool start_is_proven(const State& state, const PlannedAction& start) {
    const Primitive* const primitive = state.configuration.primitive(start.resource);
    const bool covered = primitive != nullptr && lease_covers(state.configuration, *primitive);
    for (const auto& [id, node] : state.status.nodes) {
        if (!member(node)) {
            const bool cleared = node.clearance == Clearance::clean || (covered && node.lease_out);
            if (!cleared && !allows_unproven(state.configuration)) return false;
            continue;
        }
        const auto record = node.resources.find(start.resource);
        if (record == node.resources.end()) return false;
        if (record->second.activity != Activity::stopped) return false;
    }
    return std::none_of(state.status.actions.begin(), state.status.actions.end(),
                        [&](const PlannedAction& a) {
                            return a.state == ActionState::running && a.resource == start.resource &&
                                   a.operation != "monitor";
                        });
}

// Removes the actions for which `gone` holds, and all that come after them.
template <typename Predicate>
void drop_actions(ClusterStatus& status, Predicate gone) {
    std::vector<std::uint64_t> dropped;
    const auto after_dropped = [&](const PlannedAction& a) {
        return std::any_of(a.after.begin(), a.after.end(), [&](std::uint64_t id) {
            return std::find(dropped.begin(), dropped.end(), id) != dropped.end();
        });
    };
    // `after` names earlier actions only, so one pass in order finds all dependents.
    std::erase_if(status.actions, [&](const PlannedAction& a) {
        if (!gone(a) && !after_dropped(a)) return false;
        dropped.push_back(a.id);
        return true;
    });
}

bool busy(const ClusterStatus& status, base::NodeId node, const std::string& resource) {
    return std::any_of(status.actions.begin(), status.actions.end(), [&](const PlannedAction& a) {
        return a.state == ActionState::running && a.node == node && a.resource == resource;
    });
}

std::uint64_t revision_of(const NodeStatus& node, const std::string& resource) {
    const auto record = node.resources.find(resource);
    return record == node.resources.end() ? 0 : record->second.revision;
}

// The node's own account of itself replaces what was known; revisions only ever grow.
void take_inventory(NodeStatus& node, const Hello& hello) {
    std::map<std::string, ResourceOnNode> records = hello.records;
    for (auto& [id, record] : records) {
        record.revision = std::max(record.revision, revision_of(node, id)) + 1;
    }
    node.resources = std::move(records);
    node.reports = hello.reports;
}

// What runs with another definition than the configured one is stopped with the definition it was started
// with.
void take_definitions(State& state, const Hello& hello) {
    for (const auto& [id, definition] : hello.definitions) {
        const Primitive* configured = state.configuration.primitive(id);
        if (configured == nullptr || params_digest(*configured) != params_digest(definition)) {
            state.status.former.try_emplace(id, definition);
        }
    }
}

void enter(State& state, NodeStatus& node, const Sender& sender, const SyncedView& view) {
    const Hello& hello = view.hellos.at(sender.node);
    const bool restarted = node.incarnation != sender.incarnation;
    const bool continues = member(node) && !restarted && node.member_since != 0;
    if (restarted) node.leaving = node.left = false;
    if (!hello.name.empty()) node.name = hello.name;
    node.incarnation = sender.incarnation;
    node.clearance = Clearance::member;
    node.obeys = hello.obeys;
    node.lease_out = false;
    node.why.clear();
    if (!continues) node.member_since = view.adopt_epoch;
    take_inventory(node, hello);
    take_definitions(state, hello);
    for (PlannedAction action : hello.running) {
        action.node = sender.node;
        action.state = ActionState::running;
        action.after.clear();
        state.status.actions.push_back(std::move(action));
    }
}

void leave(NodeStatus& node, const std::string& cause) {
    if (member(node) || node.clearance == Clearance::joining) {
        node.clearance = node.left ? Clearance::clean : Clearance::uncleared;
        node.why = node.left ? "left in order" : cause;
    }
    if (node.clearance == Clearance::clean) node.resources.clear();
    node.lease_out = false;  // of a former view: it may have been granted anew since
    node.member_since = 0;
    node.leaving = node.left = false;
}

// Ids of actions name their view, so that those of two sides of a partition never meet after a merge: ring
// sequence, place of the representative in the roster (at most 64 nodes), number.
std::uint64_t first_action(const SyncedView& view) {
    const auto before = std::distance(view.roster.begin(), view.roster.lower_bound(view.ring.representative));
    return view.ring.seq << 32 | static_cast<std::uint64_t>(before) << 26 | 1;
}

}  // namespace

State initial_state(const std::map<base::NodeId, std::string>& names) {
    State state;
    for (const auto& [id, name] : names) {
        NodeStatus& node = state.status.nodes[id];
        node.name = name;
        node.why = "not seen since this cluster started";
    }
    return state;
}

bool descends_from(const State& state, const Head& head) {
    if (head.index == 0) return true;
    const auto at = state.history.find(head.index);
    return at != state.history.end() && at->second == head.hash;
}

Digest digest(const State& state) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.u64(state.head.epoch);
    out.u64(state.head.index);
    out.raw(state.head.hash);
    write_canonical(out, state.configuration);
    write_canonical(out, state.status);
    out.u64(state.next_action);
    for (const auto& [node, last] : state.requests) {
        out.u32(node.value);
        out.u64(last.incarnation.value);
        out.u64(last.number);
    }
    if (state.nodes.counted || state.next_nodes) out.blob(membership::encode(state.nodes));
    if (state.next_nodes) out.blob(membership::encode(*state.next_nodes));
    return digest(base::ByteView(bytes));
}

bool apply_plan(State& state, const Plan& plan) {
    if (plan.configuration != state.configuration.version) return false;
    std::erase_if(state.status.actions,
                  [](const PlannedAction& a) { return a.state == ActionState::pending; });
    bool whole = true;
    std::map<std::uint64_t, std::uint64_t> ids;  // relative -> cluster-wide, of the accepted ones
    std::uint64_t relative = 0;
    for (const PlannedAction& planned : plan.actions) {
        ++relative;
        const auto node = state.status.nodes.find(planned.node);
        bool fits = node != state.status.nodes.end() && member(node->second) &&
                    revision_of(node->second, planned.resource) == planned.base_revision &&
                    !busy(state.status, planned.node, planned.resource);
        PlannedAction action = planned;
        action.after.clear();
        for (const std::uint64_t id : planned.after) {
            const auto accepted = ids.find(id);
            if (accepted == ids.end()) {
                fits = false;
            } else {
                action.after.push_back(accepted->second);
            }
        }
        if (!fits) {
            whole = false;
            continue;
        }
        action.id = state.next_action++;
        action.state = ActionState::pending;
        ids[relative] = action.id;
        state.status.actions.push_back(std::move(action));
    }
    return whole;
}

std::vector<PlannedAction> promote_ready(State& state) {
    ClusterStatus& status = state.status;
    const auto done = [&](std::uint64_t id) {
        return std::none_of(status.actions.begin(), status.actions.end(),
                            [id](const PlannedAction& a) { return a.id == id; });
    };
    const auto ready = [&](const PlannedAction& a) {
        return a.state == ActionState::pending && !busy(status, a.node, a.resource) &&
               std::all_of(a.after.begin(), a.after.end(), done);
    };
    drop_actions(status, [&](const PlannedAction& a) {
        return a.operation == "start" && ready(a) && !start_is_proven(state, a);
    });
    std::vector<PlannedAction> started;
    for (PlannedAction& a : status.actions) {
        if (!ready(a)) continue;
        a.state = ActionState::running;
        started.push_back(a);
    }
    return started;
}

ReportOutcome apply_report(State& state, const Sender& sender, const Report& report) {
    const auto found = state.status.nodes.find(sender.node);
    if (found == state.status.nodes.end()) return ReportOutcome::ignored;
    NodeStatus& node = found->second;
    if (!member(node) || node.incarnation != sender.incarnation || report.number <= node.reports) {
        return ReportOutcome::ignored;
    }
    node.reports = report.number;
    if (report.action != 0) {
        const auto action = std::find_if(
            state.status.actions.begin(), state.status.actions.end(), [&](const PlannedAction& a) {
                return a.id == report.action && a.node == sender.node && a.state == ActionState::running;
            });
        if (action == state.status.actions.end()) return ReportOutcome::ignored;
        state.status.actions.erase(action);
    } else if (busy(state.status, sender.node, report.resource)) {
        return ReportOutcome::ignored;  // a monitor that races a stop or a start proves nothing
    }
    ResourceOnNode& record = node.resources[report.resource];
    ++record.revision;
    const bool fatal = is_true(property_value(state.configuration, "start-failure-is-fatal"));
    const bool good = record_result(record, report, fatal);
    if (!good) {
        drop_actions(state.status, [&](const PlannedAction& a) {
            return std::find(a.after.begin(), a.after.end(), report.action) != a.after.end();
        });
    }
    forget_former(state.configuration, state.status);
    return good && report.action != 0 ? ReportOutcome::expected : ReportOutcome::surprise;
}

bool runs_nothing(const State& state, base::NodeId id) {
    const auto node = state.status.nodes.find(id);
    if (node == state.status.nodes.end()) return false;
    const auto& records = node->second.resources;
    const auto stopped = [&](const std::string& resource) {
        const auto record = records.find(resource);
        return record != records.end() && record->second.activity == Activity::stopped;
    };
    return std::all_of(state.configuration.primitives.begin(), state.configuration.primitives.end(),
                       [&](const Primitive& p) { return stopped(p.id); }) &&
           std::all_of(records.begin(), records.end(), [&](const auto& r) { return stopped(r.first); }) &&
           std::none_of(state.status.actions.begin(), state.status.actions.end(),
                        [&](const PlannedAction& a) { return a.node == id; });
}

void apply_leaving(State& state, const Sender& sender) {
    const auto node = state.status.nodes.find(sender.node);
    if (node == state.status.nodes.end() || node->second.incarnation != sender.incarnation) return;
    node->second.left = runs_nothing(state, sender.node);
}

void install_view(State& state, const SyncedView& view) {
    state.status.actions.clear();  // pending ones are planned anew; running ones come with the hellos
    std::map<base::NodeId, Sender> members;
    for (const Sender& m : view.members) members[m.node] = m;
    for (const auto& [id, m] : members) {
        const auto name = view.roster.find(id);
        const auto [node, fresh] = state.status.nodes.try_emplace(id);
        if (name != view.roster.end()) node->second.name = name->second;
        enter(state, node->second, m, view);
    }
    for (auto& [id, node] : state.status.nodes) {
        if (members.find(id) == members.end()) leave(node, view.cause);
    }
    forget_nodes(state);
    state.next_action = first_action(view);
    state.status.quorate = view.quorate;
    if (view.adopt_epoch != 0) state.head.epoch = view.adopt_epoch;
    forget_former(state.configuration, state.status);
}

void adopt(State& state, std::uint64_t epoch) {
    state.head.epoch = epoch;
    state.status.quorate = true;
    for (auto& [id, node] : state.status.nodes) {
        if (member(node) && node.member_since == 0) node.member_since = epoch;
    }
}

}  // namespace manager

#include "manager/coordinator/coordinator.hpp"

#include <algorithm>
#include <limits>

namespace manager {

std::optional<base::NodeId> coordinator_of(const ClusterStatus& status) {
    std::optional<base::NodeId> best;
    std::uint64_t best_since = 0;
    for (const auto& [id, node] : status.nodes) {
        if (node.clearance != Clearance::member) continue;
        const std::uint64_t since =
            node.member_since == 0 ? std::numeric_limits<std::uint64_t>::max() : node.member_since;
        if (!best || since < best_since) {
            best = id;
            best_since = since;
        }
    }
    return best;
}

Plan make_plan(const Schedule& schedule, const State& state, base::RingId ring) {
    Plan plan{ring, state.configuration.version, {}};
    for (const ScheduledAction& scheduled : schedule.actions) {
        PlannedAction action;
        action.id = plan.actions.size() + 1;
        action.node = scheduled.node;
        action.resource = scheduled.resource;
        action.operation = scheduled.operation;
        for (const std::size_t index : scheduled.after) action.after.push_back(index + 1);
        action.base_revision = scheduled.base_revision;
        action.why = scheduled.why;
        plan.actions.push_back(std::move(action));
    }
    return plan;
}

bool already_planned(const Schedule& schedule, const ClusterStatus& status) {
    std::vector<const PlannedAction*> pending;
    for (const PlannedAction& a : status.actions) {
        if (a.state == ActionState::pending) pending.push_back(&a);
    }
    if (pending.size() != schedule.actions.size()) return false;
    for (std::size_t i = 0; i < pending.size(); ++i) {
        const PlannedAction& a = *pending[i];
        const ScheduledAction& s = schedule.actions[i];
        if (a.node != s.node || a.resource != s.resource || a.operation != s.operation) return false;
        // Of the predecessors only pending ones can differ: those that the schedule names.
        std::vector<std::uint64_t> wanted;
        for (const std::size_t index : s.after) wanted.push_back(pending[index]->id);
        std::vector<std::uint64_t> have;
        for (const std::uint64_t id : a.after) {
            if (std::any_of(pending.begin(), pending.end(),
                            [id](const PlannedAction* p) { return p->id == id; })) {
                have.push_back(id);
            }
        }
        std::sort(wanted.begin(), wanted.end());
        std::sort(have.begin(), have.end());
        if (wanted != have) return false;
    }
    return true;
}

std::vector<std::string> problems(const Schedule& schedule, const Configuration& config,
                                  const ClusterStatus& status) {
    std::vector<std::string> lines;
    for (const auto& [id, node] : status.nodes) {
        for (const auto& [resource, record] : node.resources) {
            if (!record.blocked) continue;
            lines.push_back(resource + " is blocked on " + node.name + ": its stop failed" +
                            (record.failure && !record.failure->reason.empty()
                                 ? " (" + record.failure->reason + ")"
                                 : "") +
                            "; make sure that it is stopped there, then: crm resource cleanup " + resource);
        }
    }
    const bool stop_all = is_true(property_value(config, "stop-all-resources"));
    for (const Placement& placement : schedule.placements) {
        const Primitive* primitive = config.primitive(placement.resource);
        if (placement.node || stop_all || primitive == nullptr) continue;
        if (meta_value(config, *primitive, "target-role", "Started") == "Stopped") continue;
        lines.push_back(placement.resource + " runs nowhere: " + placement.why);
    }
    return lines;
}

}  // namespace manager

// Who plans, and what an ordered plan says. One planner at a time without an election: a function of the
// synchronised state.
#pragma once

#include <optional>
#include <vector>

#include "manager/scheduler/scheduler.hpp"
#include "manager/state/state.hpp"

namespace manager {

// The member that has been in the quorate lineage longest, the lowest id on a tie; nodes that never were in
// one come last. None without members.
[[nodiscard]] std::optional<base::NodeId> coordinator_of(const ClusterStatus& status);

// The schedule's actions as a plan for this view and configuration.
[[nodiscard]] Plan make_plan(const Schedule& schedule, const State& state, base::RingId ring);

// Whether the pending actions already are what the schedule asks for: then there is nothing to send.
[[nodiscard]] bool already_planned(const Schedule& schedule, const ClusterStatus& status);

// What keeps resources from being as they should, one line each; empty when all is as wanted.
[[nodiscard]] std::vector<std::string> problems(const Schedule& schedule, const Configuration& config,
                                                const ClusterStatus& status);

}  // namespace manager

// The scheduler: a pure function from the configuration and what is true to placements, actions and an
// explanation. Placement rules and tie-breaks are Pacemaker's; docs/decisions/0043 names the differences.
//
// Its passes, each a value made from the ones before: facts -> own scores -> placement -> sequence -> intents
// -> actions, notes.
//
// A plan is good for the facts that it was made from. What it leaves undone because an operation runs, a
// probe is out or a node is not cleared is planned when that changes: call schedule() again after each
// delivered result, and whenever configuration, membership or clearance changed. From the state that a plan
// leads to, it plans nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"

namespace manager {

// One reason for or against a node: "location web-on-n1", +200.
struct Contribution {
    std::string cause;
    Score amount;
};

struct Placement {
    std::string resource;
    // Where it shall run; none: nowhere. A node that is not a member where it stays put (what it ran is not
    // proven gone).
    std::optional<base::NodeId> node;
    std::string why;    // one sentence: what decided
    std::string waits;  // why what has to happen for that is put off; empty: nothing is
    std::map<base::NodeId, std::vector<Contribution>> contributions;
};

struct ScheduledAction {
    base::NodeId node;
    std::string resource,
        operation;  // as in PlannedAction; the resource may be a deleted one (definition_for() knows it)
    std::vector<std::size_t> after;  // indices into Schedule::actions, all smaller than the own index
    std::uint64_t base_revision{0};
    std::string why;
    bool operator==(const ScheduledAction&) const = default;
};

struct Schedule {
    std::vector<Placement> placements;  // one per primitive, in configuration order
    std::vector<ScheduledAction>
        actions;  // topologically sorted; nothing for (resource, node) pairs with a running action
    std::vector<std::string> notes;  // for status: "nothing starts: node n3 is not cleared (...)"
};

// Deterministic: equal inputs give equal outputs on every node and build.
[[nodiscard]] Schedule schedule(const Configuration& config, const ClusterStatus& status);

}  // namespace manager

// Third pass: where each resource shall run. Pacemaker's rules and tie-breaks: resources by priority, then in
// configuration order, each after those that it must be near; wishes of those that must be near it are taken
// over, scaled; the best score wins, then the node with fewer resources, then the current node, then the
// lowest name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/scores.hpp"

namespace manager::scheduling {

struct Assignment {
    std::optional<NodeIndex> node;  // none: it shall run nowhere
    std::optional<NodeIndex> kept;  // the place that is kept for it while it waits for another resource
    std::string why;                // what decided, one clause
    Table table;                    // the final scores
};

// One assignment for each resource, by ResourceIndex; deleted resources are assigned nowhere. What mandatory
// constraints demand holds for the result as a whole: who must be near a resource that runs nowhere, or come
// after it, runs nowhere too. What is unmanaged, away or deleted is taken as it is.
[[nodiscard]] std::vector<Assignment> place(const Facts& facts, const std::vector<Table>& own);

}  // namespace manager::scheduling

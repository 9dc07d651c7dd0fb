// What could be otherwise for a resource to run: the candidates that explain() tries. Private to
// manager/planner.
#pragma once

#include "manager/planner/cluster.hpp"
#include "manager/planner/hypothesis.hpp"

namespace manager::planner {

// Changes that may let `resource` run on `node` (null: anywhere), those of a passing state first and those of
// the configuration after; each once.
[[nodiscard]] std::vector<Hypothesis> blockers(const Cluster& cluster, const Resource& resource,
                                               const Node* node);
// Why nothing can be started on the node; empty: it can.
[[nodiscard]] std::string bar_of(const Node& node);

}  // namespace manager::planner

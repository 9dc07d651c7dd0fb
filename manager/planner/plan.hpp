// From a document and the time to what has to be done: the passes in order.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

// unpack, apply_criteria, assign, act. `document` must outlive the cluster; `now` in seconds since 1970.
[[nodiscard]] Cluster plan(const cib::Document& document, std::int64_t now);

// The last pass: which operations are needed and possible, and in what sequence.
[[nodiscard]] Cluster act(Cluster cluster);

// The document as it would be once every action of the plan had succeeded.
[[nodiscard]] cib::Document carry_out(const Cluster& cluster);

}  // namespace manager::planner

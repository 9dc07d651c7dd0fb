// Whether a resource still runs with the parameters that it was started with.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

enum class Change { none, reload, restart };

// What differs between the parameters that the history tells of by digest and those that are configured now.
[[nodiscard]] Change changed_parameters(const Cluster& cluster, const Resource& resource, const Node& node);

// The digest that a Pacemaker history holds for a set of parameters: MD5 of them as one XML element, by name.
[[nodiscard]] std::string parameter_digest(const Attributes& parameters);

}  // namespace manager::planner

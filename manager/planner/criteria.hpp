// The second pass: constraints are tied to resources, and every resource gets its scores node by node.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

[[nodiscard]] Cluster apply_criteria(Cluster cluster);

// The resources that a constraint names: one, or all of a tag or template.
[[nodiscard]] std::vector<Resource*> named(Cluster& cluster, const std::string& id);
[[nodiscard]] std::vector<Resource*> members_of(Cluster& cluster, const cib::ResourceSet& set);

void tie_locations(Cluster& cluster);
void tie_colocations(Cluster& cluster);
void tie_tickets(Cluster& cluster);
// A colocation that is none of the administrator's: members of a group.
Colocation& add_colocation(Cluster& cluster, Colocation colocation);

}  // namespace manager::planner

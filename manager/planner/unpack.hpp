// The first pass: from a document and the time to nodes and resources, and what runs where, in which role,
// and what failed.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

// `document` must outlive the cluster. `now` in seconds since 1970.
[[nodiscard]] Cluster unpack(const cib::Document& document, std::int64_t now);

// The parts of the pass, in order.
void unpack_options(Cluster& cluster);
void unpack_nodes(Cluster& cluster);
void unpack_resources(Cluster& cluster);
void unpack_history(Cluster& cluster);

// One more instance of a clone; an orphan beyond clone-max.
Resource& add_instance(Cluster& cluster, Resource& clone);
// A resource known from history only.
Resource& add_orphan(Cluster& cluster, const cib::ResourceHistory& report);

// An attribute of an operation of a resource: of the element, its meta set, or op_defaults; "" when unset.
[[nodiscard]] std::string operation_value(const Cluster& cluster, const Resource& resource,
                                          const std::string& operation, std::int64_t interval_ms,
                                          const std::string& name);
[[nodiscard]] OnFail on_fail(const Cluster& cluster, const Resource& resource, const std::string& operation,
                             std::int64_t interval_ms);
// Failures of a resource on a node that count: all when `effective` is false, else those that have not
// expired.
[[nodiscard]] int fail_count(const Cluster& cluster, const Resource& resource, const Node& node,
                             bool effective);

}  // namespace manager::planner

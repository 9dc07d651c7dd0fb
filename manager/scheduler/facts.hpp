// First pass: what the configuration and the ordered messages say, in the terms that the later passes decide
// in. Values that point into the Configuration and the ClusterStatus that they were made from.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"

namespace manager::scheduling {

// Nodes and resources are named by their index in Facts::nodes and Facts::resources.
using NodeIndex = std::size_t;
using ResourceIndex = std::size_t;

struct NodeFacts {
    base::NodeId id;
    std::string name;
    const NodeStatus* status{nullptr};
    bool member{false};       // its records are true, and it can be told to act
    bool maintenance{false};  // nothing is started, stopped or watched there
    std::string against;      // why no resource may be placed there ("n1 is in standby"); empty: it may
};

// One resource on one node. Nodes that are not members have none active: what they may run is `away` or
// proven gone.
struct Instance {
    Activity activity{Activity::stopped};  // on-fail=ignore makes a failed one "started"
    const ResourceOnNode* record{nullptr};
    std::string running;  // the operation that an agent is at; empty: none
};

struct ResourceFacts {
    std::string id;
    const Primitive* primitive{nullptr};  // null: deleted while a node may run it
    std::string digest;                   // params_digest() of the configured definition
    std::vector<Instance> on;             // by NodeIndex
    std::vector<NodeIndex> active;        // members where it is started or failed
    std::optional<NodeIndex>
        away;  // runs, as far as is known, on a node that is not cleared or not known yet: stays put
    std::string unmanaged;  // why it is left as it is ("is-managed is false"); empty: it is managed
    bool blocked{
        false};  // left as it is because a stop failed or on-fail=block: what it needs must not stop either
    bool maintenance{false};  // not even watched
    std::string hold;         // why it may start nowhere at the moment; empty: it may
    std::string nowhere;      // why it shall run nowhere ("target-role is Stopped"); empty: it may run
    bool unprobed{false};     // some member has not said yet whether it is active there
    bool other_agent{false};  // an instance is active that another agent started, under the same id
    bool in_flight{false};    // a start or a stop of it is running somewhere
    Score priority, stickiness;

    [[nodiscard]] std::optional<NodeIndex> current() const {
        return active.size() == 1 ? std::optional(active.front()) : std::nullopt;
    }
    [[nodiscard]] bool active_on(NodeIndex node) const {
        return on[node].activity == Activity::started || on[node].activity == Activity::failed;
    }
    [[nodiscard]] bool busy_on(NodeIndex node) const { return !on[node].running.empty(); }
};

struct Facts {
    const Configuration* config{nullptr};
    const ClusterStatus* status{nullptr};
    std::vector<NodeFacts> nodes;  // by node id
    std::vector<ResourceFacts>
        resources;  // the configured ones in configuration order, then deleted ones by id
    std::map<std::string, ResourceIndex> by_id;
    bool maintenance{false};  // of the whole cluster
    bool symmetric{true};
    bool start_failure_is_fatal{true};
    bool proof{true};  // nodes outside the view must be cleared before anything starts
};

[[nodiscard]] Facts gather_facts(const Configuration& config, const ClusterStatus& status);

// What on-fail says about the failure of a record: "restart" unless the failed operation is configured
// otherwise.
[[nodiscard]] std::string on_fail(const Configuration& config, const Primitive& primitive,
                                  const Failure& failure);
// "monitor: not running" or "start: timed out (no answer on port 80)"
[[nodiscard]] std::string failure_text(const Failure& failure);

}  // namespace manager::scheduling

// What is true as far as ordered messages said so: the replicated half that the scheduler reads beside the
// configuration.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/model/configuration.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace manager {

// What is known of one resource on one node.
enum class Activity {
    unknown,  // not probed in this incarnation of the node: may be active
    stopped,
    started,
    failed,  // may be active and is broken: must be stopped before it can start anywhere
};

struct Failure {
    std::string operation;  // "monitor", "start", "stop"
    base::Duration interval;
    int code{0};
    std::string reason;
    base::WallTime when;  // stamped in the ordered message
    bool operator==(const Failure&) const = default;
};

struct ResourceOnNode {
    Activity activity{Activity::unknown};
    bool monitored{false};         // recurring monitors run on the node; a stop ends them
    std::string monitored_digest;  // monitors_digest() of those that run; differs from config -> re-armed
    bool cannot_run{false};        // probe or start said 5 (or 2, 4): banned on this node
    bool blocked{false};           // a stop failed and nothing can fence: hands off until cleanup
    bool found_by_probe{false};    // was already active when first probed (enabled outside the cluster)
    // Failures since the last cleanup; banned here from migration-threshold on. A failed start bans by
    // `failure` alone, unless start-failure-is-fatal is false.
    std::uint32_t fail_count{0};
    std::optional<Failure> failure;  // the last one
    // params_digest() of the definition with which it was started or found by a probe; differs from config ->
    // restart. "" is "not known": left as it runs.
    std::string started_params;
    // Grows with every change of this record; a planned action names the value that it was based on.
    std::uint64_t revision{0};
    bool operator==(const ResourceOnNode&) const = default;
};

enum class Clearance {
    member,     // in the view, its inventory of this incarnation was delivered
    joining,    // in the view, inventory not yet delivered
    clean,      // outside the view and cleared: it left in order, or an administrator or a fence confirmed it
    uncleared,  // outside the view: may still run things; but see NodeStatus::lease_out
};

struct NodeStatus {
    std::string name;
    Clearance clearance{Clearance::uncleared};
    base::Incarnation incarnation;
    // Uncleared, but its lease was out in this view: it has dropped what the lease covers (lease_covers), and
    // nothing else.
    bool lease_out{false};
    bool obeys{false};  // by its last word it drops everything when its lease is out
    std::string why;    // in words: "left in order", "not heard since its link was lost", "never seen"
    std::uint64_t member_since{
        0};               // adoption epoch since which it was in every quorate view; 0: not a member
    bool leaving{false};  // asked to shut down: its resources move away first
    bool left{false};     // said that it runs nothing and leaves; the next view without it finds it clean
    std::uint64_t reports{0};  // number of its last report (of this incarnation) that is part of `resources`
    std::map<std::string, ResourceOnNode> resources;  // by resource id
    bool operator==(const NodeStatus&) const = default;
};

// An operation that an accepted plan started and whose result was not delivered yet.
enum class ActionState { pending, running };
struct PlannedAction {
    std::uint64_t id{0};  // unique in the cluster's life: assigned at delivery of the plan
    base::NodeId node;
    std::string resource;
    // probe, start, stop (also ends the recurring monitors: the node's executor cancels them first), monitor
    // (arms the recurring monitors of the current definition in place of those that run), cancel (ends the
    // recurring monitors)
    std::string operation;
    std::vector<std::uint64_t> after;  // ids of this plan's actions whose success must be delivered first
    std::uint64_t base_revision{0};    // of the record (resource, node) that it was decided from
    ActionState state{ActionState::pending};
    std::string why;  // "failover-ip must stop on n1: n1 is in standby"
    bool operator==(const PlannedAction&) const = default;
};

struct ClusterStatus {
    std::map<base::NodeId, NodeStatus> nodes;  // every configured node
    std::vector<PlannedAction> actions;        // of the accepted plan, finished ones removed
    // By resource id: the definition before a change or a deletion, kept while an instance of it may be
    // active. Such an instance is stopped (and looked for) with what it was started with: the address that
    // was, not the one that shall be.
    std::map<std::string, Primitive> former;
    bool quorate{false};
    bool operator==(const ClusterStatus&) const = default;
};

// The definition to run `operation` of a resource with on a node: a stop, monitor or cancel of an instance
// that was started with the former one, and a probe while there is a former one, take that; all else takes
// the configured one. Null: neither is known.
[[nodiscard]] const Primitive* definition_for(const Configuration& config, const ClusterStatus& status,
                                              base::NodeId node, const std::string& resource,
                                              const std::string& operation);

// To be called when a configuration takes effect: keeps in `status.former` what `before` said of each
// resource whose agent or params changed or that is gone, where a node may still run it (an earlier former
// definition stays).
void keep_former(const Configuration& before, const Configuration& after, ClusterStatus& status);

// To be called when records or clearances changed: drops former definitions that no node can run any more
// (stopped on every member, every other node cleared). With a deleted resource, or one whose agent changed,
// its records go too: the agent that is configured now has not been asked.
void forget_former(const Configuration& config, ClusterStatus& status);

}  // namespace manager

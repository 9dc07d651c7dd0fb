// The replicated state and what each ordered message does to it. Pure functions of the state and the message:
// every member applies the same ones in the same order and so holds the same state (its digest is compared at
// each view).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "manager/state/message.hpp"
#include "membership/roster/node_list.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"

namespace manager {

// One process start of a node, as the ring names it.
struct Sender {
    base::NodeId node;
    base::Incarnation incarnation;
    bool operator==(const Sender&) const = default;
};

struct LastRequest {
    base::Incarnation incarnation;
    std::uint64_t number{0};
    bool operator==(const LastRequest&) const = default;
};

struct State {
    // The durable part: on disk at every node, and what an acknowledgement is about.
    Head head;
    Configuration configuration;
    std::string last_user;  // who changed it last: "root via custos on n1"
    base::WallTime last_change;
    std::map<base::NodeId, LastRequest>
        requests;  // of clients, by the node that took them: each applies once
    std::map<std::string, std::uint64_t> changed;  // version in which an object or option was last changed
    // The configured nodes. Not counted: each node goes by its own file, and this is no part of what is
    // compared and transferred. `next_nodes`: a change that does not count yet (docs/decisions/0128).
    membership::NodeList nodes;
    std::optional<membership::NodeList> next_nodes;
    std::map<std::uint64_t, Digest> history;  // index -> hash of the last heads: tells a forebear from a fork
    // The volatile part: observed again after a full restart.
    ClusterStatus status;
    std::uint64_t next_action{1};
};

[[nodiscard]] base::Bytes encode(const State& state);
[[nodiscard]] base::Result<State> decode_state(base::ByteView bytes);
// The list of nodes that a record of the journal has; none: no change was ever made while the cluster ran.
[[nodiscard]] base::Result<std::optional<membership::NodeList>> decode_nodes(base::ByteView journal);
// The durable part alone (status and next_action come back empty).
[[nodiscard]] base::Bytes encode_durable(const State& state);
// A record of the journal: the durable part, and what quorum keeps of its own beside it.
[[nodiscard]] base::Bytes encode_journal(const State& state, const membership::QuorumMemory& quorum);
// Of a record that decode_state reads.
[[nodiscard]] base::Result<membership::QuorumMemory> decode_quorum(base::ByteView journal);
// Of everything; equal at members that need no transfer.
[[nodiscard]] Digest digest(const State& state);

// Whether `head` is this state's head or one that it grew from (as far back as its history reaches).
[[nodiscard]] bool descends_from(const State& state, const Head& head);

// A state before any message: all nodes of the roster, none seen.
[[nodiscard]] State initial_state(const std::map<base::NodeId, std::string>& names);

struct CommandOutcome {
    base::Status result{base::ok()};  // refused: why, in words; the state is unchanged
    bool repeated{false};             // was applied before
    bool durable{false};              // changed the durable part: head moved on
};
// Applies a client's command. Every decision about it is made here, at delivery.
[[nodiscard]] CommandOutcome apply_command(State& state, const Sender& sender, const ClientCommand& command);

// Whether the nodes that the change under way removes are out of it: those that are members run nothing.
[[nodiscard]] bool removed_run_nothing(const State& state);
// The change of the nodes that is under way counts from now on. There is one.
void count_nodes(State& state);

// Replaces what is planned and not yet running. Actions whose record has changed since the plan was made are
// left out, with those that depend on them. Ignored when it was made for another configuration. Returns
// whether it was taken whole.
[[nodiscard]] bool apply_plan(State& state, const Plan& plan);

// What a report did to the plan.
enum class ReportOutcome {
    ignored,   // late, doubled or of a former incarnation
    expected,  // the action succeeded: those after it may run
    surprise,  // a failure, or something nobody planned: think again
};
[[nodiscard]] ReportOutcome apply_report(State& state, const Sender& sender, const Report& report);

// Marks as running the pending actions whose predecessors are done, and returns them. To be called wherever
// effects are allowed (a regular, synchronised view), at every member alike.
[[nodiscard]] std::vector<PlannedAction> promote_ready(State& state);

// Every configured or formerly configured resource is known as stopped on the node, and nothing is being done
// there.
[[nodiscard]] bool runs_nothing(const State& state, base::NodeId node);

// The sender leaves. Only one that runs nothing is clean afterwards.
void apply_leaving(State& state, const Sender& sender);

// A view whose members all said hello.
struct SyncedView {
    std::vector<Sender> members;
    std::map<base::NodeId, Hello> hellos;
    std::map<base::NodeId, std::string> roster;  // configured nodes and their names
    base::RingId ring;
    bool quorate{false};
    std::uint64_t adopt_epoch{0};  // nonzero: this view adopts the head under this epoch
    std::string cause;             // why the view came about
};
void install_view(State& state, const SyncedView& view);

// Later in the same view: the vote came to be enough.
void adopt(State& state, std::uint64_t epoch);

// How a finished operation changes the record of the resource on its node; used by the state at delivery and
// by the node's own executor at once. Returns whether it was what the operation was meant to bring about.
bool record_result(ResourceOnNode& record, const Report& report, bool start_failure_is_fatal);

}  // namespace manager

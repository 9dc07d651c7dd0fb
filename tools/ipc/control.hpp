// The local control protocol between `custos` and custosd: framed protobuf (tools/ipc/control.proto) over a
// Unix stream socket whose peers show their credentials (SO_PEERCRED). These are its values; codec.hpp has
// their bytes, server.hpp and client.hpp the two ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/model/command.hpp"
#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace tools {

// --- client -> daemon
struct GetStatus {};
struct GetRing {};  // answered also while there is no ring
// Run a command; the answer comes when it is durable (or refused).
struct RunCommand {
    manager::Command command;
};
// Answer when this configuration version (or a later one) has converged: nothing left to do, or only things
// that cannot be done.
struct WaitConverged {
    std::uint64_t version{0};
};
// Stop this daemon in order: hand over resources, leave the ring, exit.
struct Shutdown {};
// Nobody is waited for any more in the present view (wait_for_all); answered with a CommandReply once all
// members know.
struct CancelWaitForAll {};
// Change the key that the nodes share; answered with a CommandReply once the old one is gone everywhere, or
// (with a remark that says for whom) when the change waits for an absent node, or for one that can't write.
struct RotateKey {
    bool wait{true};  // false: for nobody who is absent now; a change under way does not either any more
};
// Other nodes (docs/decisions/0128); each is answered with a CommandReply once the change counts, whose
// remark says what was changed; or after ten seconds, with whom it waits for.
struct AddNode {
    std::string name;
    std::vector<std::string> addresses;  // one for each link, in their order; none: the name is resolved
};
struct RemoveNode {
    std::string name;
    bool vouched{false};  // it is silent, and is off for certain
};
struct ReloadNodeFile {};  // the nodelist of the answering node's file, as it was edited
using Request = std::variant<GetStatus, RunCommand, WaitConverged, Shutdown, GetRing, CancelWaitForAll,
                             RotateKey, AddNode, RemoveNode, ReloadNodeFile>;

// --- daemon -> client
// LocalFacts::phase of a node that has not started yet: there is no ring, and configuration and status are
// empty.
inline constexpr const char* kWaiting = "waiting";
// The same where a file stands for a cluster (tools/crm/offline.hpp): no node is there.
inline constexpr const char* kOffline = "offline";
// The lease of the answering node, as its guard sees it (docs/safety.md).
struct LocalLease {
    std::string policy;       // in words, what holds in this cluster; empty: not known yet
    bool enforced{false};     // without a lease this node holds nothing
    bool proven{true};        // that a resource runs in one place only
    std::int64_t left_ms{0};  // of the right to hold; 0: none, or not enforced
    bool operator==(const LocalLease&) const = default;
};

struct LocalFacts {
    std::string node;  // name of the node that answers
    base::NodeId node_id;
    std::string cluster_name;
    std::string version;
    std::string coordinator;  // node name, empty without one
    std::string phase;        // ring phase
    std::string ring_id;
    std::vector<base::NodeId> members;  // of the last regular view
    bool synchronised{false};           // the members of this view agree on one state
    std::string quorum_reason;
    std::vector<std::string> warnings;  // lines that an administrator should see
    std::vector<std::string> notes;     // of the last schedule at the coordinator ("nothing starts: ...")
    std::uint64_t ring_tokens{0}, ring_delivered{0}, ring_retransmitted{0}, ring_views{0};
    std::uint64_t ring_refused{
        0};  // frames that were not opened: garbage, another key or cluster, corosync's
    std::int64_t rotation_us{0};
    LocalLease lease{};
    std::string last_change;  // "Sun Nov 22 10:00:00 2026 by root via custos on n1"
};
struct StatusReply {
    LocalFacts local;
    manager::Configuration configuration;
    manager::ClusterStatus status;
};

// The ring as the answering node sees it (`custos ring status`). Counters: since the daemon started.
struct RingAddress {
    std::uint32_t link{0};  // N of ringN_addr
    std::string address;    // as RingNode::address
    bool operator==(const RingAddress&) const = default;
};
struct RingNode {
    base::NodeId id;
    std::string name;
    std::string address;  // as configured; empty: its name did not resolve yet
    std::uint32_t votes{0};
    std::vector<RingAddress> addresses{};  // by all links, the first one again; ascending
    std::uint32_t joins{0};  // how often it became a member since this daemon started; 0: never seen
    base::WallTime since{};  // when it became a member, or ceased to be one; 0: not known
    // Of the membership change that brought or took it: RingChange::cause, and what was seen of this node.
    // Empty: not kept any more, or never seen.
    std::string cause{}, why{};
    bool operator==(const RingNode&) const = default;
};
// One way to one peer.
struct RingLink {
    base::NodeId peer;
    std::uint32_t number{0};  // N of ringN_addr
    std::string interface, local, remote;
    std::uint32_t port{0};
    std::string state;     // "unknown", "up", "down", "blocked_out" (it does not hear us), "blocked_in"
    bool active{false};    // carries the ring's frames to this peer
    bool lifeline{false};  // the peer's machine tells at once when its daemon dies
    base::WallTime since;  // when the state began; 0: not known
    std::int64_t srtt_us{0}, rttvar_us{0};  // 0: not measured yet
    std::uint32_t mtu{0};                   // 0: not known yet
    double loss{0};                         // of our last heartbeats, 0 to 1
    std::uint64_t sent{0}, lost{0};         // heartbeats
    std::uint64_t went_down{0};
    std::string group;    // of the link: an address, or "broadcast"; empty: none
    bool copies{false};   // the group does not reach the peer: what goes to all goes to it by unicast
    std::string trouble;  // what is wrong with the path though it is up; empty: nothing
    bool operator==(const RingLink&) const = default;
};
struct RingFinding {
    base::NodeId subject;      // whom it is about; 0: nobody in particular
    base::NodeId reporter;     // whose word it is; 0: the answering node saw it itself
    std::int64_t after_us{0};  // since the change began
    std::string evidence;
    bool operator==(const RingFinding&) const = default;
};
struct RingChange {
    std::string cause;  // one word, see totem::wire::Reason: "token_lost"
    base::WallTime installed;
    std::int64_t gather_us{0}, commit_us{0}, recovery_us{0};  // time in each phase, over all attempts
    std::uint32_t attempts{0};
    std::string before, after;               // ring ids; before: empty at the first view
    std::vector<base::NodeId> members;       // of the view after
    std::vector<base::NodeId> lost, joined;  // a node in both: another process start of it came
    std::vector<RingFinding> findings;       // in order, the cause first
    bool operator==(const RingChange&) const = default;
};
struct RingRejected {
    std::string reason;
    std::uint64_t frames{0};
    bool operator==(const RingRejected&) const = default;
};
struct RingKey {
    std::uint32_t id{0};
    std::string fingerprint;
    std::vector<base::NodeId> senders;  // peers here whose newest frame is sealed with it
    bool operator==(const RingKey&) const = default;
};
// What a node said last of its key file.
struct RingKeyHolder {
    base::NodeId node;
    std::string sends;    // fingerprint
    std::string accepts;  // as well; empty: no other
    bool operator==(const RingKeyHolder&) const = default;
};
// A line of the node file, named as corosync's cmap names it: "totem.interface.0.mcastport".
struct RingSetting {
    std::string key, value;
    bool operator==(const RingSetting&) const = default;
};
// A process group of other programs.
struct RingGroupMember {
    base::NodeId node;
    std::uint32_t pid{0};
    bool operator==(const RingGroupMember&) const = default;
};
struct RingGroup {
    std::string name;  // any bytes
    std::vector<RingGroupMember> members;
    bool operator==(const RingGroup&) const = default;
};
struct RingReply {
    std::string cluster_name, version, node;
    base::NodeId node_id;  // 0: not known yet
    std::string waiting;   // why there is no ring yet; empty: there is one
    std::string trouble;   // what is in the ring's way; empty: nothing
    std::vector<RingNode> nodes;
    std::string phase, ring_id;
    std::vector<base::NodeId> members;  // of the last regular view
    bool synchronised{false}, quorate{false};
    std::string quorum_reason;
    std::int64_t token_us{0}, consensus_us{0};  // as configured
    std::int64_t rotation_us{0};
    std::uint64_t tokens{0}, views{0};
    std::uint64_t delivered{0};                             // messages
    std::uint64_t sent{0}, retransmitted{0}, discarded{0};  // datagrams
    std::uint64_t queued_bytes{0}, queue_limit{0};
    // Bytes not known to be with all members; how many may be now, and at most.
    std::uint64_t outstanding{0}, window{0}, largest_window{0};
    std::uint64_t other_version{0};  // frames of a protocol version that this node does not speak
    std::uint32_t features{0};       // bits: what all members of the view can
    std::uint64_t frames_received{0}, frames_sent{0};
    std::uint64_t send_failed{0};  // refused by the operating system
    std::string last_send_error;
    std::uint64_t overflowed{0}, receive_buffer{0};  // frames; bytes
    std::vector<RingRejected> rejected;              // every reason, also those of no frame
    std::uint64_t wrong_source{0};
    std::string last_wrong_source, last_foreign_source;
    std::uint64_t pauses{0};  // how often the ring was not scheduled for more than half a token timeout
    std::int64_t longest_pause_us{0};
    bool realtime{false}, memory_locked{false};
    std::vector<RingKey> keys;        // live ones; this node seals with the first
    std::vector<RingLink> links;      // ascending by peer, then by number
    std::vector<RingChange> changes;  // the newest last
    std::uint64_t ring_sequence{0};   // of ring_id
    base::NodeId representative;
    // Votes of the members, and what a majority of them is; flags in the words and the order of votequorum.
    std::uint32_t votes{0}, needed{0}, expected{0};
    bool majority{false};  // more than two_node alone
    std::vector<std::string> flags;
    std::int64_t join_us{0};  // as configured
    std::vector<RingSetting> settings;
    std::vector<RingGroup> groups;
    std::vector<RingKeyHolder> key_holders;  // ascending; absent nodes among them
    std::string key_change;                  // how far a change of the key is; empty: none is under way
    std::string key_trouble;                 // what this node could not do of it; empty: nothing
    std::uint64_t nodes_version{0};          // of the list of nodes in force
    bool nodes_counted{false};   // it was changed while the cluster ran; else it is this node's file's
    std::string nodes_change;    // under way, in words; empty: none
    bool two_node_ended{false};  // the cluster has two votes, and had others: two_node is off
    bool operator==(const RingReply&) const = default;
};
struct CommandReply {
    std::uint64_t version{0};  // of the configuration that holds the change
    std::string remark;        // "on this node only: ..." ; empty: durable on a quorum's disks
    bool under_way{false};     // a change of the nodes that does not count yet; it goes on by itself
};
struct Converged {
    std::uint64_t version{0};
    std::vector<std::string> problems;  // what could not be done and why; empty: all as wanted
};
struct ShutdownReply {};
struct Refused {
    std::string message;
};
using Reply = std::variant<StatusReply, CommandReply, Converged, ShutdownReply, Refused, RingReply>;

inline constexpr const char* kDefaultSocket = "/run/custos/custos.sock";

}  // namespace tools

// The manager's messages on the ring. Each takes effect at its delivery, in the agreed order, at every node
// alike.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/model/command.hpp"
#include "manager/model/status.hpp"
#include "manager/state/digest.hpp"
#include "membership/keys/rotation.hpp"
#include "membership/lease/granter.hpp"
#include "membership/quorum/quorum.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"

namespace manager {

// Identifies a configuration: the epoch that last adopted it, its version, and the chain of digests up to it.
struct Head {
    std::uint64_t epoch{
        0};  // 0: nothing was ever adopted (a node that has never been in a cluster, or lost its disk)
    std::uint64_t index{0};  // Configuration::version
    Digest hash{};
    auto operator<=>(const Head&) const = default;
};

// A node's first message in a regular view: who it is and what it knows and runs.
struct Hello {
    base::RingId ring;  // the view that it speaks of; ignored in another
    std::string name;   // of this node, as its own file or host says
    Head head;          // in memory
    bool live{false};   // was synchronised before: its state of the cluster is more than a guess
    membership::QuorumHello quorum;
    std::uint64_t member_since{0};
    Digest state{};            // of the whole replicated state; equal at members that need no transfer
    std::uint64_t reports{0};  // number of the last report that `records` contains
    std::map<std::string, ResourceOnNode> records;  // of this node, from its own executor
    std::map<std::string, Primitive> definitions;   // of the active ones, as they were started
    std::vector<PlannedAction> running;             // what its agents are at
    // The lease: what it has promised about the others, whether its guard drops everything when its own is
    // out, and whom it took for cleared because theirs was (since it last saw them as members).
    std::vector<membership::Promise> promises;
    bool obeys{false};
    base::NodeSet took;
};

// The state of the member that all others follow in this view.
struct Snapshot {
    base::RingId ring;
    base::Bytes state;
};

// The sender has this head on its disk.
struct Persisted {
    Head head;
};

// A command of a client. (sender, number) makes it apply once.
struct ClientCommand {
    std::uint64_t number{0};
    std::string user;  // "root via custos on n1"
    base::WallTime when;
    Command command;
};

// The coordinator's plan. Ids and `after` of its actions are relative: 1, 2, 3 ... in order.
struct Plan {
    base::RingId ring;               // view that it was made in; void in another
    std::uint64_t configuration{0};  // version that it was made for
    std::vector<PlannedAction> actions;
};

// What came of an operation on the sender's node.
struct Report {
    std::uint64_t number{0};  // grows by one with each report of this incarnation
    std::uint64_t action{0};  // of the plan; 0: a recurring monitor changed its mind
    std::string resource, operation;
    base::Duration interval;
    int code{0};
    std::string reason;
    std::string params, monitors;  // digests of what it ran with
    base::WallTime when;
};

// What quorum's members tell each other in order (class membership::Quorum).
struct QuorumFact {
    enum class Kind { roster_proposed, persisted, wait_for_all_cancelled };
    base::RingId ring;  // the view that it was sent in; void in another
    Kind kind{Kind::roster_proposed};
    membership::QuorumStamp stamp;  // persisted: what the sender has on disk
};

// What is found out about leases, in order.
struct LeaseFact {
    base::RingId ring;                // the view that it was sent in; void in another
    std::optional<base::NodeId> out;  // the lease of this node, outside the view, is out
    bool obeys{false};                // without `out`: whether the sender obeys its own from now on
};

// What the sender's key file has; and a key that those who lack it are to accept (class
// membership::KeyRotation).
struct KeyFact {
    membership::KeyWord word;
};
struct KeyOffer {
    totem::MasterKeys::Live key;
};

// The change of the nodes to this version counts from now on: it is on the disks of a majority of before and
// of after it, and no lease is left that was granted by a set which is a majority of one of them only.
struct NodesFact {
    base::RingId ring;  // the view that it was found in; void in another
    std::uint64_t version{0};
};

// The sender runs nothing any more and leaves after this.
struct Leaving {};

using Message = std::variant<Hello, Snapshot, Persisted, ClientCommand, Plan, Report, QuorumFact, LeaseFact,
                             Leaving, KeyFact, KeyOffer, NodesFact>;

[[nodiscard]] base::Bytes encode(const Message& message);
[[nodiscard]] base::Result<Message> decode_message(base::ByteView bytes);

}  // namespace manager

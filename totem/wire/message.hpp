// The messages of the ring as values. What each is for, and who may send it when, is in docs/protocol.md; how
// it looks on the wire is in codec.cpp. A decoded message is well-formed (counts bounded, lists sorted,
// numbers consistent with each other) but says nothing yet about whether it fits the receiver's state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"

namespace totem {

// A member of a view is one process start of one node.
struct Member {
    base::NodeId node;
    base::Incarnation incarnation;
    auto operator<=>(const Member&) const = default;
};

// The id of the ring of these members (by ascending node, at least one), the first of which represents it. No
// two processes have the same node and incarnation, so that no two sets of them share a ring id, whatever
// their members remember of rings and sequences.
[[nodiscard]] base::RingId ring_of(std::uint64_t seq, const std::vector<Member>& members);

// What is promised when a message is delivered. Agreed: everybody who delivers it does so in the same order.
// Safe: besides, in a regular view, that all its members have received it.
enum class Guarantee : std::uint8_t { agreed, safe };

namespace wire {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxMembers = 64;       // of one ring
constexpr std::size_t kMaxRetransmit = 100;   // sequence numbers asked for in one token
constexpr std::size_t kMaxRanges = 8;         // of a have-list
constexpr std::size_t kMaxDatagram = 65'000;  // of any ring message

// The right to send, one per ring. Unicast to the successor.
struct Token {
    base::RingId ring;
    std::uint64_t token_seq{0};  // +1 at every hop
    base::Seq seq;               // of the last datagram that was sequenced
    base::Seq aru;               // all received up to: the lowest of all members, once it came round
    base::NodeId aru_owner;      // who lowered aru last; 0: nobody, aru == seq
    // Whose the datagram after aru is, which somebody lacks; 0: nobody who has it has seen this token yet.
    base::NodeId lacked_of;
    // Flow control, in bytes with what a datagram costs besides its own.
    std::uint64_t sequenced{0};         // all datagrams up to seq
    std::uint64_t everywhere{0};        // those of them that are known to be with all members
    std::uint32_t window{1};            // that may be outstanding now; at least 1
    std::uint8_t steady{0};             // rotations until the window may be changed again
    bool limited{false};                // somebody had to wait for the window during this rotation
    base::NodeId claimant;              // whom the others leave room for its next datagram; 0: nobody
    std::uint32_t claim{0};             // what that one takes
    std::uint32_t fcc{0};               // flow control count: sent during the last rotation
    std::uint32_t backlog{0};           // what the members still want to send
    std::uint16_t unrecovered{0};       // members with old-ring datagrams still to send (recovery only)
    std::vector<base::Seq> retransmit;  // asked for; ascending
    bool operator==(const Token&) const = default;
};

// Where an encapsulated datagram stood in its old ring.
struct Origin {
    base::RingId ring;
    base::Seq seq;
    base::NodeId originator;
    bool operator==(const Origin&) const = default;
};

// One sequenced datagram. Multicast.
struct Data {
    base::RingId ring;
    base::Seq seq;
    base::NodeId originator;                 // who sequenced it; a retransmission is sent by somebody else
    Guarantee guarantee{Guarantee::agreed};  // of all messages in it; kept when it is recovered
    std::optional<Origin>
        recovered;        // set: the payload is that of an old ring's datagram, sent again in recovery
    base::Bytes payload;  // chunks (packing.hpp)
    bool operator==(const Data&) const = default;
};

// Why a node gathers; travels in joins so that everybody can name the first cause.
enum class Reason : std::uint8_t {
    start,
    token_lost,
    joined,
    restarted,
    left,
    foreign,
    commit_lost,
    recovery_lost,
    died,              // its guard says so
    unreachable,       // its machine says that nobody listens, and it did not answer
    failed_to_receive  // the subject leaves, since it does not get what it asks for
};
constexpr std::uint8_t kReasons = 11;

// What a node asked for in vain.
struct Lack {
    base::Seq seq;            // of a datagram of its ring
    base::NodeId originator;  // 0: not known
    std::uint32_t ms{0};      // for so long
    std::uint32_t visits{0};  // of the token meanwhile
    bool operator==(const Lack&) const = default;
};

// What a node thinks of another in this round of membership. Ordered: a failed process is above its living
// self, a later process of the same node is above both, so that merging two opinions is taking the larger
// one.
struct Standing {
    base::Incarnation incarnation;
    bool failed{false};
    auto operator<=>(const Standing&) const = default;
};
struct NodeStanding {
    base::NodeId node;
    Standing standing;
    bool operator==(const NodeStanding&) const = default;
};

// One node's row of the matrix of who hears whom; bit i is the join's i-th node. A node that is in neither
// set may still answer.
struct JoinRow {
    std::uint8_t owner{0};    // which of the join's nodes
    std::uint64_t serial{0};  // of the owner's join that said this: the newest counts
    std::uint64_t heard{0};   // their joins arrive
    std::uint64_t deaf{0};    // were waited for in vain
    bool operator==(const JoinRow&) const = default;
};

// "These are the nodes that I know of, these of them I hold for failed, and this is who hears whom."
// Multicast, repeated.
struct Join {
    std::uint64_t serial{0};    // grows with every membership message of a process: old ones are recognised
    std::uint64_t ring_seq{0};  // highest ring sequence that the sender knows of
    std::uint32_t features{0};  // bits; a ring runs what all its members have
    Reason reason{Reason::start};
    base::NodeId subject;             // whom the reason names; 0: nobody
    std::vector<NodeStanding> nodes;  // ascending by node, at most kMaxMembers
    std::vector<JoinRow> rows;        // ascending by owner: the sender's own, and those that it knows of
    std::optional<Lack> lack;         // the subject's, if and only if the reason is failed_to_receive
    bool operator==(const Join&) const = default;
};

// Sequence numbers without a gap, both ends included.
struct Range {
    base::Seq first, last;
    bool operator==(const Range&) const = default;
};

// One member's line in the commit token.
struct CommitEntry {
    Member member;
    bool filled{false};  // the rest is meaningless until the member has filled it in
    base::RingId old_ring;
    // Of its old ring: known to be received by everybody, all received up to, and highest received.
    base::Seq stable, aru, high;
    // Whose messages it owes delivery after a gap, besides its own: bit i is the old ring's i-th member.
    std::uint64_t obliged{0};
    // What it holds above aru, ascending, with gaps between. With kMaxRanges of them nothing is said of what
    // is above the last; else the last ends at `high`.
    std::vector<Range> held;
    bool operator==(const CommitEntry&) const = default;
};

// Goes round twice: the first pass collects the entries, the second shows them to all. Unicast along the
// list.
struct CommitToken {
    base::RingId ring;
    std::uint16_t hop{0};              // member number hop % size is meant to receive it; pass = hop / size
    std::uint32_t features{0};         // what all have who entered themselves so far
    std::uint32_t window{1};           // the largest that they all agree to, bytes; at least 1
    std::vector<CommitEntry> entries;  // ascending by node, the first is the representative
    bool operator==(const CommitToken&) const = default;
};

// "This ring exists, and I hear these nodes": lets rings find each other. Multicast, and unicast in answer to
// a node that may not know that it is heard.
struct BeaconNode {
    Member member;
    bool mate{false};   // on the sender's ring, or about to be; else of elsewhere
    bool held{false};   // of elsewhere, and not to be gathered with for now
    bool heard{false};  // by the sender, lately
    bool operator==(const BeaconNode&) const = default;
};
struct Beacon {
    std::uint64_t serial{0};
    base::RingId ring;
    std::vector<BeaconNode> nodes;  // ascending by node, at most kMaxMembers
    bool operator==(const Beacon&) const = default;
};

// "I have something to send": whoever holds the idle ring's token passes it on at once. Multicast.
struct Wake {
    base::RingId ring;
    bool operator==(const Wake&) const = default;
};

// "The token arrived": stops the sender's retries where the receiver will not pass it on at once. Unicast.
struct TokenAck {
    base::RingId ring;
    std::uint64_t token_seq{0};
    bool operator==(const TokenAck&) const = default;
};

// The end of one process, for ever. Multicast by itself, or sent by its guard when it is dead.
struct Leave {
    std::uint64_t serial{0};
    bool died{false};  // it did not say this itself
    bool operator==(const Leave&) const = default;
};

// Finds out whether a process is there, apart from everything else. Unicast.
enum class ProbeKind : std::uint8_t {
    look,  // expects nothing: where nobody listens, the machine says so
    ask,   // expects an answer at once
    answer
};
constexpr std::uint8_t kProbeKinds = 3;
struct Probe {
    ProbeKind kind{ProbeKind::look};
    bool operator==(const Probe&) const = default;
};

using Message = std::variant<Token, Data, Join, CommitToken, Beacon, Wake, TokenAck, Leave, Probe>;

}  // namespace wire
}  // namespace totem

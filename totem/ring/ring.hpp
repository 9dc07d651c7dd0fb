// The ring: Totem's single-ring protocol as a value that is stepped. No socket, clock, thread, random source
// or log sink is inside: opened datagrams and `now` go in, an outbox and the next deadline come out. The
// engine drives it from sockets, the simulator from a seeded queue; both run this same code.
//
// Protocol: Amir, Moser, Melliar-Smith, Agarwal, Ciarfella, "The Totem Single-Ring Ordering and Membership
// Protocol", ACM TOCS 13(4), 1995; extended virtual synchrony: Moser, Amir, Melliar-Smith, Agarwal, ICDCS
// 1994. docs/protocol.md has the states, the timers and where we differ from the papers.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/rng.hpp"
#include "totem/base/time.hpp"
#include "totem/base/trace.hpp"
#include "totem/wire/message.hpp"  // Member

namespace totem {

// Who is on a ring. Members are sorted by node id; a node occurs once.
struct View {
    base::RingId ring;
    std::vector<Member> members;
    bool operator==(const View&) const = default;
    [[nodiscard]] base::NodeSet nodes() const;
};

// Everything that the layer above learns, in the only order that matters.
struct Delivered {
    base::RingId ring;  // the ring that sequenced the message
    base::Seq seq;  // the message's place in the ring's order: strictly grows within a ring, names the same
                    // message at every member (the datagram that completed it x 65536 + its index in there)
    Member sender;
    base::Bytes payload;
    bool transitional{false};  // delivered between a transitional and its regular view: may change state,
                               // must cause no effect
};
struct Transitional {  // those of the old ring who come along with us to the new one
    View view;         // ring: the *old* ring's id; members: the old members that continue
};
struct Regular {
    View view;
    std::string cause;          // in words: "token lost after 1000 ms", "node 3 joined"
    std::uint32_t features{0};  // what all members can (RingConfig::features of each)
};
using Event = std::variant<Delivered, Transitional, Regular>;

// One datagram to hand to the sealer. `to` empty: to all configured nodes.
struct Datagram {
    std::optional<base::NodeId> to;
    base::Bytes bytes;
};

struct Outbox {
    // A reservation of ring sequences that shall be made durable, then confirmed by epoch_persisted().
    // Nothing else waits for it: the ring itself neither proposes nor accepts a ring id above what was
    // confirmed, for a while (decision 0013).
    std::optional<std::uint64_t> persist_epoch;
    std::vector<Datagram> datagrams;  // in order; best effort
    std::vector<Event> events;        // in order; each exactly once
};

// An authenticated datagram: the seal vouches for `sender`.
struct Opened {
    Member sender;
    base::ByteView bytes;
};

struct RingConfig {
    Member self;
    base::NodeSet roster;                            // configured nodes, self included; others are not let in
    base::Duration token_timeout{base::seconds(1)};  // token loss: corosync.conf `token`
    base::Duration consensus_timeout{base::milliseconds(300)};  // how long gather waits for silent nodes
    base::Duration join_interval{base::milliseconds(50)};       // join is repeated at this interval in gather
    base::Duration hop_retry{
        base::milliseconds(20)};  // token is re-sent when no progress is seen (first estimate of the RTO)
    base::Duration merge_interval{
        base::milliseconds(200)};  // beacon for rings that do not know of each other
    base::Duration idle_interval{
        base::milliseconds(20)};  // an idle ring passes its token no faster than one hop per...
    base::Duration look_interval{
        base::milliseconds(20)};      // so long nothing is sent to a successor to whom we have no lifeline
    std::size_t datagram_size{1300};  // largest ring message handed to the sealer, bytes
    // Flow control (flow.hpp), in bytes with what a datagram costs besides its own (charge()). A ring's
    // window is the smallest of its members'.
    std::size_t window{4u << 20};           // outstanding, whole ring; at most 1 GiB
    std::size_t max_per_visit{256u << 10};  // sent in one visit of the token
    std::size_t receive_buffer{0};          // see Ring::set_receive_buffer(); 0: not known, bounds nothing
    std::size_t max_payload{4u << 20};      // largest message accepted by submit, bytes
    std::size_t max_queued{16u << 20};      // bytes queued for sending before submit says no
    std::uint32_t features{0};  // what this node can, by bits; a ring does what all its members can
};

// For status and for tests.
struct RingStatus {
    std::string phase;  // "operational", "gather", "commit", "recovery"
    View view;          // the last regular view
    std::uint64_t delivered{0}, sent{0}, retransmitted{0}, dropped{0}, tokens{0}, views{0};
    std::uint64_t other_version{0};  // frames of a protocol version that this node does not speak
    std::uint32_t features{0};       // of the last regular view: what all its members can
    std::size_t queued_bytes{0};
    // Bytes sequenced and not known to be with all members, as the token said when it was here; how many may
    // be now, and at most: the smallest of what the members agreed to.
    std::size_t outstanding{0}, window{0}, largest_window{0};
    std::uint64_t overflowed{0};   // datagrams that this node's sockets dropped for want of room
    std::size_t logged{0};         // datagrams kept: of the ring, and of the old one while it is recovered
    std::size_t partial_bytes{0};  // of messages of which a part has arrived
    base::Duration rotation;       // smoothed time of one token rotation
};

// What the driver learned of a peer by the way. Nobody vouches for it.
enum class Hint {
    port_closed,  // the peer's machine says that nobody listens at its port, or that its process has ended
    silent,  // no link hears its node any more, or our own links are gone; holds until anything of it comes
    heard,   // a link hears it again: `silent` holds no more
};

// Something that a node noticed on the way from one view to the next.
struct Finding {
    base::NodeId subject;   // whom it is about; 0: nobody in particular
    base::NodeId reporter;  // whose word it is; 0: this node saw it itself
    base::Duration after;   // since the change began
    std::string evidence;   // in words: "token lost after 1000 ms"
    bool operator==(const Finding&) const = default;
};

// How one regular view came after another.
struct MembershipChange {
    wire::Reason cause{wire::Reason::start};
    std::vector<Finding> findings;  // in order, the cause first; at most 16
    base::Instant installed;
    base::Duration gather, commit, recovery;  // time spent in each phase, over all attempts
    unsigned attempts{0};                     // commit tokens that this node accepted or made
    View before, after;                       // before: no members at the first view
    bool operator==(const MembershipChange&) const = default;
};
constexpr std::size_t kChangesKept = 16;

enum class Submit { accepted, queue_full, too_large };

class Ring {
  public:
    // `stored_epoch`: the highest ring sequence that was ever durable on this node (0 on the first start).
    // The tracer is borrowed and must outlive the ring. Starts in gather.
    Ring(RingConfig config, std::uint64_t stored_epoch, base::Rng rng, base::Tracer& tracer,
         base::Instant now);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring();

    // Inputs. Each runs to completion and only appends to the outbox. `now` never goes backwards. A jump of
    // `now` by more than token_timeout/2 since the last input counts as an own pause: membership messages
    // received within a moment after it are dropped as stale, and all waiting for others starts anew.
    void receive(base::Instant now,
                 const std::vector<Opened>& batch);  // one socket batch; data is handled before tokens
    void advance(base::Instant now);                 // whatever was due by `now`
    // Ordered for all members, self included. Messages of one process keep their order whatever is promised
    // of them: an agreed one behind a safe one waits for it.
    [[nodiscard]] Submit submit(base::Instant now, base::Bytes payload,
                                Guarantee guarantee = Guarantee::agreed);
    void epoch_persisted(
        std::uint64_t epoch);  // the reservation `epoch` is durable; see Outbox::persist_epoch
    // Something was noticed of a peer. A hint excludes nobody: a peer that answers loses nothing by it.
    // port_closed: if a ring is made with it, it is asked several times within a few hop times, and held for
    // failed if nothing at all comes from it. silent: a gathering that it does not answer waits for it only
    // a few join intervals in place of consensus_timeout; while a ring turns, it means nothing.
    void peer_hint(base::Instant now, base::NodeId node, Hint hint);
    // The peers of which a hint (port_closed) will come by itself when their process ends: they need not be
    // looked at. At first nobody.
    void set_lifelines(const base::NodeSet& nodes);
    // Other configured nodes, self included. Nobody who is gone may be needed(): its frames count no more.
    void set_roster(base::Instant now, const base::NodeSet& roster);
    // Whether one of these nodes is on this ring, or may come to be: while a ring is being formed, everybody.
    [[nodiscard]] bool needed(const base::NodeSet& nodes) const;
    void leave(base::Instant now);  // says goodbye once; afterwards the ring is silent
    // From now on new datagrams are at most so large: 512 to wire::kMaxDatagram bytes. What was sequenced
    // keeps its size.
    void set_datagram_size(std::size_t bytes);
    // What the kernel keeps for this node until it reads: of several sockets, the smallest. 0: not known. The
    // next rings have no larger window; that of the present one is lowered, if need be, when the token comes.
    void set_receive_buffer(std::size_t bytes);
    // The kernel dropped so many more datagrams for want of room: the ring's window is lowered when the token
    // comes next.
    void overflowed(base::Instant now, std::uint64_t datagrams);

    // What is to be said for a process when it has ended without a goodbye: sent by whoever knows that for
    // certain, sealed as that process's own.
    [[nodiscard]] static base::Bytes last_words();

    // Outputs.
    [[nodiscard]] Outbox drain();                       // what the inputs since the last drain produced
    [[nodiscard]] base::Instant next_deadline() const;  // when to call advance(); never() only after leave()
    [[nodiscard]] RingStatus status() const;
    // The last kChangesKept changes, the newest last.
    [[nodiscard]] const std::deque<MembershipChange>& changes() const;
    void check_invariants() const;  // asserts what must hold between inputs; O(window)

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace totem

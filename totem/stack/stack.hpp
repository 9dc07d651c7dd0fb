// The stack: seal, link monitor, pieces and ring of one process joined into one value that is stepped. Frames
// as they came from a link and `now` go in; frames for each link, events and the next deadline come out. No
// socket, clock, thread or file is inside: the engine drives it from those, the simulator (tests/sim/stack)
// from seeded ones.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "totem/base/datagram.hpp"
#include "totem/base/trace.hpp"
#include "totem/monitor/link_status.hpp"
#include "totem/monitor/monitor.hpp"
#include "totem/monitor/pieces.hpp"
#include "totem/ring/ring.hpp"
#include "totem/seal/refusals.hpp"
#include "totem/seal/seal.hpp"

namespace totem {

// One network, as far as the stack has to know it.
struct StackLink {
    unsigned number{0};    // N of ringN_addr
    unsigned priority{1};  // of the links that are up the highest carries the frames, of equals the lowest
                           // number
    std::string group{};   // by which frames to all go out once: its address, or "broadcast"; empty: none
    std::vector<base::LinkPeer>
        peers;  // all configured nodes but ourselves, and where their frames come from
};

struct StackConfig {
    RingConfig ring;  // datagram_size: the most that is ever used; less where a path carries less
    std::string cluster_name;
    std::vector<StackLink> links;  // at least one; "link" below is an index in here
    Rider* rider{nullptr};         // on the heartbeats: borrowed, called while the stack is stepped
    RosterMark roster_mark{};      // of ring.roster and where it is (membership/roster)
    base::Bytes roster_offer{};    // what nodes with an older list are shown; empty: nothing
};

// Other configured nodes, or other addresses of them.
struct StackNodes {
    base::NodeSet roster;                            // self included
    std::vector<std::vector<base::LinkPeer>> peers;  // of each link
    RosterMark mark;
    base::Bytes offer;
    // Who is about to get another address, on this node or elsewhere. While one has done so and another has
    // not, frames meet closed ports, which says nothing of a death: not before the token timeout is over,
    // after they are in this set no more.
    base::NodeSet moving{};
};

struct KeyStatus {
    std::uint8_t id{0};
    std::string fingerprint;
    base::NodeSet senders;  // peers of the view whose newest frame is sealed with it
};

// What the stack tells of itself.
struct StackStatus {
    std::vector<MembershipChange>
        changes;      // the last ones of the ring, the newest last; times: those of `now`
    RingStatus ring;  // phase "waiting": not started yet
    std::array<std::uint64_t, kRejectedKinds> rejected{};  // frames refused by the seal, by reason
    std::uint64_t wrong_source{0};  // frames of a peer that came from another address than its configured one
    std::string last_wrong_source;  // "node 2 from 10.0.0.3"
    std::string last_foreign_source;  // address of the last frame refused as corosync / foreign / other
                                      // cluster / wrong key
    int last_wrong_key{-1};           // id of the key that the last frame refused for it names, if that is
                                      // none of ours; -1: there was none. Anybody can write it.
    // The last frame that was refused because its sender is no configured node.
    std::string last_unlisted_source;
    base::Instant unlisted_at;
    // Frames for the ring of nodes that go by another list of nodes: dropped. Of the last of them.
    std::uint64_t other_roster{0};
    base::NodeId last_other_roster;
    RosterMark last_other_mark;
    base::Instant other_roster_at;
    std::vector<KeyStatus> keys;       // the one for sending first
    std::size_t frame_size{0};         // largest frame that goes as one packet to all that can be reached
    std::uint64_t in_pieces{0};        // frames that were sent in pieces, because a path does not carry them
    std::uint64_t pieces_given_up{0};  // frames of peers of which a piece did not come
    std::vector<LinkStatus> links;     // each peer by each link, but for `interface` and `local`; ascending
                                       // by peer, then by link
    std::uint64_t pauses{0};           // how often no input came for more than token/2
    base::Duration longest_pause;
};

// A lifeline (see Stack::lifelines) that is to be kept from now on, in place of a former one to that peer by
// that link.
struct WantedLifeline {
    std::size_t link{0};
    base::NodeId peer;
    base::Incarnation start;  // of the peer's process; 0: none is to be kept
    bool operator==(const WantedLifeline&) const = default;
};

// What the inputs since the last drain() led to, besides the frames.
struct StackOutbox {
    // To be made durable, each on its own; both only grow. The first is then told to epoch_persisted().
    std::optional<std::uint64_t> persist_ring_seq;
    // A peer knew a start of this node with this incarnation: nobody listens to this process. Its successor
    // needs a higher one.
    std::optional<base::Incarnation> persist_incarnation;
    // A peer has heard more of this process than it remembers: its machine was put back to a former state,
    // memory included. It says nothing any more; another process is to take its place. Told once.
    bool from_the_past{false};
    std::vector<WantedLifeline> lifelines;
    bool peers_changed{false};           // those of the links (peers()) are others
    std::optional<base::Bytes> offered;  // a peer has shown the list of nodes that counts, which is newer
    std::vector<Event> events;           // in order; each exactly once
};

class Stack {
  public:
    // `stored_ring_seq`: the highest that was ever durable on this node (0 on the first start). `random`: as
    // Sealer takes it. The tracer is borrowed and must outlive the stack. All links are closed.
    Stack(StackConfig config, const MasterKeys& keys, std::uint64_t stored_ring_seq, base::Rng rng,
          Sealer::Random random, base::Tracer& tracer, base::Instant now);
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    ~Stack();

    // Inputs. `now` never goes backwards. After one or several of them: drain().
    // The ring starts, when an own address is there for the first time; until then what is submitted waits.
    // Later calls do nothing.
    void start(base::Instant now);
    // The link can send: packets of `mtu` bytes, of which IP and UDP take `headers`. Again when that changes.
    void link_opened(base::Instant now, std::size_t link, std::size_t mtu, std::size_t headers);
    void link_closed(base::Instant now, std::size_t link);
    // What came by a link, in order.
    void receive(base::Instant now, std::size_t link, std::span<const base::Received> batch);
    // To whom there is a lifeline by this link now: refused() will be called when the peer's process ends.
    void lifelines(base::Instant now, std::size_t link, const base::NodeSet& peers);
    // Somebody says that nobody listens at the peer's port, or that its process has ended.
    void refused(base::Instant now, base::NodeId peer);
    // What the kernel keeps for this node until it reads: of several sockets, the smallest. 0: not known.
    void set_receive_buffer(std::size_t bytes);
    // The kernel dropped so many more datagrams for want of room there.
    void overflowed(base::Instant now, std::uint64_t datagrams);
    void advance(base::Instant now);  // whatever was due by `now`
    [[nodiscard]] Submit submit(base::Instant now, base::Bytes payload,
                                Guarantee guarantee = Guarantee::agreed);
    void epoch_persisted(base::Instant now, std::uint64_t ring_seq);
    // The clocks say that this process may be a copy of itself. To be told before drain(), which seals.
    void clock_jumped();
    // What was sealed to be kept, last_words(), is to be asked for again.
    void change_keys(const MasterKeys& keys);
    // Those who are gone are heard as long as they are on the ring, or may be.
    void change_nodes(base::Instant now, StackNodes nodes);
    void leave(base::Instant now);  // says goodbye once; afterwards the ring is silent

    // Outputs.
    [[nodiscard]] const std::vector<base::LinkPeer>& peers(std::size_t link) const {
        return config_.links[link].peers;
    }
    [[nodiscard]] StackOutbox drain();
    // What drain() found to be sent by the link, in order; stays where it is until the next drain().
    [[nodiscard]] std::span<const base::Outgoing> outgoing(std::size_t link) const;
    // When to call advance() if nothing comes before. Often enough to notice an own pause.
    [[nodiscard]] base::Instant next_deadline() const;
    // What is to be said for this process when it has ended without a goodbye, sealed.
    [[nodiscard]] base::Bytes last_words();
    [[nodiscard]] std::size_t queued_bytes() const;  // submitted and not sent yet
    [[nodiscard]] base::Heard heard(base::NodeId peer) const { return sealer_.heard(peer); }
    [[nodiscard]] StackStatus status() const;
    [[nodiscard]] RingStatus ring_status() const;  // of status(), alone
    void check_invariants() const;                 // asserts what must hold between inputs

  private:
    // What goes out by one link.
    struct Way {
        std::vector<base::NodeId> carries;                 // frames to these go by it
        std::vector<base::NodeId> copies;                  // of these, whom its group does not reach
        std::map<base::NodeId, base::Incarnation> wanted;  // lifelines to these
        base::NodeSet lifelines;
        std::vector<base::Outgoing> outgoing;  // reused from batch to batch
    };
    struct LinkReply {
        std::size_t link{0};
        SealReply reply;
    };
    struct Early {
        base::Bytes payload;
        Guarantee guarantee{Guarantee::agreed};
    };

    [[nodiscard]] static MonitorConfig monitor_config(const StackConfig& config);
    void wake(base::Instant now);
    // Inputs (stack.cpp).
    void open(base::Instant now, std::size_t link, const base::Received& datagram, OpenedFrame& frame,
              std::size_t& used);
    void take(base::Instant now, std::size_t link, const OpenedFrame& frame);
    void take_handshakes(base::Instant now, std::size_t link);
    void note_wrong_key(const base::Received& datagram);
    void note_keys(const MasterKeys& keys);
    // Who goes by which list of nodes (roster.cpp).
    [[nodiscard]] bool in_agreement(const Member& sender) const;
    void disagree(const Member& sender);
    void take_offer(const RosterOffer& offer);
    void offer_roster(base::Instant now, std::size_t link, const Member& peer);
    void settle_nodes(base::Instant now);
    // Outputs (sending.cpp).
    void follow_monitor();
    void tell_heard();
    [[nodiscard]] StackOutbox fall_silent();
    void fit_ring();
    void want_lifelines();
    void tell_lifelines();
    void renew_key();
    void send(const std::vector<Datagram>& datagrams);
    void route(const std::optional<base::NodeId>& to, base::ByteView body);
    base::Bytes& next_frame();
    base::ByteView sealed(base::ByteView body);

    StackConfig config_;
    base::Tracer& tracer_;
    Sealer sealer_;
    std::vector<KeyStatus> keys_;  // without who seals with them
    Monitor monitor_;
    PieceStore pieces_;
    std::uint32_t piece_id_{0};
    std::uint64_t routes_version_{0};  // of the monitor, when `carries` was made
    std::vector<Way> ways_;
    std::uint64_t stored_ring_seq_;
    base::Rng rng_;
    std::unique_ptr<Ring> ring_;  // from start() on
    std::deque<Early> early_;     // submitted before that
    std::optional<base::Instant> last_input_;
    base::Instant renewed_;  // when the sealer's key was
    bool clock_jumped_{false};
    std::optional<StackNodes> nodes_;  // that somebody is in the way of
    base::NodeSet moving_;             // or have just moved:
    base::Instant moved_by_{base::Instant::never()};
    std::vector<Member> view_;                     // of the last regular view
    std::map<base::NodeId, base::Instant> shown_;  // the list, to whom and when
    std::optional<base::Bytes> offered_;
    bool peers_changed_{false};
    base::Incarnation outdated_by_;  // as it was told; 0: not at all
    bool fell_silent_{false};

    // Buffers that are reused from batch to batch.
    std::vector<OpenedFrame> frames_in_;
    std::vector<OpenedFrame> proven_;
    std::vector<Opened> opened_;
    std::deque<base::Bytes> wholes_;                // put together from pieces
    std::vector<LinkReply> replies_;                // of the sealer
    std::vector<LinkFrame> link_frames_;            // of the monitor, not sealed yet
    std::vector<WantedLifeline> wanted_lifelines_;  // not told yet
    std::vector<base::Bytes> frames_out_;
    std::size_t frames_used_{0};

    RefusalLog refusals_;
    StackStatus counters_;  // the fields that are counted here
};

}  // namespace totem

// The link monitor: which way to each peer is open. Heartbeats run on every link and say what their sender
// hears of the receiver, so that a direction that is dead is known at both ends; the active link of a peer is
// the one with the highest priority that is up both ways (corosync's passive mode). Where a link has a group,
// whom it does not reach is known as well. Stepped with `now`, values in and out; the engine sends what it
// says.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/heard.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/base/trace.hpp"
#include "totem/monitor/group_ear.hpp"
#include "totem/monitor/link_status.hpp"
#include "totem/monitor/messages.hpp"
#include "totem/monitor/path_size.hpp"
#include "totem/monitor/rider.hpp"

namespace totem {

struct MonitorLink {
    std::uint8_t number{0};
    unsigned priority{1};  // the highest that is up is active, of equals the lowest number
    std::string group{};   // by which frames to all go out once, as in LinkStatus; empty: the link has none
};

struct MonitorConfig {
    std::vector<base::NodeId> peers;
    std::vector<MonitorLink> links;  // at most kMaxLinks; "link" below is an index in here
    base::Duration token_timeout{base::seconds(1)};
    std::size_t overhead{64};  // what the seal adds to a body
    base::Incarnation self;    // this process
    Rider* rider{nullptr};     // borrowed; none: heartbeats carry no word
    RosterMark roster{};       // of this node
    // Heartbeats of one path. Several links: so often that another one takes over before the token is lost.
    [[nodiscard]] base::Duration interval() const;
    // Nothing heard for this long: not heard.
    [[nodiscard]] base::Duration silence() const { return interval() * 7 / 2; }
    // Nothing heard by any link for this long: the peer is said to be silent. Sooner than the token is lost
    // wherever heartbeats are frequent enough, with one of them lost at least.
    [[nodiscard]] base::Duration hush() const;
};

// One body to be sealed and sent by one link.
struct LinkFrame {
    std::size_t link{0};
    std::optional<base::NodeId> to;  // none: to all, by the link's group
    base::Bytes body;
    bool whole{false};  // must arrive as one packet or not at all
};

struct MonitorNote {
    base::Level level{base::Level::info};
    std::string text;
};

// Of a peer that was heard before: whether no link hears it any more.
struct Silence {
    base::NodeId peer;
    bool silent{false};
};

struct MonitorOutbox {
    std::vector<LinkFrame> frames;
    std::vector<MonitorNote> notes;
    std::vector<Silence> silences;  // those that changed
    std::vector<base::Heard> told;  // what peers have heard of this node, by what they say
};

class Monitor {
  public:
    Monitor(MonitorConfig config, base::Instant now);

    // Inputs.
    // The link has sockets now and takes frames of up to `largest` bytes of UDP payload, behind `headers`
    // bytes of IP and UDP headers.
    void link_opened(base::Instant now, std::size_t link, std::size_t largest, std::size_t headers);
    void link_closed(base::Instant now, std::size_t link);
    // An opened frame that is_link_message() and no piece, with the link that it came by. False: malformed.
    [[nodiscard]] bool receive(base::Instant now, base::NodeId node, base::Incarnation incarnation,
                               std::size_t link, base::ByteView body);
    void advance(base::Instant now);
    // What was heard of the peer's process: heartbeats to it say so from now on.
    void set_heard(base::NodeId node, const base::Heard& heard);

    // Other configured peers, and what heartbeats say of the list. What is known of those that stay, stays.
    void set_peers(base::Instant now, std::vector<base::NodeId> peers, const RosterMark& roster);

    // Outputs.
    [[nodiscard]] MonitorOutbox drain();
    [[nodiscard]] base::Instant next_deadline() const {
        return config_.rider == nullptr ? deadline_ : std::min(deadline_, config_.rider->next_deadline());
    }
    // Grows when carries(), copies(), reached(), frame_size() or common_frame_size() may have changed.
    [[nodiscard]] std::uint64_t version() const { return version_; }
    // Whether frames to the peer go by this link: by the active one; by all that are open while none is up.
    [[nodiscard]] bool carries(base::NodeId peer, std::size_t link) const;
    // Whether the peer needs what goes to all for itself: it is up by this link, and does not say that what
    // we send by the link's group arrives.
    [[nodiscard]] bool copies(base::NodeId peer, std::size_t link) const;
    // The process of the peer to which this link is up; 0: it is not.
    [[nodiscard]] base::Incarnation reached(base::NodeId peer, std::size_t link) const;
    // By which list that process of the peer goes, as it said last; none: it has not said so yet.
    [[nodiscard]] std::optional<RosterMark> roster_of(base::NodeId peer, base::Incarnation process) const;
    [[nodiscard]] const RosterMark& roster() const { return config_.roster; }
    // The largest frame (UDP payload) that the path to the peer takes as one packet.
    [[nodiscard]] std::size_t frame_size(base::NodeId peer) const;
    // That of all peers that can be reached; of none: PathSize::kFloor.
    [[nodiscard]] std::size_t common_frame_size() const { return common_size_; }
    // What the monitor knows of each path; addresses are the caller's. Ascending by peer, then by link.
    [[nodiscard]] std::vector<LinkStatus> status() const;

  private:
    static constexpr std::size_t kKept = 64;  // heartbeats of which the time is kept
    // Not smaller than the seal's question to a stranger, which must not be larger than what made it ask.
    static constexpr std::size_t kSmallestBeat = 64;
    // That a group does not reach somebody, while unicast does.
    struct Deafness {
        base::Instant since{base::Instant::never()};
        bool told{false};  // it has lasted, and people know
    };
    struct Path {
        // Our heartbeats.
        std::uint32_t sent{0}, judged{0}, measured{0};
        std::array<base::Instant, kKept> sent_at{};
        std::uint64_t acked{0}, large{0};  // bit: number % kKept
        std::uint64_t outcomes{0};         // bit 0: the last one judged; 1: lost
        std::uint64_t lost{0};
        base::Duration srtt, rttvar;
        // Theirs.
        std::uint32_t heard{0}, mask{0};
        unsigned good{0};  // heard in a row since the last silence
        base::Instant heard_at{base::Instant::never()}, hearing_since;
        // What they say of ours.
        base::Instant told_at{base::Instant::never()};
        bool told_hears{false};
        // The link's group.
        GroupEar ear;
        bool ear_told{false};     // what the peer was last to be told of it
        bool heard_group{false};  // by the peer, it says
        Deafness here, there;
        // Conclusions.
        LinkState state{LinkState::unknown};
        base::Instant since;
        bool was_up{false};  // of this process of the peer
        std::uint64_t went_down{0};
        PathSize size;
        std::string size_told;
    };
    struct Peer {
        base::NodeId node;
        base::Incarnation incarnation;  // 0: nothing heard yet
        base::Instant known_since;
        base::Instant urgent_at{};             // of the last heartbeats out of turn
        std::optional<base::Instant> beat_at;  // when the last heartbeat of this process came, by any link
        std::optional<std::size_t> active;
        base::Heard heard;  // is told to it
        std::optional<RosterMark> roster;
        bool silent{false};  // no link hears it any more
        std::array<Path, kMaxLinks> paths;
    };
    struct OwnLink {
        bool open{false};
        std::size_t largest{0}, headers{28};
        std::uint32_t group_sent{0};
    };

    [[nodiscard]] Peer* find(base::NodeId node);
    [[nodiscard]] const Peer* find(base::NodeId node) const;
    [[nodiscard]] bool hears(const Path& path) const;
    [[nodiscard]] LinkState conclude(const Peer& peer, const Path& path, bool open) const;
    void step(base::Instant now);
    void add_peer(base::NodeId node);
    void meet(Peer& peer, base::Incarnation incarnation);
    void take(Peer& peer, std::size_t link, const Heartbeat& beat);
    void take_report(Path& path, const LinkReport& report, bool same_link);
    void take_word(const Peer& peer, const Heartbeat& beat);
    void judge_sent(Path& path);
    // Until when the peer counts as heard if nothing comes; never(): it was not heard yet.
    [[nodiscard]] base::Instant heard_until(const Peer& peer) const;
    void listen(Peer& peer);
    void judge(Peer& peer);
    void choose(Peer& peer);
    void beat(Peer& peer, std::size_t link, bool large, bool urgent = false);
    void beat_all(Peer& peer, bool large, bool urgent = false);
    void beat_group(std::size_t link);
    [[nodiscard]] bool judge_group(Peer& peer, std::size_t link);
    void judge_deafness(const Peer& peer, std::size_t link, bool deaf, Deafness& deafness);
    [[nodiscard]] std::string group_text(const Peer& peer, std::size_t link, bool here) const;
    void probe(Peer& peer, std::size_t link);
    void note_state(const Peer& peer, std::size_t link, LinkState before);
    void note_size(Peer& peer, std::size_t link);
    [[nodiscard]] std::string trouble(const Peer& peer, std::size_t link) const;
    [[nodiscard]] std::string size_trouble(const Peer& peer, std::size_t link) const;
    void settle();
    [[nodiscard]] std::optional<std::size_t> index_of(std::uint8_t number) const;

    MonitorConfig config_;
    base::Instant now_, next_beat_, deadline_;
    bool large_turn_{false};
    std::vector<OwnLink> own_;
    std::vector<Peer> peers_;
    std::size_t common_size_{PathSize::kFloor};
    std::uint64_t version_{1}, sizes_{0};
    MonitorOutbox out_;
};

}  // namespace totem

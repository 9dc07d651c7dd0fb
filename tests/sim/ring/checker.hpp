// Judges what a world of rings did by what it told its observer: the guarantees of extended virtual
// synchrony, as docs/protocol.md states them. Shares no code and no thought with the protocol: it knows
// submissions, deliveries and views, nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/ring/world.hpp"

namespace sim {

// A payload that carries its own identity: `size` bytes, at least 8; the first 8 are `id`.
[[nodiscard]] base::Bytes make_payload(std::uint64_t id, std::size_t size);

class Checker {
  public:
    explicit Checker(base::NodeSet roster) : roster_(std::move(roster)) {}

    // Empty while everything is right; then the first violation, in words.
    [[nodiscard]] const std::string& violation() const { return violation_; }
    [[nodiscard]] bool failed() const { return !violation_.empty(); }

    void started(const Member& who, bool with_disk);
    // What a process has been through.
    struct Memory {
        std::vector<std::uint64_t> submitted;
        std::vector<totem::Event> events;
    };
    // From now on the process is what it was once, and then ended: another one by the same name, with this
    // memory. What it does in the ring of its memory, or alone, concerns nobody else; from then on, all that
    // is asked of any process is asked of it. The others must not notice.
    void put_back(const Member& who, const Memory& memory);
    void submitted(const Member& who, base::ByteView payload, totem::Guarantee guarantee);
    void happened(const Member& who, const totem::Event& event);

    // A ring does what all its members can: `able` tells of each process.
    void common(const Member& who, const totem::Regular& regular,
                const std::function<std::uint32_t(const Member&)>& able);

    // E14: whatever the status shows stays within what the configuration allows.
    void looked(const Member& who, const totem::RingStatus& status, const totem::RingConfig& config);

    // E14: what all members of a ring send during one rotation of its token stays within the window's
    // quarter.
    void sent(const Member& who, base::ByteView bytes, const totem::RingConfig& config);

    // E14: a socket does not overflow where nothing disturbs the ring (allow(0)).
    void overflowed(const Member& who);

    // E17: from now on each process may come to so many regular views at most: 0 without a fault. E13: none
    // because of anything from the past.
    enum class Disturbance : std::uint8_t { fault, past };
    void allow(std::uint64_t views, Disturbance cause = Disturbance::fault);
    void allow_any() { allow(UINT64_MAX); }

    // They are operational in one ring of exactly themselves.
    [[nodiscard]] bool one_ring(const std::vector<Member>& set) const;
    // E15: they have heard each other, and nobody else, for `so_long`. Empty if they are one ring, or if that
    // was shorter than `bound`; else who is where.
    [[nodiscard]] std::string apart(const std::vector<Member>& set, Duration so_long, Duration bound) const;

    // For the end of a run: what is known only when everything has been seen. `living`: those who have
    // settled in one ring, if it came to that. Empty if all is right.
    [[nodiscard]] std::string finally(const std::vector<Member>& living) const;
    // E11 and E16, for the end of a run, when all faults have ended: every message that a process of `living`
    // submitted was delivered by all of them that it could reach, themselves first. Empty if so, else the
    // first that is missing.
    [[nodiscard]] std::string undelivered(const std::vector<Member>& living) const;
    [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }
    [[nodiscard]] std::uint64_t views() const { return views_; }
    [[nodiscard]] std::uint64_t transitional_deliveries() const { return transitional_deliveries_; }

  private:
    using Past = std::vector<std::uint64_t>;  // by the process's number
    struct Message {
        Member sender;
        std::uint64_t index;  // its number among the sender's
        std::uint64_t hash;
        totem::Guarantee guarantee;
        // What happened before it: of each process's messages, those up to this number.
        Past past;
    };
    struct Process {
        std::optional<totem::View> regular, transitional;
        std::uint64_t seq{0};                                    // of the last delivery in this ring
        std::size_t position{0};                                 // in the ring's order
        std::vector<std::uint64_t> in_regular, in_transitional;  // delivered since the last regular view
        std::set<std::uint64_t> delivered;
        std::map<Member, std::uint64_t> last_index;  // of each sender's messages
        std::vector<std::uint64_t> own;
        std::size_t number{0};
        std::uint64_t submissions{0};  // also those that it does not remember
        bool operational{false};
        bool put_back{false}, in_the_past{false};
        std::uint64_t views{0};  // of those that are counted (allow)
        Past seen;               // what it delivered, and what happened before that
        std::size_t rest{0};     // of this transitional view, in rests_
        [[nodiscard]] bool is_past(const base::RingId& ring) const {
            return regular && regular->ring.seq > ring.seq;
        }
    };
    // What a member sent when it last had the token.
    struct Visit {
        std::size_t bytes{0};
        bool over{false};
        std::uint64_t token{0};  // that it passed then
    };
    // A message that these processes have to deliver in the ring or after it, since one has that promise.
    struct Owed {
        std::uint64_t id;
        std::vector<Member> to;
        Member by;  // who delivered it
    };
    // What was delivered in a transitional view, and the place from where on.
    struct Rest {
        Member who;
        base::RingId ring;
        std::uint64_t after;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> deliveries;  // place, message
    };
    // What those who went from one ring to the same next one must have in common.
    struct Passage {
        Member first;
        std::vector<Member> transitional;
        std::vector<std::uint64_t> in_regular, in_transitional;
    };

    void remember(const Member& who, Process& p, const totem::Event& event);
    [[nodiscard]] bool said_again(const Member& who, const Process& p, const base::RingId& ring,
                                  std::uint64_t id, const Message& m);
    void delivered(const Member& who, Process& p, const totem::Delivered& d);
    void order(const Member& who, Process& p, const totem::Delivered& d, std::uint64_t id);
    void transitional(const Member& who, Process& p, const totem::View& view);
    void regular(const Member& who, Process& p, const totem::View& view);
    void passage(const Member& who, const Process& p, const totem::View& next);
    void owe(const Member& who, const Process& p, std::uint64_t id);
    void pay(const Member& who, const Process& p, const base::RingId& next);
    void causal(const Member& who, Process& p, std::uint64_t id, const Message& m);
    void recovered(const Member& who, const Process& p);
    [[nodiscard]] std::string in_causal_order(const Rest& rest) const;
    void primary(const Member& who, const totem::View& view);
    void violate(const char* guarantee, const Member& who, const std::string& what);

    base::NodeSet roster_;
    std::string violation_;
    std::size_t numbers_{0};  // given to processes
    std::uint64_t allowed_{UINT64_MAX};
    bool is_past_{false};
    std::map<std::uint64_t, Message> messages_;
    std::map<Member, Process> processes_;
    std::map<base::RingId, std::vector<Member>> rings_;
    std::map<base::RingId, std::vector<std::uint64_t>> orders_;               // messages in regular views
    std::map<std::pair<base::RingId, std::uint64_t>, std::uint64_t> placed_;  // (ring, seq) -> message
    std::map<std::pair<base::RingId, base::RingId>, Passage> passages_;
    std::map<std::uint64_t, std::pair<base::RingId, std::uint64_t>> places_;  // the other way round
    std::map<base::RingId, std::vector<Owed>> owed_;
    std::map<base::RingId, std::map<Member, Visit>> visits_;             // the last of each member
    std::map<std::pair<base::RingId, std::uint64_t>, bool> said_again_;  // (ring, message)
    std::vector<Rest> rests_;
    std::map<NodeId, std::uint64_t> ring_seqs_;        // of each node's last ring, over its restarts
    std::map<std::uint64_t, base::RingId> primaries_;  // majority rings by sequence
    base::NodeSet lost_disk_;
    std::uint64_t deliveries_{0}, views_{0}, transitional_deliveries_{0};
};

}  // namespace sim

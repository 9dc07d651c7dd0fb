// What every phase of the ring may use: configuration, the present, the outbox, and the memory that outlives
// phases (queue of messages to send, ring sequences, what is known of each peer). No decision is made here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "totem/base/check.hpp"
#include "totem/ring/nearby.hpp"
#include "totem/ring/ring.hpp"
#include "totem/wire/codec.hpp"
#include "totem/wire/packing.hpp"

namespace totem {

// Ring sequences: which were used, which may be used. Invariant: used <= seen, used <= requested, durable <=
// requested.
struct Epochs {
    std::uint64_t used{0};       // no ring with a sequence up to this is ever proposed or joined (again)
    std::uint64_t entered{0};    // sequence of the last ring whose commit token came twice; <= used
    std::uint64_t seen{0};       // highest known, from anybody; >= used
    std::uint64_t durable{0};    // reserved on disk
    std::uint64_t requested{0};  // reservation wanted; >= durable
    std::uint64_t announced{0};  // reservation told to the driver
    base::Instant waiting_since{base::Instant::never()};  // something waits for it; never(): nothing
};

// What is remembered of a node between rings.
struct Peer {
    base::Incarnation newest;   // frames of former processes are stale
    std::uint64_t serial{0};    // of the newest membership message of that process
    base::Incarnation gone;     // this process (and all before) said goodbye
    std::uint64_t together{0};  // sequence of the last ring that both of us entered: its token turned
    base::Seq sequenced;        // the highest number that it gave to a datagram there
    std::uint64_t shared_seq{
        0};  // sequence of the last ring, or attempt, that held that process and us: older traffic is stale
};

// Somebody says that a process is gone. It is asked, and only its silence counts.
struct Suspicion {
    Member who;
    base::Instant ask_at;
    unsigned asked{0};
};

struct Context {
    RingConfig config;
    base::Tracer& tracer;
    base::Rng rng;
    base::Instant now;
    wire::Packer packer;
    Epochs epochs;
    std::map<base::NodeId, Peer> peers;
    std::map<base::NodeId, Suspicion> suspicions;
    base::NodeSet unheard;  // no link hears them, as it is said (Hint::silent), and nothing came since
    Nearby nearby;
    std::map<std::uint64_t, base::Seq>
        own;                  // by ring sequence: the highest number that we gave, of the last rings
    std::uint64_t serial{0};  // of our last membership message
    View view;                // the last regular view; no members before the first
    std::deque<MembershipChange> changes;  // the newest last
    Outbox out;
    RingStatus counters;  // only the counters and `rotation` are kept up to date here

    [[nodiscard]] const Member& self() const { return config.self; }
    [[nodiscard]] bool is_self(const Member& m) const { return m == config.self; }
    // A datagram of that ring is by that node.
    void sequenced(const base::RingId& ring, base::NodeId node, base::Seq seq);
    // What we know of that process, for itself to hear.
    [[nodiscard]] wire::Known known(const Member& m) const;
    [[nodiscard]] bool in_roster(base::NodeId node) const { return config.roster.contains(node); }
    void send_to(base::NodeId node, const wire::Message& message) {
        out.datagrams.push_back({node, wire::encode(message)});
    }
    void send_all(const wire::Message& message) {
        out.datagrams.push_back({std::nullopt, wire::encode(message)});
    }
    void info(const std::string& text) const { tracer.note(base::Level::info, text); }
    void debug(const std::string& text) const { tracer.note(base::Level::debug, text); }
    void warning(const std::string& text) const { tracer.note(base::Level::warning, text); }
};

// Ring sequences are reserved in blocks, so that a view change never waits for the disk; a crash wastes at
// most a block.
constexpr std::uint64_t kEpochBlock = 100;
constexpr std::uint64_t kMaxRingSeq = std::uint64_t{1} << 60;  // a peer that claims more is not believed

// Whether `ring_seq` may be used now; asks for a reservation if it, or the room above it, runs out. Waits for
// the disk, but no longer than for a silent node: a hung disk must not keep a ring from forming, and the
// incarnation keeps ring ids unique anyway.
[[nodiscard]] bool reserved(Context& ctx, std::uint64_t ring_seq);

// "{1,2}" of members
[[nodiscard]] std::string names(const std::vector<Member>& members);
// "1000 ms", "1.3 ms"
[[nodiscard]] std::string words(base::Duration d);

}  // namespace totem

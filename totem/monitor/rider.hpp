// What rides on the heartbeats without being the monitor's business: a word to each peer, and which of our
// own heartbeats a peer has heard. The lease is such a rider (membership/lease); the monitor does not know
// what the words mean.
#pragma once

#include <cstdint>

#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace totem {

// Called by the monitor while it is stepped, so on the ring's thread. None of it may block, allocate in
// steady state, or call the monitor.
class Rider {
  public:
    Rider() = default;
    Rider(const Rider&) = delete;
    Rider& operator=(const Rider&) = delete;
    virtual ~Rider() = default;

    // A heartbeat to this process of the peer is being made: the word that it carries; 0: none. The heartbeat
    // tells which of the peer's were heard; the last of them came at `heard`.
    [[nodiscard]] virtual std::uint32_t word(base::NodeId peer, base::Incarnation process,
                                             base::Instant heard) = 0;
    // The peer has heard one of our heartbeats, and said this word (not 0) with that. `sent`: when the
    // heartbeat was made, which is before it was handed to a socket.
    virtual void acknowledged(base::Instant now, base::NodeId peer, base::Instant sent,
                              std::uint32_t word) = 0;
    // Called when next_deadline() has come, and at other times: whether heartbeats to all peers, to be
    // answered at once, are to go out now.
    [[nodiscard]] virtual bool urgent(base::Instant now) = 0;
    [[nodiscard]] virtual base::Instant next_deadline() const = 0;
};

}  // namespace totem

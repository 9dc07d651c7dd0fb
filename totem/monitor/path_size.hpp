// How large a frame may be on one path: probed upward from a size that nearly every network carries, and
// again from there when large frames get lost while small ones pass (the idea of RFC 8899, packetization
// layer path MTU discovery). Knows nothing of ICMP: a path that swallows what is too large is the usual case.
#pragma once

#include <cstdint>
#include <optional>

#include "totem/base/time.hpp"

namespace totem {

// Sizes are UDP payloads, in bytes.
class PathSize {
  public:
    static constexpr std::size_t kFloor = 1200;                 // taken for granted until it was tried
    static constexpr std::size_t kLowest = 640;                 // what is left when that fails too
    static constexpr base::Duration kRest = base::seconds(60);  // until a larger size is tried again
    struct Probe {
        std::uint32_t id{0};
        std::size_t size{0};
    };

    // The largest that may ever be tried (the interface's MTU less headers). `headers`: bytes of IP and UDP
    // headers on this path; for the sizes of common networks.
    void set_limit(std::size_t limit, std::size_t headers);
    // Small frames pass both ways: what is known is tried anew.
    void came_up(base::Instant now);
    void went_down();
    // Large frames get lost while small ones pass.
    void suspect(base::Instant now);
    // Whether the answer was awaited.
    bool answered(base::Instant now, std::uint32_t id);
    // What to send now. `patience`: how long an answer takes at most, if nobody is in its way. To be called
    // when next_deadline() has come.
    [[nodiscard]] std::optional<Probe> due(base::Instant now, base::Duration patience);
    [[nodiscard]] base::Instant next_deadline() const { return at_; }

    [[nodiscard]] std::size_t size() const { return size_; }  // what may be sent
    [[nodiscard]] bool proven() const { return proven_; }     // an answer came at this size
    [[nodiscard]] std::size_t limit() const { return limit_; }
    // Nothing larger passes, as far as was tried.
    [[nodiscard]] bool searched() const { return step_ == Step::rest; }

  private:
    enum class Step { off, verify, raise, rest };
    void verify(base::Instant now);
    void raise(base::Instant now);
    void failed(base::Instant now);
    [[nodiscard]] std::size_t next_above(std::size_t size) const;
    Step step_{Step::off};
    std::size_t size_{kFloor}, limit_{kFloor}, headers_{28};
    bool proven_{false};
    std::size_t target_{0};  // tried now
    std::uint32_t id_{0};
    unsigned tries_{0};
    base::Instant at_{base::Instant::never()};
};

}  // namespace totem

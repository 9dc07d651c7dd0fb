// What the checker holds the ring to, as formulas of its configuration.
#pragma once

#include "totem/ring/ring.hpp"

namespace sim {

// B1 of E15: nodes that hear each other, and nobody else, are one ring after so long.
[[nodiscard]] inline base::Duration unites_within(const totem::RingConfig& config) {
    return config.token_timeout * 2 + config.consensus_timeout + config.merge_interval;
}

// Nobody is held off longer, in token timeouts (docs/protocol.md, "Holding off").
constexpr std::int64_t kLongestHold = 8;

// Who receives nothing leaves after so long (docs/protocol.md, "Failing to receive").
[[nodiscard]] inline base::Duration leaves_within(const totem::RingConfig& config) {
    return config.token_timeout + base::seconds(2);
}

// B2 of E16: until then all that was queued is delivered, however small the windows are.
constexpr base::Duration kDeliversWithin = base::seconds(60);

// E17: a single fault leads each process through so many regular views at most.
constexpr std::uint64_t kViewsOfOneFault = 3;

}  // namespace sim

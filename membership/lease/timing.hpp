// The lengths of time that the lease is made of, and by how much two clocks may differ. docs/safety.md has
// the promise and its proof.
#pragma once

#include <cstdint>
#include <optional>

#include "totem/base/time.hpp"

namespace membership {

// How long the right lasts that one heartbeat can win, and what else follows from `token`.
struct LeaseTiming {
    // What this node grants to others: by acknowledging a heartbeat it promises not to count its sender as
    // cleared for so long. At most kLongestTerm.
    base::Duration term;
    // D: within this, this node gets rid of everything that it holds. Its right ends so much before the terms
    // that others granted.
    base::Duration drop;
    // Less right left than this: heartbeats go out of turn, `again` apart, and ask for an answer at once.
    base::Duration urgent, again;
    // A declaration of the main thread counts for so long, and so does a core that is being restarted.
    base::Duration patience;
};

// No node ever grants more. A fresh process that does not know what its node granted before counts with it.
constexpr base::Duration kLongestTerm = base::seconds(60);

// `token` in place of the right's length L: L is 3/4 token, D is token/4 (at least 150 ms and 50 ms), so that
// a takeover after silence, which costs token + consensus, waits for the lease in vain only when clocks
// differ. `lease`: L as the administrator wants it. L + D is bounded by kLongestTerm.
[[nodiscard]] LeaseTiming lease_timing(base::Duration token, std::optional<base::Duration> lease = {});

// As much of a ring's sequence number as a grant names, to tell it from the rings near it.
[[nodiscard]] constexpr std::uint16_t ring_mark(std::uint64_t seq) {
    return static_cast<std::uint16_t>(seq & 0xffffU);
}

// No clock of a node runs faster than another's by more than this part: what adjtimex(2) lets a time daemon
// set (10 % and 500 ppm, each way) is 1.2235.
constexpr std::int64_t kDriftDivisor = 4;
// While another node's clock moves by `d`, this node's moves by less than this.
[[nodiscard]] constexpr base::Duration stretched(base::Duration d) {
    return d + d / kDriftDivisor + base::nanoseconds(1);
}

}  // namespace membership

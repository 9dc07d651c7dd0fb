#include "membership/lease/timing.hpp"

#include <algorithm>

namespace membership {

LeaseTiming lease_timing(base::Duration token, std::optional<base::Duration> lease) {
    LeaseTiming timing;
    timing.drop = std::clamp(token / 4, base::milliseconds(50), base::seconds(5));
    const base::Duration right = std::max(lease.value_or(token * 3 / 4), base::milliseconds(150));
    timing.term = std::min(right + timing.drop, kLongestTerm);
    // Two intervals of heartbeats and a round trip are used up in the ordinary course of things.
    timing.urgent = token / 5;
    timing.again = std::max(token / 40, base::milliseconds(10));
    timing.patience = token;
    return timing;
}

}  // namespace membership

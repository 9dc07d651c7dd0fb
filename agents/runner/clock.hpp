// The clock of the edges: cores are handed its values.
#pragma once

#include <time.h>

#include "totem/base/time.hpp"

namespace agents {

// CLOCK_BOOTTIME: goes on during a suspend, never jumps.
[[nodiscard]] inline base::Instant boottime_now() {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return base::Instant{std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec};
}

// For poll(2): milliseconds until the deadline, rounded up; -1 is "no deadline".
[[nodiscard]] inline int poll_timeout(base::Instant now, base::Instant deadline) {
    if (deadline == base::Instant::never()) return -1;
    if (deadline <= now) return 0;
    const std::int64_t ms = (deadline - now).ns / 1'000'000 + 1;
    return ms > 60'000 ? 60'000 : static_cast<int>(ms);
}

}  // namespace agents

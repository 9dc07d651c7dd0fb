// The clocks of the engine: everything below is handed `now`.
#pragma once

#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace totem::detail {

// CLOCK_BOOTTIME: goes on while the machine sleeps.
[[nodiscard]] base::Instant boottime();

// Tells that this process may be a copy of itself, or slept in a way that its counters do not show: the
// machine was suspended (BOOTTIME left MONOTONIC behind), or the wall clock jumped by more than a second (a
// virtual machine was restored, or somebody set the clock: a false alarm that costs nothing).
class ClockWatch {
  public:
    ClockWatch();
    // Whether that happened since the last call.
    [[nodiscard]] bool jumped();

  private:
    struct Offsets {
        base::Duration suspended;  // BOOTTIME - MONOTONIC
        base::Duration wall;       // REALTIME - BOOTTIME
    };
    static Offsets read();
    Offsets last_;
};

// A timerfd on CLOCK_BOOTTIME. Returns the descriptor.
[[nodiscard]] base::Result<int> open_boottime_timer();
// Makes it readable at `at` (at once if that has passed).
void arm(int timer, base::Instant at);
// Takes its reading away.
void disarm(int timer);

}  // namespace totem::detail

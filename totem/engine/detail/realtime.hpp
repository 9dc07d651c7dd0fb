// Real-time scheduling and locked memory, where the system allows them.
#pragma once

#include "totem/base/result.hpp"

namespace totem::detail {

// SCHED_RR for the calling thread, not inherited by children. Below the kernel's interrupt threads (50),
// which carry our datagrams; the guard runs above it.
constexpr int kRingPriority = 40;
[[nodiscard]] base::Status ask_realtime();

// Locks all memory of the process, page by page as it is touched. Refused without an unlimited
// RLIMIT_MEMLOCK: with a limit, a later allocation would fail when it is reached.
[[nodiscard]] base::Status lock_memory();

}  // namespace totem::detail

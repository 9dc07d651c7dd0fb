// The lease where others on the machine can see it at any moment: a page of shared memory that guard writes
// (a file in the runtime directory, mapped), and that core, runner, `custos status` and the lab read before
// each step that others could see. Little-endian machines: "<IIQqQIIQ" in Python's words.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "membership/lease/guard_lease.hpp"

namespace membership {

struct LeasePage {
    static constexpr std::uint32_t kMagic = 0x534c5443;  // "CTLS"
    static constexpr std::uint32_t kLayout = 1;

    std::uint32_t magic{kMagic}, layout{kLayout};
    std::atomic<std::uint64_t> sequence{0};  // odd: being written
    std::atomic<std::int64_t> until{0};      // CLOCK_BOOTTIME, ns; 0: no right; INT64_MAX: not enforced
    std::atomic<std::uint64_t> ring{0};      // sequence
    std::atomic<std::uint32_t> representative{0};
    std::atomic<std::uint32_t> dropping{0};
    std::atomic<std::uint64_t> members{0};  // of the ring: their digest
};
static_assert(sizeof(LeasePage) == 48 && std::atomic<std::uint64_t>::is_always_lock_free);

// By one thread only. Neither waits nor allocates.
void publish(LeasePage& page, const LeaseView& view);
// None: another layout, or it was being written at each of a few tries; then nothing may be held.
[[nodiscard]] std::optional<LeaseView> look(const LeasePage& page);

}  // namespace membership

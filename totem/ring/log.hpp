// What one ring ordered: its datagrams, how far they were delivered, and messages that are still in parts. A
// log outlives its ring: it is kept as the *old* log through gather, commit and recovery until the next ring
// is installed.
#pragma once

#include <map>

#include "totem/ring/context.hpp"
#include "totem/ring/flow.hpp"
#include "totem/ring/window.hpp"

namespace totem {

// What a receiver holds at most. It is more than what may be outstanding, because a receiver learns up to a
// rotation later what is stable, and another one later in recovery.
constexpr std::size_t kLogWindows = 3;
[[nodiscard]] constexpr std::size_t capacity_for(std::size_t largest_window) {
    return kLogWindows * most_outstanding(largest_window);
}

struct RingLog {
    View view;  // ring.seq 0: not a ring yet, the state of a process that just started
    Window window;
    base::Seq stable;     // all members have received everything up to here; <= window.aru()
    base::Seq delivered;  // every datagram up to here was handed to the reassemblers; <= window.aru()
    std::map<base::NodeId, wire::Reassembler> parts;
    // Members with whom, in some recovery, we have exchanged everything: they may have installed a ring and
    // delivered what any of them sent, also after a gap, so we shall, too. Bit i is view.members[i].
    std::uint64_t obliged{0};

    // `largest_window`: of the ring, see flow.hpp.
    RingLog(View of, std::size_t largest_window)
        : view(std::move(of)),
          window(capacity_for(largest_window)) {}
    [[nodiscard]] bool is_ring() const { return view.ring.seq != 0; }
    [[nodiscard]] bool has(const Member& m) const;
    [[nodiscard]] std::size_t size() const { return window.high().value - window.freed().value; }
    [[nodiscard]] std::size_t partial_bytes() const;
    // The bit of `obliged` that stands for that node; 0: not a member.
    [[nodiscard]] std::uint64_t bit_of(base::NodeId node) const;
};

// Delivers in order up to the first gap, or the first safe datagram that is not known to be received by
// everybody. Recovered datagrams of this ring's first sequence numbers are passed over: they were delivered
// as the old ring's.
void deliver_in_order(Context& ctx, RingLog& log);

// Hands one datagram to its originator's reassembler and emits the messages that it completes.
void deliver(Context& ctx, RingLog& log, const wire::Data& data, bool transitional);

// The log of a process that just started.
[[nodiscard]] RingLog no_ring(const RingConfig& config);

}  // namespace totem

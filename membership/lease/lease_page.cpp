#include "membership/lease/lease_page.hpp"

namespace membership {

// A sequence lock after Boehm, "Can seqlocks get along with programming language memory models?" (MSPC 2012).
void publish(LeasePage& page, const LeaseView& view) {
    constexpr auto relaxed = std::memory_order_relaxed;
    const std::uint64_t before = page.sequence.load(relaxed);
    page.sequence.store(before + 1, relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    page.until.store(view.until.ns, relaxed);
    page.ring.store(view.ring.seq, relaxed);
    page.representative.store(view.ring.representative.value, relaxed);
    page.members.store(view.ring.members, relaxed);
    page.dropping.store(view.dropping ? 1 : 0, relaxed);
    page.sequence.store(before + 2, std::memory_order_release);
}

std::optional<LeaseView> look(const LeasePage& page) {
    constexpr auto relaxed = std::memory_order_relaxed;
    constexpr int kTries = 100;
    if (page.magic != LeasePage::kMagic || page.layout != LeasePage::kLayout) return {};
    for (int i = 0; i < kTries; ++i) {
        const std::uint64_t before = page.sequence.load(std::memory_order_acquire);
        LeaseView view;
        view.until = {page.until.load(relaxed)};
        view.ring = {
            page.ring.load(relaxed), {page.representative.load(relaxed)}, page.members.load(relaxed)};
        view.dropping = page.dropping.load(relaxed) != 0;
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before % 2 == 0 && page.sequence.load(relaxed) == before) return view;
    }
    return {};
}

}  // namespace membership

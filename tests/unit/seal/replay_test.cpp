#include <doctest/doctest.h>

#include <set>

#include "totem/base/rng.hpp"
#include "totem/seal/detail/replay.hpp"

using totem::detail::ReplayWindow;

TEST_CASE("the replay window agrees with a plain set, under jumps of all sizes") {
    base::Rng rng(11);
    ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t reach = rng.chance(20) ? 10'000 : 3'000;
        const std::uint64_t low = highest > 2'500 ? highest - 2'500 : 0;
        const std::uint64_t counter = low + rng.below(rng.chance(700) ? 2'600 : reach);
        const bool below = counter == 0 || (counter <= highest && highest - counter >= ReplayWindow::kWidth);
        const bool expected = below || seen.count(counter) > 0;
        CAPTURE(counter);
        REQUIRE(window.seen(counter) == expected);
        if (expected) continue;
        window.mark(counter);
        seen.insert(counter);
        highest = std::max(highest, counter);
    }
    CHECK(seen.size() > 5'000);
}

TEST_CASE("a jump by exactly the ring of words leaves nothing behind") {
    for (const std::uint64_t jump : {2047U, 2048U, 2049U, 2111U, 2112U, 2113U, 4224U}) {
        ReplayWindow window;
        for (std::uint64_t c = 1; c <= 64; ++c) window.mark(c);
        window.mark(64 + jump);
        CAPTURE(jump);
        for (std::uint64_t c = 65; c < 64 + jump; ++c)
            REQUIRE(window.seen(c) == (64 + jump - c >= ReplayWindow::kWidth));
    }
}

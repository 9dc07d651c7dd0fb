// What a seed decides before its run begins.
#pragma once

#include <cstdint>

#include "tests/sim/ring/world.hpp"

namespace sim {

[[nodiscard]] std::int64_t between(base::Rng& rng, std::int64_t low, std::int64_t high);
[[nodiscard]] totem::RingConfig draw_config(base::Rng rng);
[[nodiscard]] Weather draw_weather(base::Rng rng);
[[nodiscard]] std::uint32_t draw_nodes(base::Rng rng);
// Of each node, bytes; 0: of no bound.
[[nodiscard]] std::size_t draw_receive_buffer(base::Rng rng);

// How likely each fault is in this seed: most seeds know only some (swarm testing: Groce and others, ISSTA
// 2012).
struct Mix {
    enum Kind : std::size_t {
        torn,
        crash,
        massacre,
        restart,
        pause,
        goodbye,
        partition,
        one_way,
        heal,
        storm,
        loop,
        stall,
        disk,
        put_back,
        slow,
        shape,
        flap,
        kinds
    };
    std::uint64_t weight[kinds] = {};
    std::uint32_t ambush{
        0};  // chance that a fault is followed by another amid the view change that it causes
    explicit Mix(base::Rng rng);
    [[nodiscard]] Kind draw(base::Rng& rng) const;
};

}  // namespace sim

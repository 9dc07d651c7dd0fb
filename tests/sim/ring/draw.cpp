#include "tests/sim/ring/draw.hpp"

namespace sim {

using base::microseconds;
using base::milliseconds;

std::int64_t between(base::Rng& rng, std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

totem::RingConfig draw_config(base::Rng rng) {
    totem::RingConfig config;
    if (rng.chance(600)) config.token_timeout = milliseconds(between(rng, 100, 1000));
    config.consensus_timeout = milliseconds(between(rng, 50, 300));
    config.hop_retry = milliseconds(between(rng, 5, 20));
    config.join_interval = milliseconds(between(rng, 20, 50));
    if (rng.chance(500)) {
        config.window = static_cast<std::size_t>(between(rng, 30'000, 2'000'000));
        config.max_per_visit = static_cast<std::size_t>(between(rng, 1000, 200'000));
    }
    if (rng.chance(400)) config.datagram_size = static_cast<std::size_t>(between(rng, 512, 9000));
    if (rng.chance(200)) config.max_queued = static_cast<std::size_t>(between(rng, 20'000, 200'000));
    return config;
}

Weather draw_weather(base::Rng rng) {
    Weather w;
    if (rng.chance(700))
        w.loss = static_cast<std::uint32_t>(rng.chance(200) ? rng.below(300) : rng.below(60));
    if (rng.chance(600)) w.duplicate = static_cast<std::uint32_t>(rng.below(150));
    if (rng.chance(600)) w.slow = static_cast<std::uint32_t>(rng.below(200));
    if (rng.chance(500)) w.lazy = static_cast<std::uint32_t>(rng.below(1000));
    w.lazy_by = microseconds(between(rng, 50, 3000));
    w.delay = microseconds(between(rng, 20, 500));
    w.jitter = microseconds(between(rng, 0, 300));
    if (rng.chance(700)) w.refused = static_cast<std::uint32_t>(rng.below(1001));
    if (rng.chance(400)) w.rumour = static_cast<std::uint32_t>(rng.below(20));
    w.guarded = static_cast<std::uint32_t>(rng.below(1001));
    w.watched = rng.chance(800);
    if (rng.chance(400)) w.hushed = static_cast<std::uint32_t>(rng.below(300));
    w.slow_by = milliseconds(rng.chance(200) ? between(rng, 50, 2000) : between(rng, 1, 30));
    if (rng.chance(300)) {
        w.bursts.begin = static_cast<std::uint32_t>(between(rng, 1, 20));
        w.bursts.end = static_cast<std::uint32_t>(between(rng, 10, 300));
        w.bursts.loss = static_cast<std::uint32_t>(between(rng, 300, 1000));
    }
    if (rng.chance(250)) {
        w.tail = rng.chance(500) ? Tail::exponential : Tail::lognormal;
        w.tail_mean = microseconds(rng.chance(300) ? between(rng, 10'000, 300'000) : between(rng, 20, 5000));
    }
    if (rng.chance(200)) w.overhead = static_cast<std::size_t>(between(rng, 1000, 5000));
    return w;
}

std::uint32_t draw_nodes(base::Rng rng) {
    return static_cast<std::uint32_t>(rng.chance(100) ? between(rng, 9, 16) : between(rng, 2, 8));
}

std::size_t draw_receive_buffer(base::Rng rng) {
    if (rng.chance(500)) return 0;
    return static_cast<std::size_t>(rng.chance(300) ? between(rng, 30'000, 100'000)
                                                    : between(rng, 100'000, 2'000'000));
}

Mix::Mix(base::Rng rng) {
    for (std::uint64_t& w : weight) w = rng.chance(500) ? 1 + rng.below(10) : 0;
    if (rng.chance(600)) weight[put_back] = 0;  // what it needs is dear
    weight[restart] += 5;
    weight[heal] += 4;
    ambush = rng.chance(700) ? static_cast<std::uint32_t>(rng.below(900)) : 0;
}
Mix::Kind Mix::draw(base::Rng& rng) const {
    std::uint64_t total = 0;
    for (const std::uint64_t w : weight) total += w;
    std::uint64_t at = rng.below(total);
    std::size_t kind = 0;
    while (at >= weight[kind]) at -= weight[kind++];
    return static_cast<Kind>(kind);
}

}  // namespace sim

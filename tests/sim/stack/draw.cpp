#include "tests/sim/stack/draw.hpp"

#include <numeric>

namespace stack_sim {

using base::microseconds;
using base::milliseconds;

std::int64_t between(base::Rng& rng, std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

Setup draw_setup(base::Rng rng) {
    Setup setup;
    setup.nodes = static_cast<std::uint32_t>(between(rng, 2, rng.chance(300) ? 5 : 3));
    const auto links = static_cast<std::size_t>(rng.chance(350) ? 1 : between(rng, 2, 3));
    for (std::size_t i = 0; i < links; ++i) {
        setup.by_group.push_back(rng.chance(400));
        setup.priorities.push_back(rng.chance(700) ? 1 : static_cast<unsigned>(between(rng, 1, 3)));
    }
    setup.mtu = rng.chance(500) ? 1500 : 9000;
    totem::RingConfig& ring = setup.ring;
    ring.token_timeout = milliseconds(between(rng, 100, 300));
    ring.consensus_timeout = milliseconds(between(rng, 50, 150));
    ring.hop_retry = milliseconds(between(rng, 5, 20));
    ring.join_interval = milliseconds(between(rng, 20, 50));
    ring.merge_interval = milliseconds(between(rng, 50, 200));
    ring.datagram_size = rng.chance(500) ? 8908 : static_cast<std::size_t>(between(rng, 512, 8908));
    if (rng.chance(300)) {
        ring.window = static_cast<std::size_t>(between(rng, 32'000, 1'000'000));
        ring.max_per_visit = static_cast<std::size_t>(between(rng, 4'000, 128'000));
    }
    return setup;
}

Weather draw_weather(base::Rng rng) {
    const auto some = [&rng](std::uint32_t chance, std::uint32_t most) {
        return rng.chance(chance) ? static_cast<std::uint32_t>(rng.below(most)) : 0;
    };
    Weather w;
    w.loss = some(500, 60);
    w.duplicate = some(500, 150);
    w.slow = some(500, 200);
    w.slow_by = milliseconds(rng.chance(200) ? between(rng, 30, 500) : between(rng, 1, 20));
    w.jitter = microseconds(between(rng, 0, 300));
    w.lazy = some(500, 1000);
    w.lazy_by = microseconds(between(rng, 50, 3000));
    w.refused = some(600, 1001);
    w.rumour = some(300, 20);
    w.guarded = static_cast<std::uint32_t>(rng.below(1001));
    w.damaged = some(600, 100);
    w.stray = some(500, 60);
    w.unsent = some(200, 5);
    return w;
}

void draw_paths(Network& network, base::Rng rng) {
    const Duration delay = microseconds(between(rng, 100, 900));
    network.for_each([&](std::size_t /*link*/, NodeId /*from*/, NodeId /*to*/, Path& path) {
        path = Path{};
        path.delay = delay + microseconds(between(rng, 0, 200));
    });
}

std::string lose_group(Network& network, const base::NodeSet& roster, std::size_t links, base::Rng& rng) {
    const std::size_t link = rng.below(links);
    const bool all_links = rng.chance(300);
    const auto nodes = static_cast<std::uint32_t>(roster.size());
    const NodeId from{1 + static_cast<std::uint32_t>(rng.below(nodes))};
    const NodeId to{(from.value + static_cast<std::uint32_t>(rng.below(nodes - 1))) % nodes + 1};
    const std::uint64_t how = rng.below(4);
    network.for_each([&](std::size_t of, NodeId a, NodeId b, Path& path) {
        if (of != link && !all_links) return;
        path.group_cut |= (a == from || how == 0 || how == 1) && (b == to || how == 0 || how == 2);
    });
    return (all_links ? "all groups" : "the group of link " + std::to_string(link)) +
           (how == 0 || how == 1 ? "" : " from node " + base::to_string(from)) +
           (how == 0 || how == 2 ? " to nobody" : " not to node " + base::to_string(to));
}

Mix::Mix(base::Rng rng) {
    for (std::uint64_t& w : weight) w = rng.chance(400) ? 1 + rng.below(8) : 0;
    // Few seeds have processes in two hands: nothing else can be judged there.
    for (const Fault rare : {Fault::copy, Fault::double_start})
        weight[static_cast<std::size_t>(rare)] = rng.chance(150) ? 1 + rng.below(3) : 0;
    weight[static_cast<std::size_t>(Fault::restart)] += 3;
    weight[static_cast<std::size_t>(Fault::heal)] += 4;
}

Fault Mix::draw(base::Rng& rng) const {
    std::uint64_t at = rng.below(std::accumulate(weight.begin(), weight.end(), std::uint64_t{0}));
    std::size_t kind = 0;
    while (at >= weight[kind]) at -= weight[kind++];
    return static_cast<Fault>(kind);
}

}  // namespace stack_sim

#include "tests/sim/stack/network.hpp"

#include "tests/sim/stack/core.hpp"

namespace stack_sim {

Hits& Hits::operator+=(const Hits& o) {
    lost += o.lost, cut += o.cut, group_cut += o.group_cut, too_large += o.too_large;
    fragmented += o.fragmented, duplicated += o.duplicated, slowed += o.slowed, refused += o.refused;
    rumours += o.rumours, last_words += o.last_words, unsent += o.unsent;
    closed += o.closed, put_back += o.put_back, unheard += o.unheard, noticed += o.noticed;
    return *this;
}

Network::Network(std::uint64_t seed, std::size_t links, std::size_t nodes, Hits& hits)
    : rng(seed),
      nodes_(nodes),
      paths_(links * nodes * nodes),
      hits_(hits) {}

Path& Network::path(std::size_t link, NodeId from, NodeId to) {
    return paths_.at((link * nodes_ + from.value - 1) * nodes_ + to.value - 1);
}

void Network::for_each(const std::function<void(std::size_t, NodeId, NodeId, Path&)>& visit) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        const NodeId from{static_cast<std::uint32_t>(i / nodes_ % nodes_ + 1)};
        const NodeId to{static_cast<std::uint32_t>(i % nodes_ + 1)};
        if (from != to) visit(i / (nodes_ * nodes_), from, to, paths_[i]);
    }
}

std::vector<Duration> Network::carry(Path& path, const Weather& weather, std::size_t size, bool whole,
                                     bool by_group) {
    if (path.cut || (by_group && path.group_cut)) {
        ++(path.cut ? hits_.cut : hits_.group_cut);
        return {};
    }
    std::size_t packets = 1;
    if (size + kHeaders > path.mtu) {
        if (whole || !path.fragments) {
            ++hits_.too_large;
            return {};
        }
        ++hits_.fragmented;
        packets = (size + kHeaders + path.mtu - 1) / path.mtu;
    }
    path.in_burst = path.in_burst ? !rng.chance(100) : rng.chance(path.burst);
    const std::uint32_t loss = path.in_burst ? 900 : path.loss + weather.loss;
    for (std::size_t i = 0; i < packets; ++i) {
        if (!rng.chance(loss)) continue;
        ++hits_.lost;
        return {};
    }
    std::vector<Duration> delays(1);
    if (rng.chance(weather.duplicate)) {
        delays.emplace_back();
        ++hits_.duplicated;
    }
    const auto up_to = [this](Duration most) {
        return Duration{static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most.ns) + 1))};
    };
    for (Duration& delay : delays) {
        delay = path.delay + up_to(weather.jitter);
        if (!rng.chance(weather.slow)) continue;
        delay = delay + up_to(weather.slow_by);
        ++hits_.slowed;
    }
    return delays;
}

}  // namespace stack_sim

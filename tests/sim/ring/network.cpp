#include "tests/sim/ring/network.hpp"

#include <algorithm>
#include <cmath>

namespace sim {

namespace {

// In (0, 1].
double fraction(base::Rng& rng) {
    constexpr double kParts = 9007199254740992.0;  // 2^53
    return static_cast<double>((rng.next() >> 11) + 1) / kParts;
}

// Box and Muller's.
double normal(base::Rng& rng) {
    constexpr double kTwoPi = 6.283185307179586;
    const double radius = std::sqrt(-2 * std::log(fraction(rng)));
    return radius * std::cos(kTwoPi * fraction(rng));
}

}  // namespace

Duration Weather::longest() const {
    return delay + jitter + slow_by + (tail == Tail::none ? Duration{} : kLongestTail);
}

Hits& Hits::operator+=(const Hits& o) {
    lost += o.lost;
    in_bursts += o.in_bursts;
    bursts += o.bursts;
    torn += o.torn;
    duplicated += o.duplicated;
    slowed += o.slowed;
    seconds_late += o.seconds_late;
    cut += o.cut;
    stale_disk += o.stale_disk;
    refused += o.refused;
    rumours += o.rumours;
    last_words += o.last_words;
    silences += o.silences;
    false_silences += o.false_silences;
    stalls += o.stalls;
    failed_writes += o.failed_writes;
    forgotten_writes += o.forgotten_writes;
    outdated += o.outdated;
    overflowed += o.overflowed;
    put_back += o.put_back;
    put_back_noticed += o.put_back_noticed;
    return *this;
}

bool Network::in_burst(NodeId from, NodeId to, const Bursts& bursts) {
    if (bursts.begin == 0) return false;
    const Direction way{from, to};
    if (bad_.count(way) != 0) {
        if (burst_rng_.chance(bursts.end)) bad_.erase(way);
    } else if (burst_rng_.chance(bursts.begin)) {
        bad_.insert(way);
        ++hits_.bursts;
    }
    return bad_.count(way) != 0 && burst_rng_.chance(bursts.loss);
}

Duration Network::tail(const Weather& weather) {
    constexpr double kSigma = 1.5;
    double factor = 0;
    switch (weather.tail) {
        case Tail::none:
            return {};
        case Tail::exponential:
            factor = -std::log(fraction(rng_));
            break;
        case Tail::lognormal:
            factor = std::exp(kSigma * normal(rng_));
            break;
    }
    const double ns = factor * static_cast<double>(weather.tail_mean.ns);
    const auto longest = static_cast<double>(kLongestTail.ns);
    const Duration delay{static_cast<std::int64_t>(std::min(ns, longest))};
    if (delay >= base::seconds(1)) ++hits_.seconds_late;
    return delay;
}

const std::vector<Duration>& Network::carry(NodeId from, NodeId to, const Weather& weather, int copies) {
    delays_.clear();
    if (is_cut(from, to)) {
        ++hits_.cut;
        return delays_;
    }
    if (rng_.chance(weather.loss)) {
        ++hits_.lost;
        return delays_;
    }
    if (in_burst(from, to, weather.bursts)) {
        ++hits_.in_bursts;
        return delays_;
    }
    if (rng_.chance(weather.duplicate)) {
        ++copies;
        ++hits_.duplicated;
    }
    for (; copies > 0; --copies) {
        Duration delay = weather.delay + tail(weather);
        if (weather.jitter.ns > 0) delay = delay + up_to(rng_, weather.jitter);
        if (rng_.chance(weather.slow)) {
            delay = delay + up_to(rng_, weather.slow_by);
            ++hits_.slowed;
        }
        delays_.push_back(delay);
    }
    return delays_;
}

void Network::cut(NodeId from, NodeId to, bool is_cut) {
    if (is_cut) {
        cuts_.insert({from, to});
    } else {
        cuts_.erase({from, to});
    }
}

Cuts partition(const base::NodeSet& roster, const std::vector<base::NodeSet>& groups) {
    Cuts cuts;
    for (const base::NodeSet& group : groups) {
        for (const NodeId inside : group) {
            for (const NodeId other : roster) {
                if (!group.contains(other)) cuts.insert({inside, other});
            }
        }
    }
    return cuts;
}

Cuts one_sided(const base::NodeSet& deaf, const base::NodeSet& unheard) {
    Cuts cuts;
    for (const NodeId from : unheard) {
        for (const NodeId to : deaf) cuts.insert({from, to});
    }
    return cuts;
}

Cuts bridge(const base::NodeSet& roster, NodeId over, const std::vector<base::NodeSet>& halves) {
    Cuts cuts = partition(roster, halves);
    for (const NodeId node : roster) {
        cuts.erase({node, over});
        cuts.erase({over, node});
    }
    return cuts;
}

Cuts circle(const std::vector<NodeId>& order, std::size_t reach) {
    Cuts cuts;
    const std::size_t n = order.size();
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            const std::size_t apart = std::min((i + n - j) % n, (j + n - i) % n);
            if (apart > reach) cuts.insert({order[i], order[j]});
        }
    }
    return cuts;
}

}  // namespace sim

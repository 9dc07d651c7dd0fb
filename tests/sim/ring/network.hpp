// The network between the nodes of a world: who reaches whom, and what may happen to a datagram on its way.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/rng.hpp"
#include "totem/base/time.hpp"

namespace sim {

using base::Duration;
using base::Instant;
using base::NodeId;

// Evenly between nothing and that.
[[nodiscard]] inline Duration up_to(base::Rng& rng, Duration limit) {
    return {static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(limit.ns)))};
}

// Losses that come in bursts, for each direction of each pair by itself: a direction turns bad and good again
// with these chances for each datagram, and while it is bad loses so many (Gilbert 1960, Elliott 1963).
// Chances in 1/1000.
struct Bursts {
    std::uint32_t begin{0}, end{100};
    std::uint32_t loss{900};
};

// How delays are spread, beside the even jitter.
enum class Tail : std::uint8_t { none, exponential, lognormal };

// What may happen to a datagram on its way; chances in 1/1000.
struct Weather {
    std::uint32_t loss{0};
    Bursts bursts;
    std::uint32_t duplicate{0};
    std::uint32_t slow{0};  // takes up to slow_by longer: reordering
    Duration delay{base::microseconds(100)};
    Duration jitter{base::microseconds(50)};
    Duration slow_by{base::milliseconds(5)};
    Tail tail{Tail::none};
    Duration tail_mean{base::milliseconds(1)};  // of a lognormal one the median
    std::uint32_t lazy{0};  // a node does not read its socket at once but up to lazy_by later: batches
    Duration lazy_by{base::milliseconds(1)};
    std::uint32_t refused{0};  // the machine of a node that is down says that nobody listens
    std::uint32_t rumour{0};   // somebody says so of a node that is up
    std::uint32_t guarded{0};  // the guard of a node that crashes says that it has ended
    bool watched{false};       // links are watched: a node is told whom it does not hear any more
    std::uint32_t hushed{0};   // ... and falsely so of one that it hears, each quarter of a token timeout
    // What a datagram takes in a receive buffer besides its bytes; more than the ring reckons with,
    // sometimes.
    std::size_t overhead{832};
    // The longest that a datagram may take.
    [[nodiscard]] Duration longest() const;
};
constexpr Duration kLongestTail = base::seconds(3);

// How often each thing was done to the world.
struct Hits {
    std::uint64_t lost{0}, in_bursts{0}, bursts{0}, torn{0}, duplicated{0}, slowed{0}, seconds_late{0},
        cut{0}, stale_disk{0}, refused{0}, rumours{0}, last_words{0}, silences{0}, false_silences{0},
        stalls{0}, failed_writes{0}, forgotten_writes{0}, outdated{0}, overflowed{0}, put_back{0},
        put_back_noticed{0};
    Hits& operator+=(const Hits& o);
};

using Direction = std::pair<NodeId, NodeId>;  // from, to
using Cuts = std::set<Direction>;

class Network {
  public:
    Network(std::uint64_t seed, Hits& hits) : rng_(seed), burst_rng_(seed ^ 0x6275727374), hits_(hits) {}

    // Of so many copies that are sent: how long each takes that arrives. Good until the next call.
    [[nodiscard]] const std::vector<Duration>& carry(NodeId from, NodeId to, const Weather& weather,
                                                     int copies);

    [[nodiscard]] bool is_cut(NodeId from, NodeId to) const { return cuts_.count({from, to}) != 0; }
    void cut(NodeId from, NodeId to, bool is_cut);
    void cut(const Cuts& cuts) { cuts_ = cuts; }
    void heal() { cuts_.clear(); }

    [[nodiscard]] base::Rng& rng() { return rng_; }

  private:
    [[nodiscard]] bool in_burst(NodeId from, NodeId to, const Bursts& bursts);
    [[nodiscard]] Duration tail(const Weather& weather);

    base::Rng rng_, burst_rng_;
    Hits& hits_;
    Cuts cuts_;
    std::set<Direction> bad_;  // in a burst of losses
    std::vector<Duration> delays_;
};

// Shapes of a network that is not whole. Each says what is cut.
// Every node hears exactly those in its own group.
[[nodiscard]] Cuts partition(const base::NodeSet& roster, const std::vector<base::NodeSet>& groups);
// The first group does not hear the second, which hears it.
[[nodiscard]] Cuts one_sided(const base::NodeSet& deaf, const base::NodeSet& unheard);
// Two halves, and one node that both hear.
[[nodiscard]] Cuts bridge(const base::NodeSet& roster, NodeId over, const std::vector<base::NodeSet>& halves);
// In this circle each node hears `reach` neighbours on either side. With reach 1 only the two next ones; with
// a quarter of the nodes each one hears a majority, and no two the same.
[[nodiscard]] Cuts circle(const std::vector<NodeId>& order, std::size_t reach);

}  // namespace sim

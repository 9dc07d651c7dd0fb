// The networks between the nodes: for each link and direction what passes, how it is lost and how long it
// takes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/rng.hpp"
#include "totem/base/time.hpp"

namespace stack_sim {

using base::Duration;
using base::NodeId;

// One direction between two nodes on one link. Chances in 1/1000.
struct Path {
    bool cut{false};
    bool group_cut{false};  // what went to the group does not pass
    std::uint32_t loss{0};
    std::uint32_t burst{0};  // chance that a burst of losses begins; it ends with 1/10
    std::size_t mtu{9000};   // of IP packets
    bool fragments{true};    // larger packets pass in parts, if they may be cut; else they vanish
    Duration delay{base::microseconds(100)};
    bool in_burst{false};
};

struct Weather {
    std::uint32_t loss{0};  // besides that of the paths
    std::uint32_t duplicate{0};
    std::uint32_t slow{0};  // takes up to slow_by longer: reordering
    Duration slow_by{base::milliseconds(5)};
    Duration jitter{base::microseconds(50)};
    std::uint32_t lazy{0};  // a process does not read a socket at once but up to lazy_by later: batches
    Duration lazy_by{base::milliseconds(1)};
    std::uint32_t refused{0};  // the machine of a node that is down says that nobody listens
    std::uint32_t rumour{0};   // somebody says so of a node that is up
    std::uint32_t guarded{0};  // the guard of a node that crashes says that it has ended
    std::uint32_t damaged{0};  // a damaged copy comes before or after
    std::uint32_t stray{0};    // something of the past, or of strangers, comes as well
    std::uint32_t unsent{0};   // the operating system refuses to send all that a process has to send now
};

// How often each thing was done.
struct Hits {
    std::uint64_t lost{0}, cut{0}, group_cut{0}, too_large{0}, fragmented{0}, duplicated{0}, slowed{0},
        refused{0}, rumours{0}, last_words{0}, unsent{0}, closed{0}, put_back{0}, unheard{0}, noticed{0};
    Hits& operator+=(const Hits& o);
};

class Network {
  public:
    Network(std::uint64_t seed, std::size_t links, std::size_t nodes, Hits& hits);
    [[nodiscard]] Path& path(std::size_t link, NodeId from, NodeId to);
    void for_each(const std::function<void(std::size_t link, NodeId from, NodeId to, Path&)>& visit);
    // How long each copy takes that arrives of a frame of so many bytes.
    [[nodiscard]] std::vector<Duration> carry(Path& path, const Weather& weather, std::size_t size,
                                              bool whole, bool by_group);
    base::Rng rng;

  private:
    std::size_t nodes_;
    std::vector<Path> paths_;  // by link, from, to
    Hits& hits_;
};

}  // namespace stack_sim

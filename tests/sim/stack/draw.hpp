// What a seed decides before its run begins.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "tests/sim/stack/world.hpp"

namespace stack_sim {

[[nodiscard]] std::int64_t between(base::Rng& rng, std::int64_t low, std::int64_t high);
[[nodiscard]] Setup draw_setup(base::Rng rng);
[[nodiscard]] Weather draw_weather(base::Rng rng);
// Delays, losses and sizes of each link's paths.
void draw_paths(Network& network, base::Rng rng);

// The group of a link, or of all, does not pass any more, while unicast does: to one node, from one node,
// from one to one, or at all. What it is, in words.
std::string lose_group(Network& network, const base::NodeSet& roster, std::size_t links, base::Rng& rng);

enum class Fault : std::uint8_t {
    crash,
    restart,
    diskless,
    clock_back,
    pause,
    goodbye,
    link_down,
    address_gone,
    one_way,
    node_cut,
    slow_path,
    lossy_path,
    group_lost,
    smaller_path,
    smaller_interface,
    jump,
    put_back,
    copy,
    double_start,
    key_change,
    junk_storm,
    unsent,
    heal,
    kinds
};
constexpr std::array<const char*, static_cast<std::size_t>(Fault::kinds)> kFaultNames = {
    "crashes",
    "restarts",
    "  without the disk",
    "  with the clock set back",
    "pauses",
    "goodbyes",
    "links dead",
    "interfaces down and up",
    "paths dead one way",
    "nodes cut off",
    "paths slow",
    "paths with bursts of losses",
    "groups that do not arrive",
    "paths that carry less",
    "interfaces that carry less",
    "clock jumps",
    "machines put back to a snapshot",
    "processes copied",
    "nodes started twice",
    "changes of keys",
    "storms of junk",
    "sends refused",
    "heals",
};

// How likely each fault is in this seed: most seeds know only some.
struct Mix {
    std::array<std::uint64_t, kFaultNames.size()> weight{};
    explicit Mix(base::Rng rng);
    [[nodiscard]] Fault draw(base::Rng& rng) const;
};

}  // namespace stack_sim

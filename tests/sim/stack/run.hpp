// One seed: a world of stacks, a mix of faults, and what came of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "tests/sim/ring/child.hpp"
#include "tests/sim/stack/faults.hpp"

namespace stack_sim {

// What a quiet cluster must bear: without a change of views, but for the last one.
enum class Trial : std::uint8_t {
    junk,
    lost_link,
    lost_group,
    smaller_paths,
    key_change,
    jump,
    put_back,
    kinds
};
constexpr std::array<const char*, static_cast<std::size_t>(Trial::kinds)> kTrialNames = {
    "  junk, beside a twin without", "  one of several links lost", "  a group that does not arrive",
    "  paths that carry less",       "  a change of keys",          "  a jump of the clocks",
    "  a machine put back"};

// Counts, for the summary. Plain data: it crosses a pipe.
struct Tally {
    std::uint64_t virtual_ms{0}, steps{0}, submitted{0}, deliveries{0}, views{0}, sealed{0}, key_changes{0},
        in_pieces{0}, pieces_given_up{0}, distrusted{0}, worst_unite_ms{0}, worst_paths_ms{0},
        worst_deliver_ms{0}, most_steps_at_once{0};
    std::uint64_t rejected[totem::kRejectedKinds] = {};
    std::uint64_t wrong_source{0};
    std::uint64_t trials[kTrialNames.size()] = {};
    std::uint64_t junk[static_cast<std::size_t>(Junk::kinds)] = {};
    FaultCounts faults;
    Hits hits;
    Tally& operator+=(const Tally& o);
};

using Outcome = sim::OutcomeOf<Tally>;

// Runs a seed; prints a readable trace to stdout if asked to. One seed in ten runs twice, to prove that
// nothing but the seed decides.
[[nodiscard]] Outcome run_seed(std::uint64_t seed, bool trace);

}  // namespace stack_sim

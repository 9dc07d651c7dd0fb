// One seed: a world, a mix of faults, and what came of it.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/ring/child.hpp"
#include "tests/sim/ring/coverage.hpp"
#include "tests/sim/ring/faults.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim {

// Counts, for the summary. Plain data: it crosses a pipe.
struct Tally {
    std::uint64_t virtual_ms{0}, steps{0}, deliveries{0}, transitional{0}, views{0}, quiet_ms{0},
        single_faults{0}, submitted{0}, safe{0}, large{0};
    std::uint64_t partial_meshes{0}, deaf_for_good{0}, worst_settle_ms{0}, replayed{0}, most_steps_at_once{0};
    FaultCounts faults;
    Hits hits;
    Coverage coverage;
    std::uint64_t worst_unite_ms{0}, worst_deliver_ms{0};
    Tally& operator+=(const Tally& o);
};

using Outcome = OutcomeOf<Tally>;

// Puts the verdict of a run that has ended into its outcome. `stuck`: what did not come about, or empty.
void judge(Outcome& outcome, const World& world, const std::string& violation, const std::string& stuck);

// Runs a seed; prints a readable trace to stdout if asked to. One seed in ten runs twice, to prove that
// nothing but the seed decides.
[[nodiscard]] Outcome run_seed(std::uint64_t seed, bool trace);

}  // namespace sim

// One seed: a cluster, a story of faults drawn from the seed, and the verdict.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/lease/cluster.hpp"

namespace sim {

enum class Verdict { ok, safety, liveness };

// What happened, for the table.
struct Counts {
    Tally tally;
    std::uint64_t steps{0}, datagrams{0}, lost{0}, stalls{0}, virtual_ms{0};
    std::uint64_t chaos{0}, aimed{0}, ambush{0}, come_back{0}, stale{0}, clean{0}, calm{0}, beyond{0},
        crashes{0}, suspends{0}, cuts{0}, terms{0};
    Counts& operator+=(const Counts& other);
};

struct Outcome {
    Verdict verdict{Verdict::ok};
    Counts counts;
    std::string what;  // of a failure
};

// Deterministic.
[[nodiscard]] Outcome run_seed(std::uint64_t seed, bool trace);

}  // namespace sim

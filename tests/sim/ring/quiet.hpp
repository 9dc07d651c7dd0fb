// A seed without faults for a long time, then with a single one: E17. Nothing changes without a cause, and
// one cause changes little.
#pragma once

#include "tests/sim/ring/run.hpp"

namespace sim {

// Whether this seed is of that kind; few are.
[[nodiscard]] bool is_quiet(std::uint64_t seed);
[[nodiscard]] Outcome run_quiet_seed(std::uint64_t seed, bool trace);

}  // namespace sim

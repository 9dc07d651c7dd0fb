// Bugs in sources made for it (see plant): at most one is on in a process.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/sim/ring/child.hpp"
#include "totem/base/rng.hpp"

namespace sim {

// Their names, by number.
[[nodiscard]] std::vector<const char*> bugs();
// A source of randomness that goes on from one run of a seed to the next.
[[nodiscard]] base::Rng& unseeded();
// Whether bug `number` is on.
[[nodiscard]] bool planted(std::size_t number);

struct Nothing {};
using Judgement = OutcomeOf<Nothing>;
// The main program of a simulator with bugs: hunts each, or those whose names contain one of the arguments,
// with seeds that `run` runs.
int hunt_all(const char* program, int argc, char** argv,
             const std::function<Judgement(std::uint64_t seed)>& run);

}  // namespace sim

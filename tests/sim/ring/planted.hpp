// Bugs in a ring made for it (see plant): at most one is on in a process.
#pragma once

#include <cstddef>
#include <vector>

#include "totem/base/rng.hpp"

namespace sim {

// Their names, by number.
[[nodiscard]] std::vector<const char*> bugs();
// A source of randomness that goes on from one run of a seed to the next.
[[nodiscard]] base::Rng& unseeded();
// Whether bug `number` is on.
[[nodiscard]] bool planted(std::size_t number);

}  // namespace sim

// Random small clusters with all that a live one may know of its resources.
#pragma once

#include <cstdint>

#include "scenario.hpp"

namespace manager {

// Up to four nodes and five resources; equal seeds give equal clusters.
[[nodiscard]] Scenario random_scenario(std::uint64_t seed);

}  // namespace manager

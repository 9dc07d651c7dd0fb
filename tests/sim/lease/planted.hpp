// Bugs in a lease made for it (see plant): at most one is on in a process.
#pragma once

#include <cstddef>
#include <vector>

namespace sim {

// Their names, by number.
[[nodiscard]] std::vector<const char*> bugs();
// Whether bug `number` is on.
[[nodiscard]] bool planted(std::size_t number);

}  // namespace sim

// Bugs in a quorum made for it (see ../plant): at most one is on at a time.
#pragma once

#include <cstddef>
#include <vector>

namespace model {

struct Bug {
    const char* name;
    bool breaks_guarantee;  // else it only differs from the reference
};
// By number.
[[nodiscard]] std::vector<Bug> bugs();
// Whether bug `number` is on.
[[nodiscard]] bool planted(std::size_t number);

}  // namespace model

// Goes through all sequences of events up to a depth, in all configurations that are given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/quorum/model/reference.hpp"

namespace model {

struct Search {
    std::string name;
    Rules rules;
    int depth{0};  // events one after the other
    Set blank_disks{0};
    // Every message and every write for itself, told to any part of its view; otherwise a whole step of the
    // roster is one event, which stops anywhere on its way.
    bool fine{false};
    bool wipes{false}, links{false}, cancels{false};
};

struct Finding {
    std::string wrong;                 // empty: nothing
    std::vector<std::string> events;   // what leads there
    std::uint64_t worlds{0}, steps{0}; // different ones that were seen; events that were tried
};

// `compare`: with the reference; the properties are checked in any case.
[[nodiscard]] Finding explore(const Search& search, bool compare = true);

// What the test goes through.
[[nodiscard]] std::vector<Search> searches();

}  // namespace model

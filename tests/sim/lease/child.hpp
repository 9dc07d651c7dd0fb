// Each seed in a process of its own, so that an assertion fails that seed only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/lease/run.hpp"

namespace sim {

using Run = std::function<Outcome(std::uint64_t seed)>;
using Tell = std::function<void(std::uint64_t seed, const Outcome& outcome)>;

// As many at a time as there are processors; each outcome is told as it comes. A process that dies broke
// something: Verdict::safety; one that runs for more than half a minute: Verdict::liveness.
void for_each_seed(const std::vector<std::uint64_t>& seeds, const Run& run, const Tell& tell);

// The seeds of such a file: one a line, then what it found.
[[nodiscard]] std::vector<std::uint64_t> former_failures(const char* file);

[[nodiscard]] const char* word(Verdict verdict);

// Parses "--seeds N" and the like. False: not understood.
struct Arguments {
    std::uint64_t seeds{0}, start{1}, seed{0};
    bool trace{false}, planted{false};
    std::vector<const char*> names;
    [[nodiscard]] bool parse(int argc, char** argv);
};

}  // namespace sim

// What the programs of simulators share: the command line, and the way through many seeds.
#pragma once

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/ring/child.hpp"

namespace sim {

// --seeds N [--start S] | --seed S [--trace] | --planted [--seeds N]
struct Options {
    std::vector<std::uint64_t> seeds;
    bool trace{false};
};
// With --seeds, or nothing, those of the list of former failures come first. Says what is wrong; with
// --planted becomes the program of that name beside this one ("planted_ring" of "sim_ring").
[[nodiscard]] std::optional<Options> options(const std::string& program, const char* former_failures,
                                             int argc, char** argv);

// Runs them all and tells the failures; how many passed. `worst`: of all verdicts, as exit code.
template <typename Tally>
std::size_t run_seeds(const char* program, const std::vector<std::uint64_t>& seeds,
                      const std::function<OutcomeOf<Tally>(std::uint64_t)>& run, Tally& total,
                      Verdict& worst) {
    std::size_t passed = 0;
    for_each_seed<Tally>(seeds, run, [&](std::uint64_t seed, const Report<Tally>& report) {
        total += report.tally;
        if (report.verdict == Verdict::ok) {
            ++passed;
            return;
        }
        if (worst != Verdict::safety) worst = std::min(report.verdict, Verdict::liveness);
        std::printf("seed %" PRIu64 ": %s: %s\n  repeat with: %s --seed %" PRIu64 " --trace\n", seed,
                    word(report.verdict), report.what, program, seed);
    });
    return passed;
}

}  // namespace sim

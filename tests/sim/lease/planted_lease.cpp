// planted_lease: tests the test. Runs seeds with a lease that has one bug, each bug in turn, until one is
// caught.
//   planted_lease [--seeds N] [NAME...]     at most N seeds for each bug (default 3000); the bugs whose names
//   contain a NAME
// Exit code: 0 all caught, 1 one was not, 3 usage.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sim/lease/child.hpp"
#include "tests/sim/lease/planted.hpp"

namespace sim {
namespace {

constexpr std::uint64_t kStep = 40;  // seeds that a bug meets at least

// The bug of this process.
std::size_t& chosen() {
    static std::size_t number = SIZE_MAX;
    return number;
}

// In a process of its own: everybody else keeps a lease without it. Its assertions are no news.
Outcome run_with_bug(std::size_t bug, std::uint64_t seed) {
    chosen() = bug;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    return run_seed(seed, false);
}

struct Catch {
    std::uint64_t seeds{0}, caught{0}, first{0};
    std::string how;  // of the first
};

// The seeds that fail, and how.
std::map<std::uint64_t, std::string> failing(const std::vector<std::uint64_t>& seeds, const Run& run) {
    std::map<std::uint64_t, std::string> out;
    for_each_seed(seeds, run, [&](std::uint64_t seed, const Outcome& outcome) {
        if (outcome.verdict != Verdict::ok)
            out[seed] = std::string(word(outcome.verdict)) + ": " + outcome.what;
    });
    return out;
}

Catch hunt(std::size_t bug, std::uint64_t limit) {
    Catch result;
    std::uint64_t next = 1;
    std::vector<std::uint64_t> seeds = former_failures(SIM_LEASE_SEEDS);
    while (result.caught == 0 && next <= limit) {
        for (; seeds.size() < kStep && next <= limit; ++next) seeds.push_back(next);
        result.seeds += seeds.size();
        std::map<std::uint64_t, std::string> caught =
            failing(seeds, [bug](std::uint64_t seed) { return run_with_bug(bug, seed); });
        std::vector<std::uint64_t> again;
        for (const auto& [seed, how] : caught) again.push_back(seed);
        // What fails without the bug as well has caught nothing.
        for (const auto& [seed, how] :
             failing(again, [](std::uint64_t seed) { return run_seed(seed, false); })) {
            std::printf("    seed %" PRIu64 " fails without any bug: %.140s\n", seed, how.c_str());
            caught.erase(seed);
        }
        seeds.clear();
        result.caught = caught.size();
        if (!caught.empty()) std::tie(result.first, result.how) = *caught.begin();
    }
    return result;
}

}  // namespace

bool planted(std::size_t number) {
    return chosen() == number;
}

}  // namespace sim

int main(int argc, char** argv) {
    sim::Arguments arguments;
    if (!arguments.parse(argc, argv)) {
        std::fprintf(stderr, "usage: planted_lease [--seeds N] [NAME...]\n");
        return 3;
    }
    const std::uint64_t seeds = arguments.seeds == 0 ? 3000 : arguments.seeds;
    const std::vector<const char*> names = sim::bugs();
    std::size_t caught = 0;
    std::size_t tried = 0;
    for (std::size_t bug = 0; bug < names.size(); ++bug) {
        const auto is_meant = [&](const char* part) { return std::strstr(names[bug], part) != nullptr; };
        if (!arguments.names.empty() &&
            std::none_of(arguments.names.begin(), arguments.names.end(), is_meant))
            continue;
        ++tried;
        const sim::Catch result = sim::hunt(bug, seeds);
        if (result.caught > 0) {
            ++caught;
            std::printf("ok  %s: caught by %" PRIu64 " of %" PRIu64 " seeds, first by seed %" PRIu64
                        ": %.140s\n",
                        names[bug], result.caught, result.seeds, result.first, result.how.c_str());
        } else {
            std::printf("FAILED %s: not caught by %" PRIu64 " seeds\n", names[bug], result.seeds);
        }
        std::fflush(stdout);
    }
    std::printf("%zu passed, %zu failed\n", caught, tried - caught);
    return tried > 0 && caught == tried ? 0 : 1;
}

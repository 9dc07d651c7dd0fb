// planted_groups: tests the test. Runs seeds with one bug in membership/sync or membership/groups, each bug
// in turn, until it is caught.
//   planted_groups [--seeds N] [NAME...]     at most N seeds for each bug (default 200); the bugs whose names
//   contain a NAME
// Exit code: 0 all caught, 1 one was not, 3 usage.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/sim/groups/run.hpp"
#include "tests/sim/ring/child.hpp"
#include "tests/sim/ring/planted.hpp"

namespace sim {

namespace {

constexpr std::uint64_t kStep = 10;        // seeds that a bug meets at least
constexpr unsigned kSecondsForASeed = 60;  // what runs in circles is caught, too

// The bug of this process.
std::size_t& chosen() {
    static std::size_t number = SIZE_MAX;
    return number;
}

// In a process of its own: everybody else goes on without it. Its assertions are no news.
Outcome run_with_bug(std::size_t bug, std::uint64_t seed) {
    chosen() = bug;
    alarm(kSecondsForASeed);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    return groups::run(seed, false).outcome;
}

struct Catch {
    std::uint64_t seeds{0}, caught{0}, first{0};
    std::string how;  // of the first
};

Catch hunt(std::size_t bug, std::uint64_t limit) {
    Catch result;
    while (result.caught == 0 && result.seeds < limit) {
        std::vector<std::uint64_t> seeds;
        for (std::uint64_t n = 0; n < kStep && result.seeds + n < limit; ++n)
            seeds.push_back(result.seeds + n + 1);
        for_each_seed<Tally>(
            seeds, [bug](std::uint64_t seed) { return run_with_bug(bug, seed); },
            [&](std::uint64_t seed, const Report<Tally>& report) {
                ++result.seeds;
                if (report.verdict == Verdict::ok) return;
                if (++result.caught > 1 && seed > result.first) return;
                result.first = seed;
                result.how = std::string(word(report.verdict)) + ": " + report.what;
            });
    }
    return result;
}

}  // namespace

bool planted(std::size_t number) {
    return chosen() == number;
}

}  // namespace sim

int main(int argc, char** argv) {
    std::uint64_t seeds = 200;
    int first_name = 1;
    if (argc > 1 && std::string(argv[1]) == "--seeds") {
        const char* end = argc > 2 ? argv[2] + std::strlen(argv[2]) : nullptr;
        if (argc < 3 || std::from_chars(argv[2], end, seeds).ptr != end || seeds == 0) {
            std::fprintf(stderr, "usage: planted_groups [--seeds N] [NAME...]\n");
            return 3;
        }
        first_name = 3;
    }
    const std::vector<const char*> names = sim::bugs();
    std::size_t caught = 0, tried = 0;
    for (std::size_t bug = 0; bug < names.size(); ++bug) {
        const auto is_meant = [&](const char* part) { return std::strstr(names[bug], part) != nullptr; };
        if (first_name < argc && std::none_of(argv + first_name, argv + argc, is_meant)) continue;
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

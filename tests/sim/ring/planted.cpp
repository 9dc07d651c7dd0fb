#include "tests/sim/ring/planted.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

namespace sim {

namespace {

constexpr std::uint64_t kStep = 20;        // seeds that a bug meets at least
constexpr unsigned kSecondsForASeed = 30;  // what runs in circles is caught, too

// The bug of this process.
std::size_t& chosen() {
    static std::size_t number = SIZE_MAX;
    return number;
}

// In a process of its own: everybody else keeps code without it. Its assertions are no news.
Judgement run_with_bug(std::size_t bug, std::uint64_t seed,
                       const std::function<Judgement(std::uint64_t)>& run) {
    chosen() = bug;
    alarm(kSecondsForASeed);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    return run(seed);
}

struct Catch {
    std::uint64_t seeds{0}, caught{0}, first{0};
    std::string how;  // of the first
};

Catch hunt(std::size_t bug, std::uint64_t limit, const std::function<Judgement(std::uint64_t)>& run) {
    Catch result;
    while (result.caught == 0 && result.seeds < limit) {
        std::vector<std::uint64_t> seeds;
        for (std::uint64_t n = 0; n < kStep && result.seeds + n < limit; ++n)
            seeds.push_back(result.seeds + n + 1);
        for_each_seed<Nothing>(
            seeds, [&](std::uint64_t seed) { return run_with_bug(bug, seed, run); },
            [&](std::uint64_t seed, const Report<Nothing>& report) {
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

base::Rng& unseeded() {
    static base::Rng rng(1);
    return rng;
}

bool planted(std::size_t number) {
    return chosen() == number;
}

int hunt_all(const char* program, int argc, char** argv, const std::function<Judgement(std::uint64_t)>& run) {
    std::uint64_t seeds = 400;
    int first_name = 1;
    if (argc > 1 && std::string(argv[1]) == "--seeds") {
        const char* text = argc > 2 ? argv[2] : "";
        const char* end = text + std::strlen(text);
        const auto read = std::from_chars(text, end, seeds);
        if (text == end || read.ptr != end || read.ec != std::errc{} || seeds == 0) {
            std::fprintf(stderr, "usage: %s [--seeds N] [NAME...]\n", program);
            return 3;
        }
        first_name = 3;
    }
    const std::vector<const char*> names = bugs();
    std::size_t caught = 0, tried = 0;
    for (std::size_t bug = 0; bug < names.size(); ++bug) {
        const auto is_meant = [&](const char* part) { return std::strstr(names[bug], part) != nullptr; };
        if (first_name < argc && std::none_of(argv + first_name, argv + argc, is_meant)) continue;
        ++tried;
        const Catch result = hunt(bug, seeds, run);
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

}  // namespace sim

// One seed in a process of its own, so that an assertion of what is simulated fails that seed only.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace sim {

enum class Verdict : std::uint8_t { ok, safety, liveness, livelock };
[[nodiscard]] const char* word(Verdict verdict);

// What came of a run, with the counts of its simulator.
template <typename Tally>
struct OutcomeOf {
    Verdict verdict{Verdict::ok};
    std::uint64_t trace_hash{0};
    Tally tally;
    std::string what;  // of a failure
};

// What crosses the pipe, and how the process ended if nothing did.
template <typename Tally>
struct Report {
    Verdict verdict{Verdict::safety};
    Tally tally;
    char what[400] = {};  // of a failure
};

// Runs all seeds, one process each, as many at a time as there are processors. `work` fills a report in that
// process; `tell` gets each as it comes, and how the process ended if none did (else empty).
struct Ending {
    Verdict verdict{Verdict::ok};
    std::string what;
};
void for_each_process(const std::vector<std::uint64_t>& seeds, std::size_t report_size,
                      const std::function<void(std::uint64_t seed, std::span<std::byte> report)>& work,
                      const std::function<void(std::uint64_t seed, std::span<const std::byte> report,
                                               const Ending& ending)>& tell);

template <typename Tally>
void for_each_seed(const std::vector<std::uint64_t>& seeds,
                   const std::function<OutcomeOf<Tally>(std::uint64_t)>& run,
                   const std::function<void(std::uint64_t seed, const Report<Tally>&)>& tell) {
    using R = Report<Tally>;
    static_assert(std::is_trivially_copyable_v<R> && sizeof(R) <= 4096);  // one write takes it
    for_each_process(
        seeds, sizeof(R),
        [&](std::uint64_t seed, std::span<std::byte> into) {
            const OutcomeOf<Tally> outcome = run(seed);
            R report{outcome.verdict, outcome.tally, {}};
            std::strncpy(report.what, outcome.what.c_str(), sizeof report.what - 1);
            std::memcpy(into.data(), &report, sizeof report);
        },
        [&](std::uint64_t seed, std::span<const std::byte> from, const Ending& ending) {
            R report;
            if (ending.what.empty()) {
                std::memcpy(&report, from.data(), sizeof report);
            } else {
                report.verdict = ending.verdict;
                std::strncpy(report.what, ending.what.c_str(), sizeof report.what - 1);
            }
            tell(seed, report);
        });
}

}  // namespace sim

// One seed in a process of its own, so that an assertion of the ring fails that seed only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <type_traits>

#include "tests/sim/ring/run.hpp"

namespace sim {

// What crosses the pipe.
struct Report {
    Verdict verdict{Verdict::safety};
    Tally tally;
    char what[400] = {};  // of a failure
};
static_assert(std::is_trivially_copyable_v<Report> && sizeof(Report) <= 4096);

class Child {
  public:
    // Starts it.
    Child(std::uint64_t seed, const std::function<Outcome(std::uint64_t)>& run);
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    // Can be read as soon as the report is there.
    [[nodiscard]] int end() const { return from_; }
    // Waits for its end; call it once. A child that dies broke a guarantee.
    [[nodiscard]] Report report();

  private:
    std::uint64_t seed_;
    pid_t pid_;
    int from_;
};

// Runs all seeds, one process each, as many at a time as there are processors; tells each report as it comes.
void for_each_seed(const std::vector<std::uint64_t>& seeds, const std::function<Outcome(std::uint64_t)>& run,
                   const std::function<void(std::uint64_t seed, const Report&)>& tell);

[[nodiscard]] const char* word(Verdict verdict);

}  // namespace sim

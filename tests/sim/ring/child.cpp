#include "tests/sim/ring/child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <thread>

#include "totem/base/check.hpp"

namespace sim {

Child::Child(std::uint64_t seed, const std::function<Outcome(std::uint64_t)>& run) : seed_(seed) {
    int ends[2];
    ASSERT(pipe(ends) == 0);
    std::fflush(stdout);
    pid_ = fork();
    ASSERT(pid_ >= 0);
    if (pid_ == 0) {
        const Outcome outcome = run(seed);
        std::fflush(stdout);
        Report report{outcome.verdict, outcome.tally, {}};
        std::strncpy(report.what, outcome.what.c_str(), sizeof report.what - 1);
        const bool sent = write(ends[1], &report, sizeof report) == static_cast<ssize_t>(sizeof report);
        _exit(sent ? 0 : 1);
    }
    close(ends[1]);
    from_ = ends[0];
}

Report Child::report() {
    Report report;
    const bool got = read(from_, &report, sizeof report) == static_cast<ssize_t>(sizeof report);
    close(from_);
    waitpid(pid_, nullptr, 0);
    return got ? report : Report{};
}

void for_each_seed(const std::vector<std::uint64_t>& seeds, const std::function<Outcome(std::uint64_t)>& run,
                   const std::function<void(std::uint64_t seed, const Report&)>& tell) {
    std::deque<Child> running;
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t next = 0; next < seeds.size() || !running.empty();) {
        while (next < seeds.size() && running.size() < processors) running.emplace_back(seeds[next++], run);
        const Report report = running.front().report();
        tell(running.front().seed(), report);
        running.pop_front();
    }
}

const char* word(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::safety:
            return "SAFETY";
        case Verdict::liveness:
            return "LIVENESS";
    }
    return "";
}

}  // namespace sim

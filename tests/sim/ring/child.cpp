#include "tests/sim/ring/child.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
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
    int status = 0;
    waitpid(pid_, &status, 0);
    if (got) return report;
    report = {};
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGALRM) report.verdict = Verdict::livelock;
    const std::string what = "ended by " + (signal != 0 ? std::string(strsignal(signal)) : "itself");
    std::strncpy(report.what, what.c_str(), sizeof report.what - 1);
    return report;
}

void for_each_seed(const std::vector<std::uint64_t>& seeds, const std::function<Outcome(std::uint64_t)>& run,
                   const std::function<void(std::uint64_t seed, const Report&)>& tell) {
    std::vector<Child> running;
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t next = 0; next < seeds.size() || !running.empty();) {
        while (next < seeds.size() && running.size() < processors) running.emplace_back(seeds[next++], run);
        std::vector<pollfd> ends;
        for (const Child& child : running) ends.push_back({child.end(), POLLIN, 0});
        ASSERT(poll(ends.data(), ends.size(), -1) > 0 || errno == EINTR);
        for (std::size_t i = running.size(); i-- > 0;) {
            if (ends[i].revents == 0) continue;
            tell(running[i].seed(), running[i].report());
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        }
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
        case Verdict::livelock:
            return "LIVELOCK";
    }
    return "";
}

}  // namespace sim

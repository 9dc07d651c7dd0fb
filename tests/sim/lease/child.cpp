#include "tests/sim/lease/child.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <type_traits>

#include "totem/base/check.hpp"

namespace sim {
namespace {

struct Report {
    Verdict verdict{Verdict::safety};
    Counts counts;
    char what[400] = {};
};
static_assert(std::is_trivially_copyable_v<Report> && sizeof(Report) <= 4096);

struct Child {
    std::uint64_t seed;
    pid_t pid;
    int from;
};

Child start(std::uint64_t seed, const Run& run) {
    constexpr unsigned kPatience = 30;
    int ends[2];
    ASSERT(pipe(ends) == 0);
    std::fflush(stdout);
    const pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        alarm(kPatience);
        const Outcome outcome = run(seed);
        std::fflush(stdout);
        Report report{outcome.verdict, outcome.counts, {}};
        std::strncpy(report.what, outcome.what.c_str(), sizeof report.what - 1);
        const bool sent = write(ends[1], &report, sizeof report) == static_cast<ssize_t>(sizeof report);
        _exit(sent ? 0 : 1);
    }
    close(ends[1]);
    return {seed, pid, ends[0]};
}

Outcome collect(const Child& child) {
    Report report;
    const bool got = read(child.from, &report, sizeof report) == static_cast<ssize_t>(sizeof report);
    close(child.from);
    int status = 0;
    waitpid(child.pid, &status, 0);
    if (got) return {report.verdict, report.counts, report.what};
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return {signal == SIGALRM ? Verdict::liveness : Verdict::safety,
            {},
            "ended by " + (signal != 0 ? std::string(strsignal(signal)) : "itself")};
}

bool number(const char* text, std::uint64_t& value) {
    const char* const end = text + std::strlen(text);
    return text != end && std::from_chars(text, end, value).ptr == end;
}

}  // namespace

std::vector<std::uint64_t> former_failures(const char* file) {
    std::vector<std::uint64_t> seeds;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        std::uint64_t seed = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), seed).ec == std::errc{})
            seeds.push_back(seed);
    }
    return seeds;
}

void for_each_seed(const std::vector<std::uint64_t>& seeds, const Run& run, const Tell& tell) {
    std::vector<Child> running;
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t next = 0; next < seeds.size() || !running.empty();) {
        while (next < seeds.size() && running.size() < processors)
            running.push_back(start(seeds[next++], run));
        std::vector<pollfd> ends;
        for (const Child& child : running) ends.push_back({child.from, POLLIN, 0});
        ASSERT(poll(ends.data(), ends.size(), -1) > 0 || errno == EINTR);
        for (std::size_t i = running.size(); i-- > 0;) {
            if (ends[i].revents == 0) continue;
            tell(running[i].seed, collect(running[i]));
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
    }
    return "";
}

bool Arguments::parse(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg == "--trace") {
            trace = true;
        } else if (arg == "--planted") {
            planted = true;
        } else if (arg == "--seeds" || arg == "--start" || arg == "--seed") {
            std::uint64_t& value = arg == "--seeds" ? seeds : arg == "--start" ? start : seed;
            if (++i == argc || !number(argv[i], value)) return false;
        } else if (arg.rfind("--", 0) == 0) {
            return false;
        } else {
            names.push_back(argv[i]);
        }
    }
    return true;
}

}  // namespace sim

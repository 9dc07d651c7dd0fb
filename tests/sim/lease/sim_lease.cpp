// sim_lease: the lease under faults drawn from seeds, each in a process of its own.
//   sim_lease --seeds N [--start S]    N seeds from S (default 1), after those of the list of former failures
//   sim_lease --seed S [--trace]       one seed
//   sim_lease --planted [--seeds N]    runs planted_lease, which tests this test
// Exit code: 0 all passed, 1 a guarantee was broken, 2 no progress, 3 usage.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/sim/lease/child.hpp"

namespace {

void print_table(const sim::Counts& c, std::size_t seeds) {
    const auto row = [](const char* name, std::uint64_t n) {
        std::printf("  %-28s %12" PRIu64 "\n", name, n);
    };
    row("seeds", seeds);
    row("  of chaos", c.chaos);
    row("  of single moments", c.aimed);
    row("  of ambushes", c.ambush);
    row("  of a fenced node's return", c.come_back);
    row("  of one left behind", c.stale);
    row("  of one clean loss", c.clean);
    row("  of calm, ten minutes", c.calm);
    row("  beyond what is covered", c.beyond);
    std::printf("  %-28s %12.2f\n", "virtual hours", static_cast<double>(c.virtual_ms) / 3.6e6);
    row("steps", c.steps);
    row("datagrams", c.datagrams);
    row("  lost", c.lost);
    row("steps interrupted", c.stalls);
    row("crashes", c.crashes);
    row("suspends", c.suspends);
    row("cuts", c.cuts);
    row("changes of the term", c.terms);
    row("regular views", c.tally.views);
    row("renewals", c.tally.renewals);
    row("leases run out", c.tally.lapses);
    row("starts", c.tally.starts);
    row("cleared by lease (message)", c.tally.by_lease);
    row("cleared by proof", c.tally.by_proof);
    row("facts that came too late", c.tally.void_facts);
    row("clean takeovers", c.tally.takeovers);
    row("  slowest, ms", static_cast<std::uint64_t>(c.tally.slowest_takeover.ms()));
    row("outlived, guard stood still", c.tally.outlived);
    row("two by right (beyond)", c.tally.overlaps);
}

int run_all(const std::vector<std::uint64_t>& seeds, bool trace) {
    sim::Counts total;
    std::size_t passed = 0;
    bool safety = false;
    bool liveness = false;
    sim::for_each_seed(
        seeds, [trace](std::uint64_t seed) { return sim::run_seed(seed, trace); },
        [&](std::uint64_t seed, const sim::Outcome& outcome) {
            total += outcome.counts;
            if (outcome.verdict == sim::Verdict::ok) {
                ++passed;
                return;
            }
            (outcome.verdict == sim::Verdict::safety ? safety : liveness) = true;
            std::printf("seed %" PRIu64 ": %s: %s\n  repeat with: sim_lease --seed %" PRIu64 " --trace\n",
                        seed, sim::word(outcome.verdict), outcome.what.c_str(), seed);
        });
    print_table(total, seeds.size());
    std::printf("%zu passed, %zu failed\n", passed, seeds.size() - passed);
    return safety ? 1 : liveness ? 2 : 0;
}

// The program with the bugs stands beside this one. Returns only if it can't be started.
int exec_planted(char** argv) {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").replace_filename("planted_lease");
    std::vector<char*> arguments;
    for (char** at = argv; *at != nullptr; ++at) {
        if (std::string(*at) != "--planted") arguments.push_back(*at);
    }
    arguments.push_back(nullptr);
    execv(program.c_str(), arguments.data());
    std::perror(program.c_str());
    return 3;
}

}  // namespace

int main(int argc, char** argv) {
    sim::Arguments arguments;
    if (!arguments.parse(argc, argv) || (!arguments.planted && !arguments.names.empty())) {
        std::fprintf(stderr,
                     "usage: sim_lease --seeds N [--start S] | --seed S [--trace] | --planted [--seeds N]\n");
        return 3;
    }
    if (arguments.planted) return exec_planted(argv);
    std::vector<std::uint64_t> list;
    if (arguments.seed != 0) {
        list.push_back(arguments.seed);
    } else {
        list = sim::former_failures(SIM_LEASE_SEEDS);
        const std::uint64_t count = arguments.seeds == 0 ? 60 : arguments.seeds;
        for (std::uint64_t n = 0; n < count; ++n) list.push_back(arguments.start + n);
    }
    std::printf("sim_lease: %zu seeds, first %" PRIu64 "\n", list.size(), list.front());
    return run_all(list, arguments.trace);
}

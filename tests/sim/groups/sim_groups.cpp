// sim_groups: runs seeds, each in a process of its own.
//   sim_groups --seeds N [--start S]    N seeds from S (default 1), after those of the list of former
//   failures sim_groups --seed S [--trace]       one seed sim_groups --planted [--seeds N]    runs
//   planted_groups, which tests this test
// Exit code: 0 all passed, 1 a guarantee was broken, 2 no progress or time stood still, 3 usage.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/groups/run.hpp"
#include "tests/sim/ring/child.hpp"

namespace {

void print_table(const sim::groups::Counts& c, std::size_t seeds) {
    const auto row = [](const char* name, std::uint64_t n) {
        std::printf("  %-36s %12" PRIu64 "\n", name, n);
    };
    row("seeds", seeds);
    std::printf("  %-36s %12.2f\n", "virtual hours", static_cast<double>(c.virtual_ms) / 3.6e6);
    row("steps", c.steps);
    row("regular views of rings", c.rings);
    row("  synchronised", c.syncs);
    row("states installed", c.installed);
    row("  transfers ended by a view change", c.aborted);
    row("store: commands applied", c.applied);
    row("  in transitional views", c.transitional);
    row("clients", c.clients);
    row("  ended", c.client_deaths);
    row("  cut off", c.cut_offs);
    row("handed to clients", c.handouts);
    row("  views of groups", c.views);
    row("crashes", c.crashes);
    row("goodbyes", c.goodbyes);
    row("partitions", c.partitions);
    row("pauses", c.pauses);
    row("storms", c.storms);
    row("faults amid a transfer", c.ambushes);
    row("states gone wrong, found", c.corrupted);
    row("states of 50 MB", c.large);
    row("  slowest, ms", c.worst_large_ms);
    row("  slowest message meanwhile, us", c.worst_latency_us);
    row("  slowest message before, us", c.worst_calm_latency_us);
    row("  slowest rotation meanwhile, us", c.worst_rotation_us);
    row("slowest rest after faults, ms", c.worst_settle_ms);
}

// One seed a line; # starts a comment.
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

int run_all(const std::vector<std::uint64_t>& seeds, bool trace) {
    sim::groups::Counts total;
    std::size_t passed = 0;
    sim::Verdict worst = sim::Verdict::ok;
    sim::for_each_seed<sim::groups::Counts>(
        seeds,
        [trace](std::uint64_t seed) {
            const sim::groups::Result result = sim::groups::run(seed, trace);
            return sim::OutcomeOf<sim::groups::Counts>{result.outcome.verdict, result.outcome.trace_hash,
                                                       result.counts, result.outcome.what};
        },
        [&](std::uint64_t seed, const sim::Report<sim::groups::Counts>& report) {
            total += report.tally;
            if (report.verdict == sim::Verdict::ok) {
                ++passed;
                return;
            }
            if (worst != sim::Verdict::safety) worst = std::min(report.verdict, sim::Verdict::liveness);
            std::printf("seed %" PRIu64 ": %s: %s\n  repeat with: sim_groups --seed %" PRIu64 " --trace\n",
                        seed, sim::word(report.verdict), report.what, seed);
            std::fflush(stdout);
        });
    print_table(total, seeds.size());
    std::printf("%zu passed, %zu failed\n", passed, seeds.size() - passed);
    return static_cast<int>(worst);
}

// The program with the bugs stands beside this one. Returns only if it can't be started.
int exec_planted(char** argv) {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").replace_filename("planted_groups");
    std::string name = "planted_groups";
    argv[1] = name.data();
    execv(program.c_str(), argv + 1);
    std::perror(program.c_str());
    return 3;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string(argv[1]) == "--planted") return exec_planted(argv);
    std::optional<std::uint64_t> seeds, start, seed;
    bool trace = false;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        std::optional<std::uint64_t>* value = arg == "--seeds"   ? &seeds
                                              : arg == "--start" ? &start
                                              : arg == "--seed"  ? &seed
                                                                 : nullptr;
        if (arg == "--trace") {
            trace = true;
            continue;
        }
        std::uint64_t number = 0;
        const char* text = i + 1 < argc ? argv[++i] : "";
        const auto* const end = text + std::strlen(text);
        if (value == nullptr || text == end || std::from_chars(text, end, number).ptr != end) {
            std::fprintf(
                stderr,
                "usage: sim_groups --seeds N [--start S] | --seed S [--trace] | --planted [--seeds N]\n");
            return 3;
        }
        *value = number;
    }
    std::vector<std::uint64_t> list;
    if (seed) {
        list.push_back(*seed);
    } else {
        list = former_failures(SIM_GROUPS_SEEDS);
        const std::uint64_t first = start.value_or(1);
        for (std::uint64_t s = first; s < first + seeds.value_or(60); ++s) list.push_back(s);
    }
    std::printf("sim_groups: %zu seeds, first %" PRIu64 "\n", list.size(), list.empty() ? 0 : list.front());
    return run_all(list, trace);
}

// sim_ring: runs seeds, each in a process of its own.
//   sim_ring --seeds N [--start S]    N seeds from S (default 1), after those of the list of former failures
//   sim_ring --seed S [--trace]       one seed
//   sim_ring --planted [--seeds N]    runs planted_ring, which tests this test
// From 5,000 seeds on each (phase, message) pair must have occurred but for those of impossible.txt.
// Exit code: 0 all passed, 1 a guarantee was broken, 2 no progress or time stood still, 3 usage.
#include <unistd.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/ring/child.hpp"

namespace {

sim::Outcome run_checked(std::uint64_t seed, bool trace, const sim::Impossible& impossible) {
    sim::Outcome outcome = sim::run_seed(seed, trace);
    if (outcome.verdict == sim::Verdict::ok) {
        outcome.what = impossible.broken(outcome.tally.coverage);
        if (!outcome.what.empty()) outcome.verdict = sim::Verdict::safety;
    }
    return outcome;
}

void print_table(const sim::Tally& t, std::size_t seeds) {
    const auto row = [](const char* name, std::uint64_t n) {
        std::printf("  %-28s %12" PRIu64 "\n", name, n);
    };
    row("seeds", seeds);
    std::printf("  %-28s %12.2f\n", "virtual hours", static_cast<double>(t.virtual_ms) / 3.6e6);
    std::printf("  %-28s %12.2f\n", "  without a fault", static_cast<double>(t.quiet_ms) / 3.6e6);
    row("single faults", t.single_faults);
    row("steps", t.steps);
    row("messages submitted", t.submitted);
    row("  of more than 1 MiB", t.large);
    row("  as safe", t.safe);
    row("deliveries", t.deliveries);
    row("  in transitional views", t.transitional);
    row("regular views", t.views);
    row("datagrams lost", t.hits.lost);
    row("  in a crash", t.hits.torn);
    row("datagrams duplicated", t.hits.duplicated);
    row("datagrams reordered", t.hits.slowed);
    row("datagrams cut off", t.hits.cut);
    row("ports refused", t.hits.refused);
    row("  falsely", t.hits.rumours);
    row("last words of the dead", t.hits.last_words);
    row("silences of links", t.hits.silences);
    row("  falsely", t.hits.false_silences);
    row("crashes", t.crashes);
    row("  while sending", t.torn_crashes);
    row("  several at once", t.massacres);
    row("restarts", t.restarts);
    row("  without the disk", t.diskless);
    row("pauses", t.pauses);
    row("goodbyes", t.goodbyes);
    row("partitions", t.partitions);
    row("one-way cuts", t.one_way_cuts);
    row("links left broken", t.partial_meshes);
    row("heals", t.heals);
    row("storms", t.storms);
    row("receive buffers overflown", t.deafened);
    row("faults amid a view change", t.ambushes);
    row("datagrams replayed", t.replayed);
    row("most steps at one instant", t.most_steps_at_once);
    row("slowest reunion, ms", t.worst_unite_ms);
    row("slowest settlement, ms", t.worst_settle_ms);
    row("slowest last delivery, ms", t.worst_deliver_ms);
}

// One seed a line; # starts a comment.
std::vector<std::uint64_t> former_failures(const char* file) {
    std::vector<std::uint64_t> seeds;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::uint64_t seed = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), seed).ec == std::errc{})
            seeds.push_back(seed);
    }
    return seeds;
}

// From so many seeds on, every pair that can occur must have.
constexpr std::size_t kSeedsForCoverage = 5000;

int run_all(const std::vector<std::uint64_t>& seeds, bool trace) {
    const sim::Impossible impossible(SIM_RING_IMPOSSIBLE);
    sim::Tally total;
    std::size_t passed = 0;
    sim::Verdict worst = sim::Verdict::ok;
    sim::for_each_seed(
        seeds, [&](std::uint64_t seed) { return run_checked(seed, trace, impossible); },
        [&](std::uint64_t seed, const sim::Report& report) {
            total += report.tally;
            if (report.verdict == sim::Verdict::ok) {
                ++passed;
                return;
            }
            if (worst != sim::Verdict::safety) worst = std::min(report.verdict, sim::Verdict::liveness);
            std::printf("seed %" PRIu64 ": %s: %s\n  repeat with: sim_ring --seed %" PRIu64 " --trace\n",
                        seed, sim::word(report.verdict), report.what, seed);
        });
    print_table(total, seeds.size());
    impossible.print(total.coverage);
    std::size_t failed = seeds.size() - passed;
    if (seeds.size() >= kSeedsForCoverage) {
        for (const std::string& pair : impossible.missing(total.coverage)) {
            std::printf("COVERAGE: %s never occurred\n", pair.c_str());
            ++failed;
            worst = sim::Verdict::safety;
        }
    }
    std::printf("%zu passed, %zu failed\n", passed, failed);
    return static_cast<int>(worst);
}

// The program with the bugs stands beside this one. Returns only if it can't be started.
int exec_planted(char** argv) {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").replace_filename("planted_ring");
    std::string name = "planted_ring";
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
        const auto end = text + std::strlen(text);
        if (value == nullptr || text == end || std::from_chars(text, end, number).ptr != end) {
            std::fprintf(
                stderr,
                "usage: sim_ring --seeds N [--start S] | --seed S [--trace] | --planted [--seeds N]\n");
            return 3;
        }
        *value = number;
    }
    std::vector<std::uint64_t> list;
    if (seed) {
        list.push_back(*seed);
    } else {
        list = former_failures(SIM_RING_SEEDS);
        const std::uint64_t first = start.value_or(1);
        for (std::uint64_t s = first; s < first + seeds.value_or(60); ++s) list.push_back(s);
    }
    std::printf("sim_ring: %zu seeds, first %" PRIu64 "\n", list.size(), list.empty() ? 0 : list.front());
    return run_all(list, trace);
}

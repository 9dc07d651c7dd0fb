// sim_ring: runs seeds, each in a process of its own.
//   sim_ring --seeds N [--start S]    N seeds from S (default 1), after those of the list of former failures
//   sim_ring --seed S [--trace]       one seed
//   sim_ring --planted [--seeds N]    runs planted_ring, which tests this test
// From 5,000 seeds on each (phase, message) pair must have occurred but for those of impossible.txt.
// Exit code: 0 all passed, 1 a guarantee was broken, 2 no progress or time stood still, 3 usage.
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/sim/ring/program.hpp"
#include "tests/sim/ring/run.hpp"

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
    row("  in bursts", t.hits.in_bursts);
    row("  such bursts", t.hits.bursts);
    row("datagrams duplicated", t.hits.duplicated);
    row("datagrams reordered", t.hits.slowed);
    row("  late by 1 s to 3 s", t.hits.seconds_late);
    row("datagrams cut off", t.hits.cut);
    row("datagrams replayed", t.replayed);
    row("ports refused", t.hits.refused);
    row("  falsely", t.hits.rumours);
    row("last words of the dead", t.hits.last_words);
    row("lifelines of the dead", t.hits.lifelines);
    row("silences of links", t.hits.silences);
    row("  falsely", t.hits.false_silences);
    for (std::size_t i = 0; i < sim::kFaultNames.size(); ++i) row(sim::kFaultNames[i], t.faults.of[i]);
    row("links left broken", t.partial_meshes);
    row("nodes left deaf to data", t.deaf_for_good);
    row("receive buffers overflown", t.hits.overflowed);
    row("stops before sending", t.hits.stalls);
    row("writes of the disk that fail", t.hits.failed_writes);
    row("  that are forgotten", t.hits.forgotten_writes);
    row("starts that forgot a ring", t.hits.stale_disk);
    row("  with a former incarnation", t.hits.outdated);
    row("most steps at one instant", t.most_steps_at_once);
    row("slowest reunion, ms", t.worst_unite_ms);
    row("slowest settlement, ms", t.worst_settle_ms);
    row("slowest last delivery, ms", t.worst_deliver_ms);
}

// From so many seeds on, every pair that can occur must have.
constexpr std::size_t kSeedsForCoverage = 5000;

int run_all(const std::vector<std::uint64_t>& seeds, bool trace) {
    const sim::Impossible impossible(SIM_RING_IMPOSSIBLE);
    sim::Tally total;
    sim::Verdict worst = sim::Verdict::ok;
    const std::size_t passed = sim::run_seeds<sim::Tally>(
        "sim_ring", seeds, [&](std::uint64_t seed) { return run_checked(seed, trace, impossible); }, total,
        worst);
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

}  // namespace

int main(int argc, char** argv) {
    const auto options = sim::options("sim_ring", SIM_RING_SEEDS, argc, argv);
    if (!options) return 3;
    std::printf("sim_ring: %zu seeds, first %" PRIu64 "\n", options->seeds.size(),
                options->seeds.empty() ? 0 : options->seeds.front());
    return run_all(options->seeds, options->trace);
}

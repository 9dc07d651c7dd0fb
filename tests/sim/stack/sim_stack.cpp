// sim_stack: runs seeds, each in a process of its own.
//   sim_stack --seeds N [--start S]    N seeds from S (default 1), after those of the list of former failures
//   sim_stack --seed S [--trace]       one seed
//   sim_stack --planted [--seeds N]    runs planted_stack, which tests this test
// Exit code: 0 all passed, 1 a guarantee was broken, 2 no progress or time stood still, 3 usage.
#include <cinttypes>
#include <cstdio>

#include "tests/sim/ring/program.hpp"
#include "tests/sim/stack/run.hpp"

namespace {

void print_table(const stack_sim::Tally& t, std::size_t seeds) {
    const auto row = [](const char* name, std::uint64_t n) {
        std::printf("  %-32s %12" PRIu64 "\n", name, n);
    };
    row("seeds", seeds);
    row("virtual seconds", t.virtual_ms / 1000);
    row("steps", t.steps);
    row("messages submitted", t.submitted);
    row("deliveries", t.deliveries);
    row("regular views", t.views);
    row("frames sealed", t.sealed);
    row("datagrams in pieces", t.in_pieces);
    row("  given up in parts", t.pieces_given_up);
    row("frames lost", t.hits.lost);
    row("  on a path that is cut", t.hits.cut);
    row("  to a group", t.hits.group_cut);
    row("  too large for the path", t.hits.too_large);
    row("  not sent by the system", t.hits.unsent);
    row("  to an interface that is down", t.hits.closed);
    row("frames cut by the path", t.hits.fragmented);
    row("frames duplicated", t.hits.duplicated);
    row("frames reordered", t.hits.slowed);
    row("ports refused", t.hits.refused);
    row("  falsely", t.hits.rumours);
    row("last words of the dead", t.hits.last_words);
    for (std::size_t i = 0; i < stack_sim::kFaultNames.size(); ++i)
        row(stack_sim::kFaultNames[i], t.faults.of[i]);
    row("  that came to life", t.hits.put_back);
    row("  whose later life nobody heard", t.hits.unheard);
    row("  that noticed it", t.hits.noticed);
    row("runs with one identity twice", t.distrusted);
    row("junk", 0);
    for (std::size_t i = 0; i < std::size(t.junk); ++i) row(stack_sim::kJunkNames[i], t.junk[i]);
    row("refused at the end", 0);
    for (std::size_t i = 0; i < std::size(t.rejected); ++i) {
        const std::string name = std::string("  ") + totem::to_string(static_cast<totem::Rejected>(i));
        row(name.c_str(), t.rejected[i]);
    }
    row("  wrong source", t.wrong_source);
    row("trials of a quiet cluster", 0);
    for (std::size_t i = 0; i < std::size(t.trials); ++i) row(stack_sim::kTrialNames[i], t.trials[i]);
    row("changes of keys completed", t.key_changes);
    row("most steps at one instant", t.most_steps_at_once);
    row("slowest reunion, ms", t.worst_unite_ms);
    row("slowest paths, ms", t.worst_paths_ms);
    row("slowest last delivery, ms", t.worst_deliver_ms);
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = sim::options("sim_stack", SIM_STACK_SEEDS, argc, argv);
    if (!options) return 3;
    const auto& seeds = options->seeds;
    std::printf("sim_stack: %zu seeds, first %" PRIu64 "\n", seeds.size(), seeds.empty() ? 0 : seeds.front());
    stack_sim::Tally total;
    sim::Verdict worst = sim::Verdict::ok;
    const std::size_t passed = sim::run_seeds<stack_sim::Tally>(
        "sim_stack", seeds, [&](std::uint64_t seed) { return stack_sim::run_seed(seed, options->trace); },
        total, worst);
    print_table(total, seeds.size());
    std::printf("%zu passed, %zu failed\n", passed, seeds.size() - passed);
    return static_cast<int>(worst);
}

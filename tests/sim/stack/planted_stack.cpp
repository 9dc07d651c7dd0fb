// planted_stack: tests the test. Runs seeds with stacks that have one bug, each bug in turn, until one is
// caught.
//   planted_stack [--seeds N] [NAME...]     at most N seeds for each bug (default 400); the bugs whose names
//   contain a NAME
// Exit code: 0 all caught, 1 one was not, 3 usage.
#include "tests/sim/ring/planted.hpp"
#include "tests/sim/stack/run.hpp"

int main(int argc, char** argv) {
    return sim::hunt_all("planted_stack", argc, argv, [](std::uint64_t seed) {
        const stack_sim::Outcome outcome = stack_sim::run_seed(seed, false);
        return sim::Judgement{outcome.verdict, outcome.trace_hash, {}, outcome.what};
    });
}

// planted_ring: tests the test. Runs seeds with a ring that has one bug, each bug in turn, until one is
// caught.
//   planted_ring [--seeds N] [NAME...]     at most N seeds for each bug (default 400); the bugs whose names
//   contain a NAME
// Exit code: 0 all caught, 1 one was not, 3 usage.
#include "tests/sim/ring/planted.hpp"
#include "tests/sim/ring/run.hpp"

int main(int argc, char** argv) {
    return sim::hunt_all("planted_ring", argc, argv, [](std::uint64_t seed) {
        const sim::Outcome outcome = sim::run_seed(seed, false);
        return sim::Judgement{outcome.verdict, outcome.trace_hash, {}, outcome.what};
    });
}

// planted_cluster: tests the test. Runs seeds with a daemon that is wired wrongly about its lease, each bug
// in turn, until one is caught.
//
//   planted_cluster [--seeds N]     at most N seeds for each bug (default 300)
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/sim/cluster/run.hpp"

int main(int argc, char** argv) {
    std::uint64_t seeds = 300;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            seeds = std::strtoull(argv[++i], nullptr, 10);
        } else {
            std::fprintf(stderr, "usage: planted_cluster [--seeds N]\n");
            return 2;
        }
    }
    unsigned passed = 0, failed = 0;
    for (const auto& [bug, name] : sim::kClusterBugs) {
        std::string how;
        std::uint64_t seed = 0;
        while (how.empty() && seed < seeds) {
            sim::Totals totals;
            how = sim::Run(++seed, false, bug).execute(totals);
        }
        ++(how.empty() ? failed : passed);
        std::printf("%s  %s: %s%llu: %.140s\n", how.empty() ? "FAILED" : "ok", name,
                    how.empty() ? "not caught by seed " : "caught by seed ",
                    static_cast<unsigned long long>(seed), how.c_str());
        std::fflush(stdout);
    }
    std::printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

// The cluster simulator: whole nodes (ring and manager) under faults drawn from a seed, then a healed phase
// in which everything must come to rest as configured.
//
//   sim_cluster --seeds N [--start S]     N seeds from S on (default 1); closes with "N passed, N failed"
//   sim_cluster --seed N [--trace]        one seed, readable
// planted_cluster does the same with wiring that has one bug, each in turn.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/cluster/run.hpp"

namespace {

using sim::Run;
using sim::Totals;

std::uint64_t number(const char* text) {
    return std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t start = 1;
    std::uint64_t count = 50;
    bool trace = false;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const bool more = i + 1 < argc;
        if (word == "--trace") {
            trace = true;
        } else if (word == "--seeds" && more) {
            count = number(argv[++i]);
        } else if (word == "--start" && more) {
            start = number(argv[++i]);
        } else if (word == "--seed" && more) {
            start = number(argv[++i]);
            count = 1;
        } else {
            std::fprintf(stderr, "usage: sim_cluster [--seeds N] [--start S] | --seed N [--trace]\n");
            return 2;
        }
    }
    Totals totals;
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    for (std::uint64_t seed = start; seed < start + count; ++seed) {
        Run run(seed, trace);
        const std::string wrong = run.execute(totals);
        if (!wrong.empty()) {
            ++failed;
            std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
            continue;
        }
        ++passed;
        if (seed % 10 == 0) {  // the same seed is the same run
            Totals unused;
            Run again(seed, false);
            if (!again.execute(unused).empty() || again.hash() != run.hash()) {
                ++failed;
                --passed;
                std::printf("seed %llu: two runs differ\n", static_cast<unsigned long long>(seed));
            }
        }
    }
    std::printf(
        "cluster simulation: %.1f virtual hours; daemons killed %llu, machines down %llu, disks lost %llu, "
        "partitions %llu, "
        "shutdowns %llu, "
        "resources broken %llu, commands %llu (acknowledged %llu, refused %llu), operations %llu, starts "
        "%llu (by lease %llu), guards that dropped %llu, nodes added %llu, removed %llu\n",
        totals.hours, static_cast<unsigned long long>(totals.kills),
        static_cast<unsigned long long>(totals.outages), static_cast<unsigned long long>(totals.wipes),
        static_cast<unsigned long long>(totals.partitions), static_cast<unsigned long long>(totals.shutdowns),
        static_cast<unsigned long long>(totals.breaks), static_cast<unsigned long long>(totals.commands),
        static_cast<unsigned long long>(totals.acknowledged), static_cast<unsigned long long>(totals.refused),
        static_cast<unsigned long long>(totals.operations), static_cast<unsigned long long>(totals.starts),
        static_cast<unsigned long long>(totals.by_lease), static_cast<unsigned long long>(totals.drops),
        static_cast<unsigned long long>(totals.added), static_cast<unsigned long long>(totals.removed));
    std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(passed),
                static_cast<unsigned long long>(failed));
    return failed == 0 ? 0 : 1;
}

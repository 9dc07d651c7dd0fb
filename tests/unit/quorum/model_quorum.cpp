// The exhaustive test of quorum: all sequences of views, losses, restarts and writes up to a depth, in all small
// configurations (model/explore.cpp has the list).
//
//   model_quorum [--deeper N] [--list]     N more events in each search; what each search did
//
// Closes with "N passed, N failed".
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/quorum/model/explore.hpp"

int main(int argc, char** argv) {
    int deeper = 0;
    bool list = false;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--list") {
            list = true;
        } else if (word == "--deeper" && i + 1 < argc) {
            deeper = std::atoi(argv[++i]);
        } else {
            std::fprintf(stderr, "usage: model_quorum [--deeper N] [--list]\n");
            return 2;
        }
    }
    int passed = 0;
    int failed = 0;
    unsigned long long steps = 0;
    for (model::Search search : model::searches()) {
        search.depth += deeper;
        const model::Finding finding = model::explore(search);
        steps += finding.steps;
        ++(finding.wrong.empty() ? passed : failed);
        if (list || !finding.wrong.empty()) {
            std::printf("%s: %llu worlds, %llu steps\n", search.name.c_str(),
                        static_cast<unsigned long long>(finding.worlds), static_cast<unsigned long long>(finding.steps));
        }
        if (finding.wrong.empty()) continue;
        std::printf("FAILED  %s\n", finding.wrong.c_str());
        for (const std::string& event : finding.events) std::printf("    %s\n", event.c_str());
    }
    std::printf("%llu steps; %d passed, %d failed\n", steps, passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

// The test of the exhaustive test: each bug that `plant` puts into a copy of membership/quorum must be found by
// the searches that find nothing in the real one. Those that break a guarantee must be found by what is checked
// of any quorum, without the reference.
//
//   planted_quorum [WORD]     the bugs whose name contains WORD; closes with "N passed, N failed"
#include <cstdio>
#include <string>

#include "tests/unit/quorum/model/explore.hpp"
#include "tests/unit/quorum/model/planted.hpp"

namespace model {

namespace {

std::size_t& current() {
    static std::size_t number = 0;
    return number;
}

bool is_found(const Bug& bug) {
    for (const Search& search : searches()) {
        const Finding finding = explore(search, !bug.breaks_guarantee);
        if (finding.wrong.empty()) continue;
        std::printf("ok  %s (%s: %s)\n", bug.name, search.name.c_str(), finding.wrong.c_str());
        return true;
    }
    std::printf("FAILED  %s: no search finds it\n", bug.name);
    return false;
}

}  // namespace

bool planted(std::size_t number) {
    return number == current();
}

}  // namespace model

int main(int argc, char** argv) {
    const std::string word = argc > 1 ? argv[1] : "";
    const auto bugs = model::bugs();
    int passed = 0;
    int failed = 0;
    for (std::size_t i = 0; i < bugs.size(); ++i) {
        if (std::string(bugs[i].name).find(word) == std::string::npos) continue;
        model::current() = i;
        ++(model::is_found(bugs[i]) ? passed : failed);
        std::fflush(stdout);
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

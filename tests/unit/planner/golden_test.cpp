// golden/NAME.txt: a scenario (scenario.hpp) and its outcome.
#include <doctest/doctest.h>

#include "golden.hpp"
#include "scenario.hpp"

namespace manager::planner {
namespace {

TEST_CASE("golden scenarios") {
    check_golden(PLANNER_GOLDEN_DIR, 40, [](const std::string& input) {
        const auto scenario = parse_scenario(input);
        const std::string problem = scenario ? "" : scenario.error().message;
        REQUIRE(problem == "");
        return outcome(*scenario);
    });
}

}  // namespace
}  // namespace manager::planner

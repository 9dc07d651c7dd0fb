// What would take for ever, or all memory, without a bound.
#include <string>

#include <doctest/doctest.h>

#include "manager/planner/plan.hpp"
#include "scenario.hpp"

namespace manager::planner {
namespace {

const std::string kHead = "property stonith-enabled=false\nnode n1\nnode n2\n";

std::string named(const char* kind, int number) {
    return kind + std::to_string(number);
}

cib::Document document_of(const std::string& text) {
    auto scenario = parse_scenario(text);
    const std::string problem = scenario ? "" : scenario.error().message;
    REQUIRE(problem == "");
    return scenario->document;
}

std::size_t placed(const Cluster& cluster) {
    std::size_t out = 0;
    for (const auto& resource : cluster.store) {
        if (resource->assigned != nullptr) ++out;
    }
    return out;
}

TEST_CASE("colocations that converge at every step are heard a bounded number of times") {
    constexpr int kCount = 60;  // 2^60 ways
    std::string text = kHead;
    for (int i = 0; i < kCount; ++i) text += "primitive " + named("p", i) + "\n";
    for (int i = 0; i < kCount; ++i) {
        for (int j = i + 1; j < kCount; ++j)
            text += "colocation " + named("c", i * kCount + j) + " 5: " + named("p", i) + " " +
                    named("p", j) + "\n";
    }
    const cib::Document document = document_of(text);
    CHECK(placed(plan(document, 0)) == kCount);
}

TEST_CASE("instances beyond what can be are not made") {
    const std::string text = kHead + "primitive p\nclone c p meta clone-max=1000000000\n";
    const cib::Document document = document_of(text);
    const Cluster cluster = plan(document, 0);
    CHECK(cluster.store.size() <= 10'000);
    CHECK(placed(cluster) == 2);
}

}  // namespace
}  // namespace manager::planner

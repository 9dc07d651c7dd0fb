// What holds of every plan: the same input gives the same plan, and its outcome leaves nothing to do.
#include <random>
#include <sstream>

#include <doctest/doctest.h>

#include "manager/planner/outcome.hpp"
#include "manager/planner/plan.hpp"
#include "scenario.hpp"

namespace manager::planner {
namespace {

// A random cluster of primitives and groups in the scenarios' language.
std::string random_cluster(unsigned seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::ostringstream out;
    out << "property stonith-enabled=false\n";
    const int nodes = 2 + pick(3);
    for (int i = 1; i <= nodes; ++i) out << "node n" << i << (pick(6) == 0 ? " standby\n" : "\n");
    const int resources = 1 + pick(5);
    for (int i = 1; i <= resources; ++i) {
        out << "primitive r" << i;
        if (pick(3) == 0) out << " meta resource-stickiness=" << 1 + pick(200);
        if (pick(8) == 0) out << " meta is-managed=false";
        out << "\n";
        if (pick(2) == 0) out << "ran r" << i << " n" << 1 + pick(nodes) << " start 0\n";
    }
    const char* const scores[] = {"INFINITY", "-INFINITY", "100", "-50", "20"};
    const int constraints = pick(4);
    for (int i = 1; i <= constraints; ++i) {
        const int a = 1 + pick(resources);
        const int b = 1 + pick(resources);
        const int kind = pick(3);
        if (kind == 0)
            out << "location c" << i << " r" << a << " " << scores[pick(5)] << ": n" << 1 + pick(nodes)
                << "\n";
        // From lower to higher: no loops.
        if (kind == 1 && a < b)
            out << "colocation c" << i << " " << scores[pick(5)] << ": r" << b << " r" << a << "\n";
        if (kind == 2 && a < b) out << "order c" << i << " Mandatory: r" << a << " r" << b << "\n";
    }
    return out.str();
}

TEST_CASE("the same input gives the same plan, and nothing is left to do after it") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        const std::string text = random_cluster(seed);
        CAPTURE(text);
        const auto scenario = parse_scenario(text);
        REQUIRE(static_cast<bool>(scenario));
        const std::string first = to_json(simulate(scenario->document, scenario->now));
        CHECK(first == to_json(simulate(scenario->document, scenario->now)));
        const cib::Document after = carry_out(plan(scenario->document, scenario->now));
        // Balance between idle nodes may take a second round; it must end then.
        const cib::Document settled = carry_out(plan(after, scenario->now));
        CHECK(simulate(settled, scenario->now).actions.empty());
    }
}

TEST_CASE("nothing is done to what is not managed") {
    for (unsigned seed = 2001; seed <= 2300; ++seed) {
        const std::string text = random_cluster(seed);
        CAPTURE(text);
        const auto scenario = parse_scenario(text);
        REQUIRE(static_cast<bool>(scenario));
        const Cluster cluster = plan(scenario->document, scenario->now);
        const Outcome found = simulate(scenario->document, scenario->now);
        for (const auto& resource : cluster.store) {
            if (resource->managed) continue;
            for (const auto& [what, count] : found.actions) CHECK(std::get<1>(what) != resource->id);
        }
    }
}

TEST_CASE("a resource is planned in one place, and what must or must not be together is") {
    for (unsigned seed = 1001; seed <= 1300; ++seed) {
        const std::string text = random_cluster(seed);
        CAPTURE(text);
        const auto scenario = parse_scenario(text);
        REQUIRE(static_cast<bool>(scenario));
        Cluster cluster = plan(scenario->document, scenario->now);
        for (const auto& colocation : cluster.colocations) {
            const Node* dependent = colocation->dependent->assigned;
            const Node* primary = colocation->primary->assigned;
            if (!colocation->dependent->managed || dependent == nullptr) continue;
            if (colocation->score >= Score::infinity()) CHECK(dependent == primary);
            if (colocation->score <= Score::minus_infinity()) CHECK(dependent != primary);
        }
        const Outcome found = simulate(scenario->document, scenario->now);
        for (const auto& [id, places] : found.resources) CHECK(places.size() == 1);
    }
}

}  // namespace
}  // namespace manager::planner

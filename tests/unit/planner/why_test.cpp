// why/NAME.txt: a scenario (scenario.hpp), questions ("why web", "why-not web n2", "what-if down n1",
// "what-if standby n1"), a line of dashes, and the answers. With CUSTOS_REWRITE=1 they are written anew.
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "golden.hpp"
#include "manager/planner/explain.hpp"
#include "manager/planner/plan.hpp"
#include "scenario.hpp"

namespace manager::planner {
namespace {

std::string answer(const Scenario& scenario, const std::string& question) {
    std::istringstream in(question);
    std::string word;
    std::string what;
    std::string node;
    in >> word >> what >> node;
    if (word == "what-if") {
        const auto loss = lose(scenario.document, scenario.now, node, what == "standby");
        return loss ? to_text(*loss) : loss.error().message + "\n";
    }
    const auto found = explain(scenario.document, scenario.now, what, node);
    if (!found) return found.error().message + "\n";
    std::string out;
    for (const auto& each : *found) out += to_text(each);
    return out;
}

// The scenario and the questions of a text.
std::pair<std::string, std::vector<std::string>> split_questions(const std::string& text) {
    std::istringstream in(text);
    std::string scenario;
    std::vector<std::string> questions;
    for (std::string line; std::getline(in, line);) {
        if (line.rfind("why", 0) == 0 || line.rfind("what-if ", 0) == 0)
            questions.push_back(line);
        else
            scenario += line + "\n";
    }
    return {scenario, questions};
}

TEST_CASE("golden answers") {
    check_golden(PLANNER_WHY_DIR, 12, [](const std::string& input) {
        const auto [lines, questions] = split_questions(input);
        const auto scenario = parse_scenario(lines);
        const std::string problem = scenario ? "" : scenario.error().message;
        REQUIRE(problem == "");
        REQUIRE_FALSE(questions.empty());
        std::string found;
        for (const auto& question : questions)
            found += (found.empty() ? "> " : "\n> ") + question + "\n" + answer(*scenario, question);
        return found;
    });
}

// Every golden scenario of the plans, group members and instances of clones too.
TEST_CASE("the contributions of a resource and node add up to its score") {
    int scores = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PLANNER_GOLDEN_DIR)) {
        CAPTURE(entry.path().filename().string());
        const std::string text = read_file(entry.path());
        const auto scenario = parse_scenario(text.substr(0, text.find(kLine)));
        REQUIRE(static_cast<bool>(scenario));
        const Cluster cluster = plan(scenario->document, scenario->now);
        for (const auto& resource : cluster.store) {
            if (!resource->primitive()) continue;
            CAPTURE(resource->id);
            for (const auto& [node, standing] : resource->allowed) {
                const std::string name = cluster.nodes[node]->name;
                CAPTURE(name);
                Score sum;
                for (const auto& each : resource->contributions) {
                    if (each.node == node) sum = sum + each.amount;
                }
                CHECK(to_string(sum) == to_string(standing.score));
                ++scores;
            }
        }
    }
    CHECK(scores > 200);
}

TEST_CASE("unknown names are said so") {
    const auto scenario = parse_scenario("node n1\nprimitive web\n");
    REQUIRE(static_cast<bool>(scenario));
    CHECK(explain(scenario->document, 0, "db", "").error().message ==
          "there is no resource \"db\" in the state");
    CHECK(explain(scenario->document, 0, "web", "n9").error().message ==
          "there is no node \"n9\" in the state");
    CHECK(lose(scenario->document, 0, "n9", true).error().message == "there is no node \"n9\" in the state");
}

}  // namespace
}  // namespace manager::planner

// golden/NAME.txt: a live cluster (tests/unit/scheduler/scenario.hpp), questions ("why web", "why-not web
// n2", "what-if down n1 [no-quorum]", "what-if standby n1", "document"), a line of dashes, and the answers.
// With CUSTOS_REWRITE=1 they are written anew.
#include <sstream>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../planner/golden.hpp"
#include "manager/live/answer.hpp"
#include "manager/live/document.hpp"
#include "manager/planner/plan.hpp"
#include "manager/scheduler/facts.hpp"
#include "scenario.hpp"

namespace manager::live {
namespace {

std::string text_of(const cib::NodeReport& report) {
    std::string out = "node " + report.name + ": in_ccm " + report.in_membership + ", crmd " +
                      report.process + ", join " + report.join + ", expected " + report.expected + "\n";
    for (const auto& set : report.attributes) {
        for (const auto& [name, value] : set.pairs) out += "  " + name + "=" + value + "\n";
    }
    for (const auto& history : report.history) {
        out +=
            "  " + history.id + " (" + history.standard + ":" + history.provider + ":" + history.type + ")";
        for (const auto& entry : history.entries) {
            out += " " + entry.operation + "_" + std::to_string(entry.interval_ms) + "=" +
                   (entry.status == 0 ? std::to_string(entry.rc) : "runs");
            if (entry.expected != 0) out += "/" + std::to_string(entry.expected);
            if (!entry.digest.empty()) out += "*";
        }
        out += "\n";
    }
    return out;
}

void add_pairs(std::string& out, const std::string& title, const cib::AttributeSets& sets) {
    for (const auto& set : sets) {
        out += title;
        for (const auto& [name, value] : set.pairs) out += " " + name + "=" + value;
        out += "\n";
    }
}

std::string text_of(const cib::Document& document) {
    std::string out = document.have_quorum ? "" : "no quorum\n";
    add_pairs(out, "properties", document.properties);
    add_pairs(out, "rsc_defaults", document.resource_defaults);
    for (const auto& node : document.nodes) add_pairs(out, "attributes of " + node.name, node.attributes);
    for (const auto& resource : document.resources) {
        add_pairs(out, resource.id + " params", resource.params);
        add_pairs(out, resource.id + " meta", resource.meta);
        for (const auto& operation : resource.operations) {
            out += resource.id + " op " + operation.name;
            for (const auto& [name, value] : operation.attributes) out += " " + name + "=" + value;
            out += "\n";
        }
    }
    for (const auto& report : document.reports) out += text_of(report);
    return out;
}

std::string answer(const Live& live, const std::string& question) {
    std::istringstream in(question);
    std::string word, what, node, more;
    in >> word >> what >> node >> more;
    if (word == "document") return text_of(document_of(live.config, live.status));
    if (word == "what-if") {
        const auto quorate = more.empty() ? std::nullopt : std::optional(more != "no-quorum");
        const auto loss = lose(live, node, what == "standby", quorate);
        return loss ? to_text(*loss) : loss.error().message + "\n";
    }
    const auto found = explain(live, what, node);
    return found ? to_text(*found) : found.error().message + "\n";
}

std::pair<std::string, std::vector<std::string>> split_questions(const std::string& text) {
    std::istringstream in(text);
    std::string scenario;
    std::vector<std::string> questions;
    for (std::string line; std::getline(in, line);) {
        const bool asks =
            line.starts_with("why") || line.starts_with("what-if ") || line.starts_with("document");
        if (asks)
            questions.push_back(line);
        else
            scenario += line + "\n";
    }
    return {scenario, questions};
}

TEST_CASE("golden answers") {
    planner::check_golden(LIVE_GOLDEN_DIR, 14, [](const std::string& input) {
        const auto [lines, questions] = split_questions(input);
        const auto scenario = parse_scenario(lines);
        const std::string problem = scenario ? "" : scenario.error().message;
        REQUIRE(problem == "");
        REQUIRE_FALSE(questions.empty());
        std::string found;
        for (const auto& question : questions)
            found += (found.empty() ? "> " : "\n> ") + question + "\n" +
                     answer({scenario->config, scenario->status}, question);
        return found;
    });
}

}  // namespace
}  // namespace manager::live

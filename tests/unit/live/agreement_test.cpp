// On random live clusters the planner, given the document of a cluster, places resources where the daemon's
// scheduler does, but where docs/decisions/0043 wants otherwise. What it wants otherwise is told by the facts
// of the cluster, so that anything else that differs is a fault of the document.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "../planner/golden.hpp"

#include "manager/live/answer.hpp"
#include "manager/live/document.hpp"
#include "manager/model/edit.hpp"
#include "manager/planner/plan.hpp"
#include "manager/scheduler/facts.hpp"
#include "random.hpp"

namespace m = manager;
using m::planner::Fate;

namespace {

constexpr std::uint64_t kSeeds = 3000;

std::string node_name(const m::Scenario& s, const std::optional<base::NodeId>& node) {
    return node ? s.status.nodes.at(*node).name : "";
}

template <typename Test>
bool any(const m::scheduling::Facts& facts, const Test& test) {
    return std::any_of(facts.resources.begin(), facts.resources.end(), test);
}

// What lets the two differ on purpose; by one resource all others may be placed otherwise.
std::string family(const m::scheduling::Facts& facts) {
    if (any(facts, [](const auto& r) { return !r.hold.empty() || r.away; })) return "nodes not known";
    if (any(facts, [](const auto& r) { return r.unprobed; })) return "not probed";
    if (any(facts, [](const auto& r) { return r.active.size() > 1; })) return "active on several nodes";
    return "plain";
}

struct Count {
    int agree{0}, all{0};
};

// How many placements there are, and how many of them the planner makes too.
Count agreement(const m::Scenario& s) {
    const auto facts = m::scheduling::gather_facts(s.config, s.status);
    const auto document = m::live::document_of(s.config, s.status);
    m::planner::Cluster cluster = m::planner::plan(document, 0);
    Count out;
    for (const auto& placement : schedule(s.config, s.status).placements) {
        const auto account = m::planner::account_of(cluster, *cluster.find(placement.resource), nullptr);
        // What is left alone on several nodes has no one place.
        const bool left = account.fate == Fate::blocked || account.fate == Fate::unmanaged;
        const auto& resource = facts.resources[facts.by_id.at(placement.resource)];
        const bool both = left && !resource.unmanaged.empty() && resource.active.size() > 1;
        ++out.all;
        if (both || node_name(s, placement.node) == account.to) ++out.agree;
    }
    return out;
}

// Of the scheduler's own scenarios those where the two differ, and why that is meant.
constexpr const char* kDiffer =
    "blocked-first\n"                 // the planner stops what a blocked resource carries
    "colocation-loop-impossible\n"    // the planner breaks loops where the peer does
    "hold-multiple-first\n"           // nothing starts: one instance goes on
    "joining-holds\n"                 // nothing starts
    "lease-out\n"                     // only addresses start
    "lease-waited-for\n"              // nothing starts
    "order-asymmetrical-pinned\n"     // the planner stops what could not start again
    "stop-failure-blocks\n"           // a place that it waits for: the planner says where it is stuck
    "uncleared-holds\n"               // nothing starts
    "uncleared-no-gratuitous-move\n"  // nothing starts, so nothing moves
    ;

}  // namespace

TEST_CASE("the planner places as the scheduler does, but where it should not") {
    std::map<std::string, Count> counts;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const m::Scenario s = m::random_scenario(seed);
        const Count of = agreement(s);
        Count& count = counts[family(m::scheduling::gather_facts(s.config, s.status))];
        count.agree += of.agree;
        count.all += of.all;
    }
    for (const auto& [name, count] : counts)
        MESSAGE(name << ": " << count.agree << " of " << count.all << " placements agree");
    const Count plain = counts["plain"];
    CHECK(plain.all > 2000);
    CHECK((plain.all - plain.agree) * 400 <= plain.all);  // 99.75 %
    // As it was measured, rounded down: a document that lost something would show here too.
    const auto share = [&](const char* name) { return 100 * counts[name].agree / counts[name].all; };
    CHECK(share("nodes not known") >= 76);
    CHECK(share("not probed") >= 95);
    CHECK(share("active on several nodes") >= 95);
}

// Each of them was made for one rule, so they reach what random clusters do not: on-fail, agents that change,
// leases, operations under way.
TEST_CASE("the planner places as the scheduler does in the scheduler's own scenarios") {
    std::string differ;
    int all = 0;
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(SCHEDULER_GOLDEN_DIR)) files.insert(entry);
    for (const auto& file : files) {
        const std::string text = m::planner::read_file(file);
        const auto s = m::parse_scenario(text.substr(0, text.find(m::planner::kLine)));
        REQUIRE(static_cast<bool>(s));
        const Count count = agreement(*s);
        all += count.all;
        if (count.agree < count.all) differ += file.stem().string() + "\n";
    }
    CHECK(all > 150);
    CHECK(differ == kDiffer);
}

TEST_CASE("an answer says what the scheduler does, whatever the planner thinks") {
    for (std::uint64_t seed = 1; seed <= kSeeds / 10; ++seed) {
        CAPTURE(seed);
        const m::Scenario s = m::random_scenario(seed);
        const m::live::Live live{s.config, s.status};
        const auto plan = schedule(s.config, s.status);
        for (const auto& placement : plan.placements) {
            CAPTURE(placement.resource);
            const auto answer = m::live::explain(live, placement.resource, "");
            REQUIRE(static_cast<bool>(answer));
            const auto does = [&](const char* operation) {
                return std::any_of(plan.actions.begin(), plan.actions.end(), [&](const auto& action) {
                    return action.resource == placement.resource && action.operation == operation;
                });
            };
            const bool starts = answer->fate == Fate::starts || answer->fate == Fate::moves;
            if (starts) CHECK(does("start"));
            if (placed(answer->fate)) CHECK(answer->to == node_name(s, placement.node));
            if (answer->fate == Fate::stops) CHECK((does("stop") && !does("start")));
            const bool rests = answer->fate == Fate::stopped || answer->fate == Fate::blocked ||
                               answer->fate == Fate::unmanaged;
            if (rests) CHECK_FALSE((does("start") || does("stop")));
            if (answer->fate == Fate::waits) CHECK_FALSE(does("start"));
            CHECK_FALSE(answer->decided.empty());
        }
    }
}

// The scheduler's own tests carry actions out by a way of their own.
TEST_CASE("a forecast ends where plans lead that succeed, also after a standby") {
    for (std::uint64_t seed = 1; seed <= kSeeds / 3; ++seed) {
        CAPTURE(seed);
        m::Scenario s = m::random_scenario(seed);
        s.finds.clear();  // probes find nothing
        const auto loss = m::live::lose({s.config, s.status}, "n1", true, std::nullopt);
        REQUIRE(static_cast<bool>(loss));
        for (const auto* outcome : {&loss->before, &loss->after}) {
            for (int round = 0; round < 40; ++round) {
                const auto plan = schedule(s.config, s.status);
                for (const auto& action : plan.actions) {
                    if (action.after.empty()) carry_out(s, action);
                }
            }
            const auto facts = m::scheduling::gather_facts(s.config, s.status);
            for (const auto& resource : facts.resources) {
                std::vector<std::string> there;
                for (const auto node : resource.active) there.push_back(facts.nodes[node].name);
                std::vector<std::string> said;
                if (const auto found = outcome->resources.find(resource.id);
                    found != outcome->resources.end()) {
                    for (const auto& place : found->second) {
                        const bool unproven = place.flags == std::vector<std::string>{"uncleared"};
                        if (!unproven) said.push_back(place.node);
                    }
                }
                CHECK(said == there);
            }
            const auto standby = m::SetNodeAttribute{"n1", "standby", "on"};
            s.config = apply_edits(s.config, {standby}).value();
        }
    }
}

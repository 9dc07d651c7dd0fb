#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>

#include "manager/live/document.hpp"
#include "manager/planner/explain.hpp"
#include "manager/planner/plan.hpp"
#include "manager/scheduler/facts.hpp"
#include "random.hpp"
#include "scenario.hpp"

namespace m = manager;

static void dump(std::uint64_t seed) {
    const m::Scenario s = m::random_scenario(seed);
    std::cout << "=== " << seed << (s.status.quorate ? "" : " NO QUORUM") << "\n";
    for (auto& [k,v] : s.config.properties) std::cout << k << "=" << v << " ";
    std::cout << "\n";
    for (auto& n : s.config.nodes) { std::cout << n.name; for (auto& [k,v] : n.attributes) std::cout << " " << k << "=" << v; std::cout << "\n"; }
    for (auto& p : s.config.primitives) { std::cout << p.id; for (auto& [k,v] : p.meta) std::cout << " " << k << "=" << v; std::cout << "\n"; }
    for (auto& l : s.config.locations) std::cout << "loc " << l.id << " " << l.resource << " " << l.node << " " << to_string(l.score) << "\n";
    for (auto& l : s.config.colocations) std::cout << "col " << l.id << " " << l.resource << " with " << l.with << " " << to_string(l.score) << "\n";
    for (auto& l : s.config.orders) std::cout << "ord " << l.id << " " << l.first << " then " << l.then << " " << (int)l.kind << l.symmetrical << "\n";
    for (auto& [id, n] : s.status.nodes) {
        std::cout << n.name << " cl" << (int)n.clearance << (n.leaving ? " leaving" : "") << ":";
        for (auto& [r, rec] : n.resources) std::cout << " " << r << "=" << "?-SF"[(int)rec.activity] << (rec.started_params == "former" ? "'" : "") << (rec.cannot_run ? "!" : "") << (rec.blocked ? "B" : "") << (rec.failure ? rec.failure->operation : "") << rec.fail_count;
        std::cout << "\n";
    }
    const auto plan = schedule(s.config, s.status);
    const auto doc = m::live::document_of(s.config, s.status);
    m::planner::Cluster cluster = m::planner::plan(doc, 0);
    for (const auto& p : plan.placements) {
        const auto account = m::planner::account_of(cluster, *cluster.find(p.resource), nullptr);
        std::cout << p.resource << " DAEMON " << (p.node ? s.status.nodes.at(*p.node).name : "-") << ": " << p.why << "\n" << to_text(account);
    }
    for (auto& a : plan.actions) std::cout << a.operation << " " << a.resource << " " << a.node.value << "\n";
}

TEST_CASE("measure") {
    if (const char* seeds = std::getenv("SEEDS")) { std::istringstream in(seeds); std::uint64_t n; while (in >> n) dump(n); return; }
    std::map<std::string, int> family;
    std::map<std::string, std::string> example;
    int total = 0, agree = 0;
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        const m::Scenario s = m::random_scenario(seed);
        const auto plan = schedule(s.config, s.status);
        const auto facts = m::scheduling::gather_facts(s.config, s.status);
        const auto doc = m::live::document_of(s.config, s.status);
        m::planner::Cluster cluster = m::planner::plan(doc, 0);
        for (const auto& p : plan.placements) {
            ++total;
            const auto account = m::planner::account_of(cluster, *cluster.find(p.resource), nullptr);
            const std::string daemon = p.node ? s.status.nodes.at(*p.node).name : "";
            const auto& r = facts.resources[facts.by_id.at(p.resource)];
            std::string why;
            if (!r.hold.empty()) why = "hold";
            else if (r.unprobed) why = "unprobed";
            bool any_hold = false, any_unprobed = false;
            for (const auto& f : facts.resources) { any_hold |= !f.hold.empty(); any_unprobed |= f.unprobed; }
            if (why.empty() && any_hold) why = "other hold";
            if (why.empty() && any_unprobed) why = "other unprobed";
            if (daemon == account.to) { ++agree; ++family["agree " + why]; continue; }
            bool several = false;
            for (const auto& f : facts.resources) several |= f.active.size() > 1;
            if (why.empty() && several) why = "several";
            if (why.empty()) why = "PLAIN " + std::string(to_string(account.fate)) + " / " + p.why.substr(0, 28);
            ++family[why];
            example[why] += " " + std::to_string(seed) + p.resource + ":" + daemon + "|" + account.to;
        }
    }
    std::cout << agree << " of " << total << "\n";
    for (const auto& [k, n] : family) std::cout << n << "  " << k << "   " << example[k].substr(0, 100) << "\n";
}

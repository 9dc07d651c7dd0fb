// why, why-not, what-if and simulate of a running cluster, with a daemon that exists in memory.
#include <doctest/doctest.h>

#include <sstream>

#include "../crm/fake_cluster.hpp"
#include "manager/model/edit.hpp"
#include "tools/cli/own_levels.hpp"

namespace m = manager;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// web runs on n1 of three nodes; each has a vote.
class Bench {
  public:
    Bench() {
        const m::Primitive web{"web", {"systemd", "", "nginx"}, {}, {}, {}, ""};
        const m::Location likes{"likes", "web", "n1", {100}};
        cluster.status.configuration =
            m::apply_edits({}, {m::PutPrimitive{web}, m::PutLocation{likes}}).value();
        cluster.status.local.version = CUSTOS_VERSION;
        for (auto& [id, node] : cluster.status.status.nodes) {
            node.resources["web"].activity = id.value == 1 ? m::Activity::started : m::Activity::stopped;
            ring.nodes.push_back({.id = id, .name = node.name, .address = "", .votes = 1});
            ring.members.push_back(id);
        }
        ring.votes = ring.expected = 3;
        ring.needed = 2;
    }

    std::string run(const tools::Words& words) {
        std::ostringstream out, err;
        test::FakeAgents agents;
        tools::Shell shell(
            tools::custos_levels(),
            [&](const tools::Request& request) -> base::Result<tools::Reply> {
                if (std::holds_alternative<tools::GetRing>(request)) return tools::Reply{ring};
                return cluster.answer(request);
            },
            agents,
            {out, err, {}, [](base::WallTime) { return std::string(); }, [] { return base::WallTime{}; }},
            {.program = "custos"});
        code = shell.run(words);
        return out.str() + err.str();
    }

    test::FakeCluster cluster;
    tools::RingReply ring;
    int code{-1};
};

}  // namespace

TEST_CASE("the running cluster is asked where no file is named") {
    Bench bench;
    CHECK(
        contains(bench.run({"why", "web"}), "web runs on n1 and stays there. Reason: the score of n1 (100)"));
    CHECK(bench.code == 0);
    CHECK(contains(bench.run({"why-not", "web", "n2"}),
                   "It would be on n2 with a score of more than 100 for n2."));
    CHECK(contains(bench.run({"why", "web", "--json"}), "[{\"resource\": \"web\", \"fate\": \"stays\""));
    CHECK(contains(bench.run({"what-if", "--standby", "n1"}), "web  n1 -> n2"));
    CHECK(contains(bench.run({"simulate"}), "Actions:\n  (none)\n"));
    CHECK(contains(bench.run({"why", "db"}), "there is no resource \"db\" in the cluster: `custos status`"));
    CHECK(bench.code == 1);
    CHECK(contains(bench.run({"why-not", "web", "n9"}), "there is no node \"n9\""));
    CHECK(contains(bench.run({"why", "web", "--now", "2026-01-01"}), "DATE is for FILE"));
}

TEST_CASE("what is not proven is said, in text and as JSON") {
    Bench bench;
    m::NodeStatus& lost = bench.cluster.status.status.nodes.at({1});
    lost.clearance = m::Clearance::uncleared;
    const std::string text = bench.run({"why", "web"});
    CHECK(contains(
        text, "web is not started. Reason: it was last started on n1, which is not cleared; nothing starts"));
    CHECK(contains(text, "crm node clearstate n1"));
    CHECK(contains(bench.run({"why", "web", "--json"}), "\"fate\": \"waits\""));
    CHECK(contains(bench.run({"simulate", "--json"}), "\"web\": [[\"Started\", \"n1\", \"uncleared\"]]"));
    CHECK(contains(bench.run({"simulate"}), "Notes:\n  * nothing starts: node n1 is not cleared"));
}

TEST_CASE("a loss counts the votes of the rest") {
    Bench bench;
    bench.cluster.status.configuration.properties["stonith-enabled"] = "false";
    CHECK(contains(bench.run({"what-if", "--down", "n1"}), "web  n1 -> n2"));
    bench.ring.votes = 2;  // one is away already
    CHECK(contains(bench.run({"what-if", "--down", "n1"}), "Status would say: no quorum"));
    CHECK(contains(bench.run({"what-if", "--down", "n1", "--json"}),
                   "\"remark\": \"Status would say: no quorum"));
    bench.ring.needed = 1;  // two_node
    CHECK(contains(bench.run({"what-if", "--down", "n1"}), "web  n1 -> n2"));
    bench.ring.flags = {"AutoTieBreaker"};
    bench.ring.needed = 3;
    const std::string text = bench.run({"what-if", "--down", "n1"});
    CHECK(contains(text, "is not foretold here"));
    CHECK(contains(text, "web  n1 -> n2"));
}

TEST_CASE("a cluster that cannot answer says why") {
    Bench bench;
    bench.cluster.status.local.synchronised = false;
    CHECK(contains(bench.run({"why", "web"}), "do not agree on one state at the moment"));
    CHECK(bench.code == 1);
    bench.cluster.status.local.phase = tools::kWaiting;
    bench.cluster.status.local.warnings = {"waiting: n2 does not resolve"};
    CHECK(contains(bench.run({"simulate"}), "not in the cluster yet (waiting: n2 does not resolve)"));
    bench.cluster.status.local.phase = tools::kOffline;
    CHECK(contains(bench.run({"why", "web"}), "that needs a running cluster, not a file"));
    bench = Bench();
    bench.cluster.status.local.version = "0.0";
    CHECK(contains(bench.run({"why", "web"}), "the daemon is of release 0.0"));
}

// Status as text and JSON: each scenario's outcome is golden/X.txt (and X.json). GOLDEN_REWRITE=1 writes them
// anew; the diff is then reviewed like code.
#include <doctest/doctest.h>

#include <string>

#include "golden.hpp"
#include "tools/view/status.hpp"

using manager::Activity;
using manager::Clearance;
using test::check_golden;
using test::utc;
using tools::StatusReply;
using tools::StatusStyle;

namespace {

StatusStyle style() {
    return {.now = {1'795'336'184'000}, .time_text = utc};
}

manager::ResourceOnNode at(Activity activity) {
    manager::ResourceOnNode out;
    out.activity = activity;
    return out;
}

// Three nodes, an address and a server on n1.
StatusReply demo() {
    StatusReply reply;
    reply.local = {.node = "n1",
                   .node_id = {1},
                   .cluster_name = "demo",
                   .version = "0.1.0",
                   .coordinator = "n2",
                   .phase = "operational",
                   .ring_id = "8.1",
                   .members = {{1}, {2}, {3}},
                   .synchronised = true,
                   .quorum_reason = "3 of 3 votes, 2 needed",
                   .warnings = {},
                   .notes = {},
                   .ring_tokens = 1000,
                   .ring_delivered = 20,
                   .ring_retransmitted = 1,
                   .ring_views = 2,
                   .ring_refused = 6,
                   .rotation_us = 180,
                   .lease = {"by lease", true, true, 612},
                   .last_change = "Sun Nov 22 08:00:00 2026 by root via custos on n1"};
    reply.status.quorate = true;
    for (std::uint32_t id = 1; id <= 3; ++id) {
        manager::NodeStatus& node = reply.status.nodes[{id}];
        node.name = "n" + std::to_string(id);
        node.clearance = Clearance::member;
        node.resources["failover-ip"] = at(id == 1 ? Activity::started : Activity::stopped);
        node.resources["apache-ha"] = at(id == 1 ? Activity::started : Activity::stopped);
    }
    reply.configuration.version = 12;
    reply.configuration.primitives.push_back(
        {"failover-ip", {"ocf", "heartbeat", "IPaddr2"}, {{"ip", "192.0.2.10"}}, {}, {}, ""});
    reply.configuration.primitives.push_back({"apache-ha", {"ocf", "heartbeat", "apache"}, {}, {}, {}, ""});
    return reply;
}

StatusReply troubled() {
    StatusReply reply = demo();
    manager::NodeStatus& n1 = reply.status.nodes[{1}];
    manager::NodeStatus& n2 = reply.status.nodes[{2}];
    manager::NodeStatus& n3 = reply.status.nodes[{3}];
    n3.clearance = Clearance::uncleared;
    n3.why = "not heard since its link was lost";
    n3.resources["failover-ip"] = at(Activity::started);
    n1.resources["failover-ip"] = at(Activity::stopped);
    n2.resources["apache-ha"] = at(Activity::failed);
    n2.resources["apache-ha"].blocked = true;
    n2.resources["apache-ha"].fail_count = 1'000'000;
    n2.resources["apache-ha"].failure = manager::Failure{"stop", {}, 1, "it did not go", {1'795'336'000'000}};
    n1.resources["apache-ha"].fail_count = 2;
    n1.resources["apache-ha"].failure =
        manager::Failure{"monitor", base::seconds(60), 7, "", {1'795'336'100'000}};
    reply.configuration.nodes.push_back({"n2", 2, {{"standby", "on"}}});
    reply.local.members = {{1}, {2}};
    reply.local.warnings = {"foreign frames on port 5405: corosync of 10.0.0.9 talks there"};
    reply.local.notes = {"nothing starts: node n3 is not cleared, it may still run resources"};
    reply.local.synchronised = false;
    reply.local.lease.left_ms = 0;
    return reply;
}

}  // namespace

TEST_CASE("a healthy cluster") {
    check_golden("healthy.txt", render_status(demo(), style()));
    check_golden("healthy.json", status_json(demo()));
}

TEST_CASE("a cluster in trouble") {
    StatusStyle verbose = style();
    verbose.verbose = true;
    check_golden("troubled.txt", render_status(troubled(), verbose));
    check_golden("troubled.json", status_json(troubled()));
}

TEST_CASE("the same, where the administrator gave up the proof") {
    StatusReply reply = troubled();
    reply.configuration.properties["stonith-enabled"] = "false";
    reply.local.notes = {"not proven: stonith-enabled=false, so node n3 counts as stopped"};
    reply.local.lease = {"not proven: stonith-enabled=false", false, false, 0};
    check_golden("not_proven.txt", render_status(reply, style()));
}

TEST_CASE("resources under their nodes, only active ones") {
    StatusStyle by_node = style();
    by_node.by_node = true;
    check_golden("by_node.txt", render_status(troubled(), by_node));
    StatusStyle active = style();
    active.inactive = false;
    check_golden("active.txt", render_status(troubled(), active));
}

TEST_CASE("nothing configured, nobody there") {
    StatusReply reply;
    reply.local.node = "n1";
    reply.local.node_id = {1};
    check_golden("empty.txt", render_status(reply, style()));
    check_golden("empty_ring.txt", render_ring(reply));
}

TEST_CASE("what each resource's line says") {
    StatusReply reply = demo();
    const auto node = [&](std::uint32_t id) -> manager::NodeStatus& { return reply.status.nodes[{id}]; };
    const auto state = [&] { return resource_state(reply, reply.configuration.primitives[0]); };
    CHECK(state() == "Started n1");

    node(2).resources["failover-ip"] = at(Activity::started);
    CHECK(state() == "Started [ n1 n2 ]");
    node(1).resources["failover-ip"] = at(Activity::failed);
    CHECK(state() == "FAILED [ n1 n2 ]");
    node(1).resources["failover-ip"] = at(Activity::unknown);
    node(2).resources["failover-ip"] = at(Activity::stopped);
    CHECK(state() == "Stopped");

    reply.status.actions.push_back(
        {7, {2}, "failover-ip", "start", {}, 0, manager::ActionState::pending, ""});
    CHECK(state() == "Stopped");
    reply.status.actions[0].state = manager::ActionState::running;
    CHECK(state() == "Starting n2");
    reply.status.actions[0].operation = "stop";
    CHECK(state() == "Stopping n2");
    reply.status.actions[0].operation = "probe";
    CHECK(state() == "Stopped");

    reply.configuration.primitives[0].meta["target-role"] = "Stopped";
    CHECK(state() == "Stopped (disabled)");
    reply.configuration.primitives[0].meta["is-managed"] = "false";
    CHECK(state() == "Stopped (disabled, unmanaged)");
    reply.configuration.properties["maintenance-mode"] = "true";
    CHECK(state() == "Stopped (disabled, maintenance)");

    reply = demo();
    node(1).clearance = Clearance::uncleared;
    CHECK(state() == "Started n1 (UNCLEAN)");
    reply.configuration.properties["stonith-enabled"] = "false";
    CHECK(state() == "Stopped");
    node(1).clearance = Clearance::clean;
    reply.configuration.properties.clear();
    CHECK(state() == "Stopped");
}

TEST_CASE("colour is for terminals only") {
    StatusStyle colour = style();
    CHECK(render_status(demo(), colour).find('\x1b') == std::string::npos);
    colour.colour = true;
    CHECK(render_status(demo(), colour).find("\x1b[32mStarted n1\x1b[0m") != std::string::npos);
}

TEST_CASE("JSON is made of any bytes") {
    StatusReply reply = demo();
    reply.local.notes = {"\xff\xfe \x01"};
    CHECK(status_json(reply).find("\\u0001") != std::string::npos);
}

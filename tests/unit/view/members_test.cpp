// `custos members` and `custos quorum status` as text and JSON: golden/members_X and quorum_X, as in
// view_test.cpp.
#include <doctest/doctest.h>

#include "golden.hpp"
#include "tools/view/members.hpp"

using tools::RingReply;

namespace {

constexpr std::int64_t kStart = 1'795'336'184'127;

RingReply all_here() {
    RingReply reply;
    reply.cluster_name = "demo";
    reply.version = "0.1.0";
    reply.node = "n1";
    reply.node_id = {1};
    for (std::uint32_t id = 1; id <= 3; ++id) {
        const std::string last = std::to_string(id);
        tools::RingNode node{{id}, "n" + last, "10.0.0." + last};
        node.votes = id == 3 ? 2 : 1;
        node.addresses = {{0, "10.0.0." + last}, {1, "fd00::" + last}};
        node.joins = 1;
        node.since = {kStart};
        node.cause = "start";
        node.why = "this node started";
        reply.nodes.push_back(node);
        reply.members.push_back({id});
    }
    reply.phase = "operational";
    reply.ring_id = "8.1";
    reply.synchronised = reply.quorate = reply.majority = true;
    reply.votes = reply.expected = 4;
    reply.needed = 3;
    reply.quorum_reason = "4 of 4 votes, 3 needed";
    reply.flags = {"Quorate"};
    return reply;
}

// n1 is left alone: n2 fell silent, n3 came back once and then left in order, n4 was never there.
RingReply left_alone() {
    RingReply reply = all_here();
    reply.members = {{1}};
    reply.synchronised = reply.quorate = reply.majority = false;
    reply.votes = 1;
    reply.quorum_reason = "1 of 4 votes, 3 needed";
    reply.nodes_version = 12;
    reply.nodes_counted = true;
    reply.nodes_change = "added: n5 (10.0.0.5)";
    reply.flags.clear();
    tools::RingNode& n2 = reply.nodes[1];
    n2.since = {kStart + 60'000};
    n2.cause = "token_lost";
    n2.why = "n3 says: node 2 did not answer for 300 ms";
    tools::RingNode& n3 = reply.nodes[2];
    n3.joins = 2;
    n3.since = {kStart + 120'000};
    n3.cause = "left";
    n3.why = "node 3 said goodbye";
    tools::RingNode n4{{4}, "", ""};
    n4.addresses = {{0, ""}, {1, ""}};
    reply.nodes.push_back(n4);
    return reply;
}

// Of two one is gone so long that its change is not kept any more; two_node lets the other go on.
RingReply pair_of_one() {
    RingReply reply = all_here();
    reply.nodes.pop_back();
    reply.members = {{1}};
    reply.nodes[1].since = {kStart};
    reply.nodes[1].cause.clear();
    reply.nodes[1].why.clear();
    reply.votes = reply.needed = 1;
    reply.expected = 2;
    reply.majority = false;
    reply.quorum_reason = "1 of 2 votes, 1 needed (two_node: the other node may be running too)";
    reply.flags = {"2Node", "Quorate", "WaitForAll"};
    return reply;
}

// The first of two at their first start: its disk is blank, so it has no vote yet.
RingReply blank() {
    RingReply reply = pair_of_one();
    reply.quorate = false;
    reply.votes = 0;
    reply.needed = 2;
    reply.quorum_reason = "0 of 2 votes, 2 needed";
    reply.flags = {"2Node", "WaitForAll"};
    return reply;
}

RingReply nowhere() {
    RingReply reply;
    reply.cluster_name = "demo";
    reply.version = "0.1.0";
    reply.node = "host7";
    reply.phase = "waiting";
    reply.waiting = "no address of this machine is in the nodelist";
    reply.nodes = {{{1}, "n1", "10.0.0.1", 1, {{0, "10.0.0.1"}}}, {{2}, "", "", 0, {{0, ""}}}};
    return reply;
}

void check_views(const std::string& name, const RingReply& reply) {
    test::check_golden("members_" + name + ".txt", render_members(reply, test::utc));
    test::check_golden("members_" + name + ".json", members_json(reply));
    test::check_golden("quorum_" + name + ".txt", render_quorum(reply, test::utc));
    test::check_golden("quorum_" + name + ".json", quorum_json(reply));
}

}  // namespace

TEST_CASE("all members are here") {
    check_views("all", all_here());
}

TEST_CASE("left alone: who is absent, since when and why") {
    check_views("alone", left_alone());
}

TEST_CASE("quorum by two_node alone says that it is no majority") {
    check_views("pair", pair_of_one());
}

TEST_CASE("a pair that was more says that two_node is off, and what to do") {
    RingReply reply = pair_of_one();
    reply.quorate = false;
    reply.two_node_ended = true;
    reply.needed = 2;
    reply.quorum_reason = "1 of 2 votes, 2 needed";
    reply.flags.clear();
    test::check_golden("quorum_pair_again.txt", render_quorum(reply, test::utc));
}

TEST_CASE("votes of members that do not count yet") {
    test::check_golden("quorum_blank.txt", render_quorum(blank(), test::utc));
}

TEST_CASE("no ring yet: nobody is a member") {
    check_views("waiting", nowhere());
}

TEST_CASE("members' and quorum's JSON is made of any bytes") {
    RingReply reply = all_here();
    reply.nodes[0].why = "\xff\xfe \x01";
    reply.quorum_reason = "\xff \x01";
    CHECK(members_json(reply).find("\\u0001") != std::string::npos);
    CHECK(quorum_json(reply).find("\\u0001") != std::string::npos);
}

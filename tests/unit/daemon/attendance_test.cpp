#include "tools/daemon/attendance.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using tools::Attendance;
using tools::RingReply;

namespace {

base::Instant at(std::int64_t ms) {
    return {ms * 1'000'000};
}

// `members`: node and process start.
totem::View view(std::uint64_t seq, const std::vector<std::pair<std::uint32_t, std::uint64_t>>& members) {
    totem::View out;
    out.ring = {seq, {members.front().first}, {}};
    for (const auto& [node, start] : members) out.members.push_back({{node}, {start}});
    return out;
}

RingReply reply_of(std::uint32_t nodes) {
    RingReply reply;
    reply.node_id = {1};
    for (std::uint32_t id = 1; id <= nodes; ++id) reply.nodes.push_back({{id}, "n" + std::to_string(id), ""});
    return reply;
}

tools::RingChange change(const std::string& after, const std::string& cause,
                         std::vector<tools::RingFinding> findings) {
    tools::RingChange out;
    out.after = after;
    out.cause = cause;
    out.installed = {5000};
    out.findings = std::move(findings);
    return out;
}

}  // namespace

TEST_CASE("joins are counted and the last change of each node is kept") {
    Attendance attendance;
    attendance.regular(view(1, {{1, 10}, {2, 20}}), at(100));
    attendance.regular(view(2, {{1, 10}, {2, 20}}), at(200));  // the same again
    REQUIRE(attendance.find({2}) != nullptr);
    CHECK(attendance.find({2})->joins == 1);
    CHECK(attendance.find({2})->since == at(100));
    CHECK(attendance.find({3}) == nullptr);

    attendance.regular(view(3, {{1, 10}}), at(300));
    attendance.regular(view(4, {{1, 10}, {3, 30}}), at(400));
    CHECK(attendance.find({1})->since == at(100));
    CHECK_FALSE(attendance.find({2})->member);
    CHECK(attendance.find({2})->joins == 1);
    CHECK(attendance.find({2})->since == at(300));  // not of the views after
    CHECK(attendance.find({2})->ring.seq == 3);
    CHECK(attendance.find({3})->joins == 1);

    attendance.regular(view(5, {{1, 10}, {2, 20}, {3, 30}}), at(500));
    CHECK(attendance.find({2})->joins == 2);
    CHECK(attendance.find({2})->member);
    attendance.regular(view(6, {{1, 10}, {2, 21}, {3, 30}}), at(600));  // another process start
    CHECK(attendance.find({2})->joins == 3);
    CHECK(attendance.find({2})->since == at(600));
    CHECK(attendance.find({3})->since == at(400));
}

TEST_CASE("why a node is absent: what was seen of it, else what began the change, as long as that is kept") {
    Attendance attendance;
    attendance.regular(view(1, {{1, 1}, {2, 2}, {3, 3}, {4, 4}}), at(100));
    attendance.regular(view(2, {{1, 1}, {4, 4}}), at(200));
    RingReply reply = reply_of(5);
    reply.changes = {
        change("1.1", "start", {{{}, {}, 0, "this node started"}, {{4}, {}, 0, "node 4 joined"}}),
        change("2.1", "token_lost",
               {{{}, {}, 0, "token lost after 1000 ms"}, {{2}, {4}, 9, "node 2 did not answer for 300 ms"}})};
    tell_attendance(reply, attendance, base::seconds(1));
    CHECK(reply.nodes[0].why == "this node started");
    CHECK(reply.nodes[0].cause == "start");
    CHECK(reply.nodes[0].since.ms == 5000);
    CHECK(reply.nodes[1].why == "n4 says: node 2 did not answer for 300 ms");
    CHECK(reply.nodes[1].cause == "token_lost");
    CHECK(reply.nodes[2].why == "token lost after 1000 ms");
    CHECK(reply.nodes[3].why == "node 4 joined");
    CHECK(reply.nodes[4].joins == 0);
    CHECK(reply.nodes[4].since.ms == 0);

    RingReply later = reply_of(2);  // so many changes later that none of these is kept
    tell_attendance(later, attendance, base::seconds(1));
    CHECK(later.nodes[1].joins == 1);
    CHECK(later.nodes[1].since.ms == 1200);
    CHECK(later.nodes[1].why.empty());
    CHECK(later.nodes[1].cause.empty());
}

TEST_CASE("a member of which nothing was seen when it came has no reason") {
    Attendance attendance;
    attendance.regular(view(1, {{1, 1}, {2, 2}}), at(100));
    RingReply reply = reply_of(2);
    reply.changes = {change("1.1", "start", {{{}, {}, 0, "this node started"}})};
    tell_attendance(reply, attendance, {});
    CHECK(reply.nodes[0].why == "this node started");
    CHECK(reply.nodes[1].why.empty());
    CHECK(reply.nodes[1].cause == "start");
    reply.changes = {change("1.1", "start", {})};
    reply.nodes[0].why.clear();
    tell_attendance(reply, attendance, {});
    CHECK(reply.nodes[0].why.empty());
}

// `custos ring status` as text and JSON: golden/ring_X.txt and .json, as in view_test.cpp.
#include <doctest/doctest.h>

#include "golden.hpp"
#include "tools/view/ring.hpp"

using tools::RingChange;
using tools::RingReply;

namespace {

constexpr std::int64_t kNow = 1'795'336'184'127;

tools::RingLink path_to(std::uint32_t peer, std::uint32_t number, const std::string& state) {
    tools::RingLink out;
    out.peer = {peer};
    out.number = number;
    out.interface = "eth" + std::to_string(number);
    out.local = "10." + std::to_string(number) + ".0.1";
    out.remote = "10." + std::to_string(number) + ".0." + std::to_string(peer);
    out.port = 5405;
    out.state = state;
    out.active = number == 0;
    out.lifeline = state == "up";
    out.since = {kNow};
    out.srtt_us = 212;
    out.rttvar_us = 48;
    out.mtu = 1500;
    out.sent = 5000;
    return out;
}

RingReply healthy_ring() {
    RingReply reply;
    reply.cluster_name = "demo";
    reply.version = "0.1.0";
    reply.node = "n1";
    reply.node_id = {1};
    for (std::uint32_t id = 1; id <= 3; ++id)
        reply.nodes.push_back({{id}, "n" + std::to_string(id), "10.0.0." + std::to_string(id)});
    reply.phase = "operational";
    reply.ring_id = "8.1";
    reply.members = {{1}, {2}, {3}};
    reply.synchronised = reply.quorate = true;
    reply.quorum_reason = "3 of 3 votes, 2 needed";
    reply.token_us = 1'000'000;
    reply.consensus_us = 300'000;
    reply.rotation_us = 180;
    reply.tokens = 1000;
    reply.views = 1;
    reply.delivered = 20;
    reply.sent = 7;
    reply.queue_limit = 16u << 20;
    reply.window = reply.largest_window = 4u << 20;
    reply.features = 1;
    reply.frames_received = 3120;
    reply.frames_sent = 3002;
    reply.receive_buffer = 4u << 20;
    reply.rejected = {{"corosync", 0}, {"wrong key", 0}};
    reply.realtime = reply.memory_locked = true;
    reply.links = {path_to(2, 0, "up"), path_to(3, 0, "up")};
    RingChange first;
    first.cause = "start";
    first.installed = {kNow};
    first.gather_us = 52'100;
    first.commit_us = 910;
    first.recovery_us = 640;
    first.attempts = 1;
    first.after = "8.1";
    first.members = first.joined = {{1}, {2}, {3}};
    first.findings = {{{}, {}, 0, "this node started"}};
    reply.changes = {first};
    return reply;
}

// n2 fell silent, n3's daemon was restarted, and strangers talk.
RingReply troubled_ring() {
    RingReply reply = healthy_ring();
    reply.ring_id = "16.1";
    reply.members = {{1}, {3}};
    reply.synchronised = false;
    reply.quorum_reason = "2 of 3 votes, 2 needed";
    reply.trouble = "the ring sequence cannot be written: No space left on device";
    reply.retransmitted = 3;
    reply.discarded = 1;
    reply.queued_bytes = 4096;
    reply.outstanding = 81'920;
    reply.window = 2u << 20;
    reply.other_version = 1;
    reply.send_failed = 12;
    reply.last_send_error = "Operation not permitted";
    reply.overflowed = 1;
    reply.keys = {{1, "0123456789abcdef", {{3}}}, {0, "fedcba9876543210", {{2}}}};
    reply.rejected = {{"corosync", 2}, {"wrong key", 5}};
    reply.last_foreign_source = "10.0.0.9";
    reply.wrong_source = 4;
    reply.last_wrong_source = "node 2 from 10.0.0.7";
    reply.pauses = 2;
    reply.longest_pause_us = 812'400;
    reply.realtime = reply.memory_locked = false;
    reply.links = {path_to(2, 0, "down"), path_to(2, 1, "unknown"), path_to(3, 0, "blocked_out"),
                   path_to(3, 1, "blocked_in"), path_to(3, 2, "up")};
    reply.links[4].lifeline = false;
    reply.links[0].went_down = 1;
    reply.links[1].interface.clear();
    reply.links[1].since = {};
    reply.links[1].srtt_us = 0;
    reply.links[1].mtu = 0;
    reply.links[1].sent = 0;
    reply.links[2].loss = 0.125;
    reply.links[4].group = "239.255.77.1";
    reply.links[4].copies = true;
    reply.links[3].trouble = "frames above 1200 bytes do not arrive";
    reply.links[2].lost = 625;
    RingChange silent;
    silent.cause = "token_lost";
    silent.installed = {kNow + 60'000};
    silent.gather_us = 301'000;
    silent.commit_us = 1'210;
    silent.recovery_us = 70'100;
    silent.attempts = 2;
    silent.before = "8.1";
    silent.after = "12.1";
    silent.members = {{1}, {3}};
    silent.lost = {{2}};
    silent.findings = {{{}, {}, 0, "token lost after 1000 ms"},
                       {{2}, {3}, 300'100, "node 2 did not answer for 300 ms, held for failed"}};
    RingChange restarted;
    restarted.cause = "restarted";
    restarted.installed = {kNow + 120'003};
    restarted.gather_us = 9'900;
    restarted.commit_us = 800;
    restarted.recovery_us = 500;
    restarted.attempts = 1;
    restarted.before = "12.1";
    restarted.after = "16.1";
    restarted.members = {{1}, {3}};
    restarted.lost = restarted.joined = {{3}};
    restarted.findings = {{{3}, {}, 0, "node 3 restarted"}};
    RingChange again = restarted;
    again.lost.clear();
    again.joined.clear();
    RingChange gone = restarted;
    gone.cause = "left";
    gone.joined.clear();
    gone.findings = {{{3}, {}, 0, "node 3 said goodbye"}};
    RingChange back = restarted;
    back.lost.clear();
    back.joined = {{2}, {9}};  // 9: no longer in the node file
    reply.changes.push_back(silent);
    reply.changes.push_back(restarted);
    reply.changes.push_back(again);
    reply.changes.push_back(gone);
    reply.changes.push_back(back);
    return reply;
}

RingReply waiting_ring() {
    RingReply reply;
    reply.cluster_name = "demo";
    reply.version = "0.1.0";
    reply.node = "host7";
    reply.phase = "waiting";
    reply.waiting = "no address of this machine is in the nodelist";
    reply.nodes = {{{1}, "n1", "10.0.0.1"}, {{2}, "", ""}};
    return reply;
}

void check_ring(const std::string& name, const RingReply& reply) {
    test::check_golden(name + ".txt", render_ring(reply, test::utc));
    test::check_golden(name + ".json", ring_json(reply));
}

}  // namespace

TEST_CASE("the ring in good order") {
    check_ring("ring_healthy", healthy_ring());
}

TEST_CASE("the ring in trouble: who was lost, who says so, and what else is wrong") {
    check_ring("ring_troubled", troubled_ring());
}

TEST_CASE("no ring yet: it says what it waits for") {
    check_ring("ring_waiting", waiting_ring());
}

TEST_CASE("the ring's JSON is made of any bytes") {
    RingReply reply = healthy_ring();
    reply.trouble = "\xff\xfe \x01";
    CHECK(ring_json(reply).find("\\u0001") != std::string::npos);
}

// Messages of the control socket as bytes.
#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

#include "tools/ipc/codec.hpp"

using namespace tools;  // NOLINT(google-build-using-namespace): the test is of this namespace

namespace {

StatusReply example_status() {
    StatusReply reply;
    LocalFacts& local = reply.local;
    local = {.node = "n1",
             .node_id = {1},
             .cluster_name = "demo",
             .version = "1.2",
             .coordinator = "n2",
             .phase = "operational",
             .ring_id = "8.1",
             .members = {{1}, {2}},
             .synchronised = true,
             .quorum_reason = "2 of 3 votes",
             .warnings = {"w1", "w2"},
             .notes = {"note \xff"},
             .ring_tokens = 1,
             .ring_delivered = 2,
             .ring_retransmitted = 3,
             .ring_views = 4,
             .ring_refused = 6,
             .rotation_us = -5,
             .lease = {"by lease", true, false, 612},
             .last_change = "today"};
    reply.configuration.version = 7;
    reply.configuration.properties["stonith-enabled"] = "false";
    reply.status.quorate = true;
    reply.status.nodes[{1}].name = "n1";
    return reply;
}

}  // namespace

TEST_CASE("requests survive their bytes") {
    const Request requests[] = {
        GetStatus{},
        Shutdown{},
        WaitConverged{42},
        RunCommand{manager::ChangeConfiguration{{manager::SetMeta{"web", "target-role", "Stopped"}}, 9}},
        RunCommand{manager::ConfirmNode{"n3"}},
        GetRing{},
        CancelWaitForAll{},
        RotateKey{false},
        RotateKey{true},
        AddNode{"n4", {"10.0.0.4", "10.1.0.4"}},
        RemoveNode{"n3", true},
        ReloadNodeFile{}};
    for (const Request& request : requests) {
        const auto back = decode_request(encode(request));
        REQUIRE(back);
        CHECK(back->index() == request.index());
        CHECK(encode(*back) == encode(request));
    }
    CHECK(std::get<WaitConverged>(*decode_request(encode(requests[2]))).version == 42);
    CHECK(std::get<AddNode>(*decode_request(encode(requests[9]))).addresses.at(1) == "10.1.0.4");
    CHECK(std::get<RemoveNode>(*decode_request(encode(requests[10]))).vouched);
    const Request back = *decode_request(encode(requests[3]));
    const auto& change = std::get<manager::ChangeConfiguration>(std::get<RunCommand>(back).command);
    CHECK(change.base_version == 9);
    CHECK(std::get<manager::SetMeta>(change.edits.at(0)).value == "Stopped");
}

TEST_CASE("replies survive their bytes") {
    const StatusReply status = example_status();
    const Reply back = *decode_reply(encode(Reply{status}));
    const auto& got = std::get<StatusReply>(back);
    CHECK(got.configuration == status.configuration);
    CHECK(got.status == status.status);
    CHECK(encode(back) == encode(Reply{status}));
    const LocalFacts& local = got.local;
    CHECK(local.node == "n1");
    CHECK(local.node_id == base::NodeId{1});
    CHECK(local.cluster_name == "demo");
    CHECK(local.version == "1.2");
    CHECK(local.coordinator == "n2");
    CHECK(local.phase == "operational");
    CHECK(local.ring_id == "8.1");
    CHECK(local.members == status.local.members);
    CHECK(local.synchronised);
    CHECK(local.quorum_reason == "2 of 3 votes");
    CHECK(local.lease == status.local.lease);
    CHECK(local.warnings == status.local.warnings);
    CHECK(local.notes == status.local.notes);
    CHECK(local.ring_tokens == 1);
    CHECK(local.ring_delivered == 2);
    CHECK(local.ring_retransmitted == 3);
    CHECK(local.ring_views == 4);
    CHECK(local.ring_refused == 6);
    CHECK(local.rotation_us == -5);
    CHECK(local.last_change == "today");

    CHECK(std::get<CommandReply>(*decode_reply(encode(Reply{CommandReply{3, "r"}}))).remark == "r");
    CHECK(std::get<CommandReply>(*decode_reply(encode(Reply{CommandReply{3, "r"}}))).version == 3);
    CHECK(std::get<CommandReply>(*decode_reply(encode(Reply{CommandReply{3, "r", true}}))).under_way);
    CHECK(std::get<Converged>(*decode_reply(encode(Reply{Converged{4, {"a", "b"}}}))).problems.size() == 2);
    CHECK(std::get<Refused>(*decode_reply(encode(Reply{Refused{"no"}}))).message == "no");
    CHECK(std::holds_alternative<ShutdownReply>(*decode_reply(encode(Reply{ShutdownReply{}}))));
}

TEST_CASE("the ring's status survives its bytes") {
    RingReply ring;
    ring.cluster_name = "demo";
    ring.version = "1.2";
    ring.node = "n1";
    ring.node_id = {1};
    ring.waiting = "w";
    ring.trouble = "t";
    ring.nodes = {{{1}, "n1", "10.0.0.1"},
                  {{2}, "n2", "", 3, {{0, ""}, {1, "fd00::2"}}, 4, {5}, "died", "y"}};
    ring.phase = "gather";
    ring.ring_id = "8.1";
    ring.members = {{1}, {2}};
    ring.synchronised = ring.quorate = true;
    ring.quorum_reason = "2 of 3 votes";
    ring.token_us = 1;
    ring.consensus_us = 2;
    ring.rotation_us = -3;
    ring.tokens = 4;
    ring.views = 5;
    ring.delivered = 6;
    ring.sent = 7;
    ring.retransmitted = 8;
    ring.discarded = 9;
    ring.queued_bytes = 10;
    ring.queue_limit = 11;
    ring.outstanding = 27;
    ring.window = 28;
    ring.largest_window = 29;
    ring.other_version = 29;
    ring.features = 30;
    ring.frames_received = 12;
    ring.frames_sent = 13;
    ring.send_failed = 14;
    ring.last_send_error = "e\xff";
    ring.overflowed = 15;
    ring.receive_buffer = 16;
    ring.rejected = {{"wrong key", 17}};
    ring.keys = {{1, "00112233", {{2}, {3}}}, {0, "44556677", {}}};
    ring.wrong_source = 18;
    ring.last_wrong_source = "s";
    ring.last_foreign_source = "f";
    ring.pauses = 19;
    ring.longest_pause_us = 20;
    ring.realtime = ring.memory_locked = true;
    ring.links = {
        {{2}, 1, "eth0", "a", "b", 2, "up", true, true, {3}, 4, 5, 6, 0.25, 7, 8, 9, "g", true, "t"}};
    ring.changes = {
        {"token_lost", {21}, 22, 23, 24, 25, "8.1", "12.1", {{1}}, {{2}}, {{3}}, {{{1}, {2}, 26, "e"}}}};
    ring.ring_sequence = 31;
    ring.representative = {32};
    ring.votes = 33;
    ring.needed = 34;
    ring.expected = 35;
    ring.majority = true;
    ring.flags = {"2Node", "Quorate"};
    ring.join_us = 36;
    ring.settings = {{"totem.version", "2"}, {"logging.logfile", ""}};
    ring.key_holders = {{{1}, "0123456789abcdef", ""}, {{2}, "0123456789abcdef", "fedcba9876543210"}};
    ring.key_change = "step 2 of 3";
    ring.key_trouble = "disk full";
    ring.groups = {{std::string("a\0b", 3), {{{1}, 37}, {{2}, 38}}}, {"empty", {}}};
    const auto back = decode_reply(encode(Reply{ring}));
    REQUIRE(back);
    CHECK(std::get<RingReply>(*back) == ring);
}

TEST_CASE("bytes that are no message are refused") {
    for (const base::Bytes& bytes :
         {base::Bytes{}, base::Bytes{0xff}, base::Bytes{0x12, 0x02, 0xff, 0xff}, base::Bytes(100, 0x5a)}) {
        CHECK(!decode_request(bytes));
        CHECK(!decode_reply(bytes));
    }
}

TEST_CASE("a frame announces its length within bounds") {
    const base::Bytes bytes = *frame(base::as_bytes("hello"));
    CHECK(*payload_length(base::ByteView(bytes).first(kFrameHeader)) == 5);
    CHECK(!payload_length(base::Bytes{0, 0, 0, 0}));
    CHECK(!payload_length(base::Bytes{1, 0, 0, 1}));
    CHECK(*payload_length(base::Bytes{0, 0, 0, 1}) == kMaxFrame);
    CHECK(!frame(base::Bytes(kMaxFrame + 1)));
}

#include <doctest/doctest.h>
#include <google/protobuf/stubs/logging.h>

#include <array>

#include "manager/model/codec.hpp"
#include "manager/state/state.hpp"
#include "totem/base/rng.hpp"

using namespace manager;

namespace {

Configuration sample_configuration() {
    Configuration config;
    config.version = 7;
    Primitive ip{"ip",
                 {"ocf", "heartbeat", "IPaddr2"},
                 {{"ip", "192.0.2.10"}},
                 {{"target-role", "Started"}},
                 {},
                 "the address"};
    ip.operations.push_back({"monitor", base::seconds(10), "10s", {{"timeout", "20s"}}});
    config.primitives.push_back(ip);
    config.locations.push_back({"home", "ip", "n1", Score{200}});
    config.colocations.push_back({"with", "web", "ip", Score::infinity()});
    config.orders.push_back({"after", "ip", "web", OrderKind::serialize, false});
    config.nodes.push_back({"n1", 1, {{"standby", "off"}}});
    config.properties["stonith-enabled"] = "false";
    config.rsc_defaults["resource-stickiness"] = "100";
    config.op_defaults["timeout"] = "30s";
    return config;
}

ClusterStatus sample_status() {
    ClusterStatus status;
    NodeStatus& node = status.nodes[base::NodeId{2}];
    node.name = "n2";
    node.clearance = Clearance::member;
    node.incarnation = {99};
    node.member_since = 3;
    node.left = node.leaving = true;
    node.reports = 5;
    ResourceOnNode& record = node.resources["ip"];
    record.activity = Activity::failed;
    record.monitored = record.blocked = true;
    record.monitored_digest = "abc";
    record.fail_count = 2;
    record.failure = Failure{"monitor", base::seconds(10), 7, "gone", {1234}};
    record.revision = 11;
    status.actions.push_back({4, {2}, "ip", "stop", {2, 3}, 11, ActionState::running, "it failed"});
    status.former["ip"] = sample_configuration().primitives[0];
    status.quorate = true;
    return status;
}

}  // namespace

TEST_CASE("configurations and statuses survive their bytes") {
    CHECK(*decode_configuration(encode(sample_configuration())) == sample_configuration());
    CHECK(*decode_status(encode(sample_status())) == sample_status());
}

TEST_CASE("every kind of edit and command survives its bytes") {
    ChangeConfiguration change;
    const Configuration config = sample_configuration();
    change.edits = {PutPrimitive{config.primitives[0], true},
                    PutLocation{config.locations[0]},
                    PutColocation{config.colocations[0]},
                    PutOrder{config.orders[0]},
                    PutNode{config.nodes[0]},
                    Delete{"x"},
                    SetOption{Section::op_defaults, "a", "b"},
                    SetMeta{"ip", "target-role", "Stopped"},
                    SetNodeAttribute{"n1", "standby", "on"},
                    Erase{}};
    change.base_version = 3;
    for (const Command& command :
         std::vector<Command>{change, Cleanup{"ip", "n1"}, ConfirmNode{"n2"}, ShutdownNode{"n3"}}) {
        const base::Bytes bytes = encode(command);
        const auto back = decode_command(bytes);
        REQUIRE(back);
        CHECK(back->index() == command.index());
        CHECK(encode(*back).size() == bytes.size());
        if (const auto* c = std::get_if<ChangeConfiguration>(&*back)) {
            REQUIRE(c->edits.size() == change.edits.size());
            for (std::size_t i = 0; i < c->edits.size(); ++i)
                CHECK(c->edits[i].index() == change.edits[i].index());
            CHECK(c->base_version == change.base_version);
            CHECK(std::get<PutPrimitive>(c->edits[0]).value == config.primitives[0]);
            CHECK(std::get<PutPrimitive>(c->edits[0]).replace);
        }
    }
}

TEST_CASE("a change of the nodes survives its bytes, and so does the word that it counts") {
    membership::NodeList list;
    list.version = 4;
    list.nodes = {{base::NodeId{1}, "n1", 1, {{0, "10.0.0.1", "10.0.0.1"}}}};
    ChangeNodes change{list, list, true};
    change.after.nodes[0].votes = 2;
    const auto back = decode_command(encode(Command{change}));
    REQUIRE(back);
    CHECK(std::get<ChangeNodes>(*back).before == change.before);
    CHECK(std::get<ChangeNodes>(*back).after == change.after);
    CHECK(std::get<ChangeNodes>(*back).vouched);
    change.after.nodes.clear();
    CHECK_FALSE(decode_command(encode(Command{change})));
    const auto fact = decode_message(encode(Message{NodesFact{{7, base::NodeId{1}, 5}, 4}}));
    REQUIRE(fact);
    CHECK(std::get<NodesFact>(*fact).version == 4);
    CHECK(std::get<NodesFact>(*fact).ring == base::RingId{7, base::NodeId{1}, 5});
}

TEST_CASE("states survive their bytes and equal states have equal digests") {
    State state;
    state.head = {3, 7, digest(base::as_bytes("x"))};
    state.configuration = sample_configuration();
    state.status = sample_status();
    state.requests[base::NodeId{1}] = {{5}, 9};
    state.changed["ip"] = 6;
    state.history[7] = state.head.hash;
    state.next_action = 12;
    state.last_user = "root";
    const auto back = decode_state(encode(state));
    REQUIRE(back);
    CHECK(digest(*back) == digest(state));
    CHECK(back->changed == state.changed);
    CHECK(back->history == state.history);
    CHECK(back->next_action == 12);
    State other = *back;
    other.status.nodes[base::NodeId{2}].resources["ip"].fail_count = 3;
    CHECK(digest(other) != digest(state));
}

TEST_CASE("what quorum says and keeps survives its bytes") {
    const membership::QuorumMemory open{true, {9, {{1}, {3}}}, membership::Roster{4, {{1}, {2}, {3}}}};
    Hello hello;
    hello.quorum = {open, {true, 4}, true};
    hello.promises = {{base::NodeId{2}, base::milliseconds(700), 8}, {base::NodeId{3}, {}, 0}};
    hello.obeys = true;
    hello.took = {base::NodeId{3}};
    const auto hello_back = decode_message(encode(Message{hello}));
    REQUIRE(hello_back);
    CHECK(std::get<Hello>(*hello_back).quorum == hello.quorum);
    CHECK(std::get<Hello>(*hello_back).promises == hello.promises);
    CHECK(std::get<Hello>(*hello_back).obeys);
    CHECK(std::get<Hello>(*hello_back).took == hello.took);
    hello.promises[0].left = base::milliseconds(-1);
    CHECK_FALSE(decode_message(encode(Message{hello})));
    const auto out = decode_message(encode(Message{LeaseFact{{9, {1}, 5}, base::NodeId{2}, false}}));
    REQUIRE(out);
    CHECK(std::get<LeaseFact>(*out).ring == base::RingId{9, {1}, 5});
    CHECK(std::get<LeaseFact>(*out).out == base::NodeId{2});
    for (const bool obeys : {true, false}) {
        const auto word = decode_message(encode(Message{LeaseFact{{9, {1}, 5}, {}, obeys}}));
        REQUIRE(word);
        CHECK_FALSE(std::get<LeaseFact>(*word).out);
        CHECK(std::get<LeaseFact>(*word).obeys == obeys);
    }
    for (const QuorumFact::Kind kind : {QuorumFact::Kind::roster_proposed, QuorumFact::Kind::persisted,
                                        QuorumFact::Kind::wait_for_all_cancelled}) {
        const auto back = decode_message(encode(Message{QuorumFact{{7, {1}, 2}, kind, {}}}));
        REQUIRE(back);
        CHECK(std::get<QuorumFact>(*back).kind == kind);
        CHECK(std::get<QuorumFact>(*back).ring == base::RingId{7, {1}, 2});
    }
    const auto stamp =
        decode_message(encode(Message{QuorumFact{{}, QuorumFact::Kind::persisted, {true, 9}}}));
    REQUIRE(stamp);
    CHECK(std::get<QuorumFact>(*stamp).stamp == membership::QuorumStamp{true, 9});

    State state;
    state.configuration = sample_configuration();
    for (const membership::QuorumMemory& memory :
         {open, membership::QuorumMemory{true, {9, {{1}}}, {}}, membership::QuorumMemory{}}) {
        const base::Bytes record = encode_journal(state, memory);
        const auto back = decode_quorum(record);
        REQUIRE(back);
        CHECK(*back == memory);
        const auto state_back = decode_state(record);
        REQUIRE(state_back);
        CHECK(state_back->configuration == state.configuration);
    }
    CHECK(*decode_quorum(encode_durable(state)) == membership::QuorumMemory{});
}

TEST_CASE("decoders take any bytes: a value or an error") {
    const google::protobuf::LogSilencer quiet;  // it writes a line for each text that is no UTF-8
    base::Rng rng(1);
    const base::Bytes valid = encode(Message{Hello{}});
    for (int i = 0; i < 20000; ++i) {
        base::Bytes bytes = valid;
        if (rng.chance(500)) bytes.resize(rng.below(bytes.size() + 1));
        for (std::uint64_t n = rng.below(4); n > 0 && !bytes.empty(); --n) {
            bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
        }
        (void)decode_message(bytes);
        (void)decode_state(bytes);
        (void)decode_quorum(bytes);
        (void)decode_command(bytes);
        (void)decode_status(bytes);
        (void)decode_configuration(bytes);
    }
    CHECK_FALSE(decode_message({}));
}

TEST_CASE("words and offers of keys survive their bytes, and bytes that are none are refused") {
    const KeyFact fact{
        {{3, "0123"}, membership::KeyName{4, "4567"}, "4567", base::NodeSet{base::NodeId{7}}, "disk full"}};
    const auto back = decode_message(encode(Message{fact}));
    REQUIRE(back);
    CHECK(std::get<KeyFact>(*back).word == fact.word);
    const KeyFact alone{{{255, "0123"}, std::nullopt, ""}};
    CHECK(std::get<KeyFact>(*decode_message(encode(Message{alone}))).word == alone.word);
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    bytes.fill(7);
    const KeyOffer offer{{9, totem::MasterKey(bytes)}};
    const base::Bytes whole = encode(Message{offer});
    CHECK(std::get<KeyOffer>(*decode_message(whole)).key == offer.key);
    // Field 10 (an offer) of a key of one byte.
    const base::Bytes short_key{0x52, 0x05, 0x08, 0x09, 0x12, 0x01, 0x07};
    CHECK(!decode_message(short_key));
}

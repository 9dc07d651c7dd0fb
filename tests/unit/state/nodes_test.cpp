// The change of the configured nodes in the replicated state: what is refused, what it changes at its
// delivery, and what when it counts.
#include <doctest/doctest.h>

#include "manager/state/state.hpp"

using namespace manager;
using base::NodeId;
using membership::NodeList;

namespace nodes_test {  // beside the other files' helpers of the same names
namespace {

const Sender kOne{NodeId{1}, {10}}, kTwo{NodeId{2}, {20}}, kThree{NodeId{3}, {30}};
const std::map<NodeId, std::string> kNames{{NodeId{1}, "n1"}, {NodeId{2}, "n2"}, {NodeId{3}, "n3"}};

NodeList list_of(std::initializer_list<std::uint32_t> ids) {
    NodeList list;
    for (const std::uint32_t id : ids) {
        const std::string n = std::to_string(id);
        list.nodes.push_back({NodeId{id}, "n" + n, 1, {{0, "10.0.0." + n, "10.0.0." + n}}});
    }
    return list;
}

State running(const std::vector<Sender>& members, bool proof = false) {
    State state = initial_state(kNames);
    state.nodes = list_of({1, 2, 3});
    SyncedView view;
    view.members = members;
    for (const Sender& m : members) view.hellos[m.node] = Hello{};
    view.roster = kNames;
    view.quorate = true;
    view.adopt_epoch = 1;
    view.cause = "node 3 was lost";
    install_view(state, view);
    const std::string stonith = proof ? "true" : "false";
    REQUIRE(apply_command(state, kOne,
                          {1,
                           "root",
                           {1000},
                           ChangeConfiguration{{SetOption{Section::properties, "stonith-enabled", stonith}},
                                               std::nullopt}})
                .result);
    return state;
}

CommandOutcome change(State& state, const NodeList& after, bool vouched = false) {
    static std::uint64_t number = 1;
    return apply_command(
        state, kOne, {++number, "root via custos on n1", {1000}, ChangeNodes{state.nodes, after, vouched}});
}

std::string refusal(State& state, const NodeList& after, bool vouched = false) {
    const Digest before = digest(state);
    const CommandOutcome outcome = change(state, after, vouched);
    if (outcome.result) return "";
    CHECK(state.next_nodes == std::nullopt);
    static_cast<void>(before);
    return outcome.result.error().message;
}

}  // namespace

TEST_CASE(
    "a node is added: under way at the delivery, in force when it counts; nobody waits for it as for a lost "
    "one") {
    State state = running({kOne, kTwo, kThree}, true);
    const Head before = state.head;
    const CommandOutcome outcome = change(state, list_of({1, 2, 3, 4}));
    REQUIRE(outcome.result);
    CHECK(outcome.durable);
    CHECK(state.head.index == before.index + 1);
    CHECK(state.head.index == state.configuration.version);
    CHECK_FALSE(state.nodes.counted);
    CHECK(state.nodes.ids() == base::NodeSet{{1}, {2}, {3}});
    REQUIRE(state.next_nodes);
    CHECK(state.next_nodes->version == 1);
    CHECK(state.next_nodes->two_node_ended);
    CHECK(state.status.nodes.at(NodeId{4}).clearance == Clearance::clean);
    CHECK(state.status.nodes.at(NodeId{4}).name == "n4");
    CHECK(removed_run_nothing(state));
    const auto back = decode_state(encode(state));
    REQUIRE(back);
    CHECK(digest(*back) == digest(state));
    CHECK(back->next_nodes == state.next_nodes);
    CHECK(back->nodes == state.nodes);
    CHECK(decode_nodes(encode_journal(state, {}))->has_value() ==
          false);  // its file is what this node goes by

    count_nodes(state);
    CHECK(state.nodes.counted);
    CHECK(state.nodes.ids() == base::NodeSet{{1}, {2}, {3}, {4}});
    CHECK_FALSE(state.next_nodes);
    CHECK(state.head.index == before.index + 2);
    CHECK(descends_from(state, before));
    const auto known = decode_nodes(encode_journal(state, {}));
    REQUIRE(known);
    CHECK(*known == state.nodes);
}

TEST_CASE("a list that did not count is no part of what members compare") {
    State one = running({kOne, kTwo}), other = one;
    other.nodes = list_of({1, 2, 3, 4, 5});
    CHECK(digest(one) == digest(other));
    other.nodes.counted = true;
    CHECK(digest(one) != digest(other));
}

TEST_CASE("a member is removed once it runs nothing: it is to leave, and is forgotten with its last view") {
    State state = running({kOne, kTwo, kThree});
    ResourceOnNode runs;
    runs.activity = Activity::started;
    state.status.nodes.at(NodeId{3}).resources["web"] = runs;
    CHECK(refusal(state, list_of({1, 2})) ==
          "nothing was changed: n3 runs resources, or may (web): `crm -w node standby n3` first");
    CHECK(refusal(state, list_of({1, 2}), true) != "");  // who is here needs nobody's word
    state.status.nodes.at(NodeId{3}).resources.at("web").activity = Activity::stopped;
    REQUIRE(change(state, list_of({1, 2})).result);
    CHECK(state.status.nodes.at(NodeId{3}).leaving);
    CHECK(removed_run_nothing(state));
    state.status.nodes.at(NodeId{3}).resources.at("web").activity = Activity::started;
    CHECK_FALSE(removed_run_nothing(state));
    state.status.nodes.at(NodeId{3}).resources.at("web").activity = Activity::stopped;
    count_nodes(state);
    CHECK(state.status.nodes.count(NodeId{3}) == 1);  // a member still
    SyncedView view;
    view.members = {kOne, kTwo};
    for (const Sender& m : view.members) view.hellos[m.node] = Hello{};
    view.roster = {{NodeId{1}, "n1"}, {NodeId{2}, "n2"}};
    view.cause = "node 3 left";
    install_view(state, view);
    CHECK(state.status.nodes.count(NodeId{3}) == 0);
}

TEST_CASE(
    "a silent node: removed when it is cleared, or an administrator vouches; until then no change counts") {
    State state = running({kOne, kTwo}, true);
    NodeStatus& silent = state.status.nodes.at(NodeId{3});
    REQUIRE(silent.clearance == Clearance::uncleared);
    CHECK(refusal(state, list_of({1, 2})).find("n3 is silent") != std::string::npos);
    CHECK(refusal(state, list_of({1, 2})).find("--force") != std::string::npos);
    CHECK(refusal(state, list_of({1, 2, 3, 4})).find("crm node clearstate n3") != std::string::npos);
    silent.lease_out = true;  // nothing is configured that the lease does not cover
    REQUIRE(change(state, list_of({1, 2, 3, 4})).result);

    state = running({kOne, kTwo}, true);
    REQUIRE(change(state, list_of({1, 2}), true).result);
    CHECK(state.status.nodes.at(NodeId{3}).clearance == Clearance::clean);
    CHECK(state.status.nodes.at(NodeId{3}).why == "confirmed down by root via custos on n1");
    count_nodes(state);
    CHECK(state.status.nodes.count(NodeId{3}) == 0);
}

TEST_CASE("one change at a time, made from what is in force, to what can be a cluster") {
    State state = running({kOne, kTwo, kThree});
    CHECK(refusal(state, list_of({})).find("1 to 64 nodes") != std::string::npos);
    const NodeList before = state.nodes;
    REQUIRE(change(state, list_of({1, 2, 3, 4})).result);
    const CommandOutcome second = change(state, list_of({1, 2, 3, 5}));
    REQUIRE_FALSE(second.result);
    CHECK(second.result.error().message.find("another change of the nodes is under way (version 1)") !=
          std::string::npos);
    count_nodes(state);
    const CommandOutcome late =
        apply_command(state, kTwo, {1, "root", {1}, ChangeNodes{before, list_of({1, 2, 3, 5}), false}});
    REQUIRE_FALSE(late.result);
    CHECK(late.result.error().message.find("have been changed meanwhile (version 1 is in force)") !=
          std::string::npos);
    REQUIRE(change(state, list_of({1, 2, 3, 4, 5})).result);
    CHECK(state.next_nodes->version == 2);
}

TEST_CASE("the version goes on from that of the file; a pair stays a pair only while it has two votes") {
    State state = running({kOne, kTwo, kThree});
    state.nodes = list_of({1, 2});
    state.nodes.version = 41;
    NodeList after = list_of({1, 2});
    after.nodes[1].addresses[0] = {0, "10.0.0.22", "10.0.0.22"};
    REQUIRE(change(state, after).result);
    CHECK(state.next_nodes->version == 42);
    CHECK_FALSE(state.next_nodes->two_node_ended);
    count_nodes(state);
    REQUIRE(change(state, list_of({1, 2, 3})).result);
    count_nodes(state);
    REQUIRE(change(state, list_of({1, 2})).result);
    CHECK(state.next_nodes->two_node_ended);
}

TEST_CASE("the id of a node that was removed is not given again, whoever asks with whatever list") {
    State state = running({kOne, kTwo, kThree});
    for (const auto& ids : {list_of({1, 2, 3, 4}), list_of({1, 2, 3})}) {
        REQUIRE(change(state, ids).result);
        count_nodes(state);
    }
    CHECK(state.nodes.next_id() == NodeId{5});
    REQUIRE(change(state, list_of({1, 2})).result);
    count_nodes(state);
    const auto back = decode_state(encode(state));
    REQUIRE(back);
    CHECK(back->nodes.next_id() == NodeId{5});
}

}  // namespace nodes_test

#include <doctest/doctest.h>

#include "manager/model/operation.hpp"
#include "manager/state/state.hpp"

using namespace manager;
using base::NodeId;

namespace {

const Sender kOne{NodeId{1}, {10}};
const Sender kTwo{NodeId{2}, {20}};
const std::map<NodeId, std::string> kNames{{NodeId{1}, "n1"}, {NodeId{2}, "n2"}, {NodeId{3}, "n3"}};

Primitive dummy(const std::string& id) {
    return {id, {"ocf", "heartbeat", "Dummy"}, {}, {}, {}, ""};
}

ClientCommand change(std::uint64_t number, std::vector<Edit> edits) {
    return {number, "root via custos on n1", {1000}, ChangeConfiguration{std::move(edits), std::nullopt}};
}

SyncedView view_of(const std::vector<Sender>& members, std::uint64_t epoch) {
    SyncedView view;
    view.members = members;
    for (const Sender& m : members) view.hellos[m.node] = Hello{};
    view.roster = kNames;
    view.quorate = epoch != 0;
    view.adopt_epoch = epoch;
    view.cause = "node 3 was lost";
    return view;
}

State running_pair() {
    State state = initial_state(kNames);
    install_view(state, view_of({kOne, kTwo}, 1));
    REQUIRE(apply_command(state, kOne,
                          change(1, {SetOption{Section::properties, "stonith-enabled", "false"},
                                     PutPrimitive{dummy("d")}}))
                .result);
    return state;
}

PlannedAction plan_action(std::uint64_t id, NodeId node, const std::string& operation,
                          std::vector<std::uint64_t> after = {}) {
    return {id, node, "d", operation, std::move(after), 0, ActionState::pending, "because"};
}

Report report(std::uint64_t number, std::uint64_t action, const std::string& operation, int code) {
    Report r;
    r.number = number;
    r.action = action;
    r.resource = "d";
    r.operation = operation;
    r.code = code;
    r.when = {5000};
    return r;
}

// Probes on both nodes said "not running".
void probe(State& state) {
    Plan plan{{},
              state.configuration.version,
              {plan_action(1, NodeId{1}, "probe"), plan_action(2, NodeId{2}, "probe")}};
    REQUIRE(apply_plan(state, plan));
    const auto started = promote_ready(state);
    REQUIRE(started.size() == 2);
    CHECK(apply_report(state, kOne, report(1, started[0].id, "probe", kOcfNotRunning)) ==
          ReportOutcome::expected);
    CHECK(apply_report(state, kTwo, report(1, started[1].id, "probe", kOcfNotRunning)) ==
          ReportOutcome::expected);
}

std::uint64_t revision(const State& state, NodeId node) {
    return state.status.nodes.at(node).resources.at("d").revision;
}

}  // namespace

TEST_CASE("a command applies once, however often it is delivered") {
    State state = initial_state(kNames);
    install_view(state, view_of({kOne, kTwo}, 1));
    const ClientCommand command = change(1, {PutPrimitive{dummy("d")}});
    CHECK(apply_command(state, kOne, command).durable);
    const Head head = state.head;
    CHECK(apply_command(state, kOne, command).repeated);
    CHECK(state.head == head);
    CHECK(state.configuration.version == 1);
}

TEST_CASE("a refused command says why and changes nothing") {
    State state = running_pair();
    const Head head = state.head;
    const auto outcome = apply_command(state, kOne, change(2, {PutPrimitive{dummy("d")}}));
    CHECK_FALSE(outcome.result);
    CHECK(state.head == head);
}

TEST_CASE("two administrators at once: the second who changes the same object is refused") {
    State state = running_pair();
    ClientCommand first = change(2, {SetMeta{"d", "target-role", "Stopped"}});
    std::get<ChangeConfiguration>(first.command).base_version = 1;
    CHECK(apply_command(state, kOne, first).result);
    ClientCommand second = change(1, {SetMeta{"d", "target-role", "Started"}});
    std::get<ChangeConfiguration>(second.command).base_version = 1;
    const auto outcome = apply_command(state, kTwo, second);
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().message.find("d was changed by root via custos on n1 meanwhile") == 0);
}

TEST_CASE("heads chain: a fork is told from a forebear") {
    State state = running_pair();
    const Head forebear = state.head;
    State fork = state;
    CHECK(apply_command(state, kOne, change(2, {PutPrimitive{dummy("e")}})).result);
    CHECK(apply_command(fork, kTwo, change(1, {PutPrimitive{dummy("f")}})).result);
    CHECK(descends_from(state, forebear));
    CHECK_FALSE(descends_from(state, fork.head));
}

TEST_CASE("an action runs once its predecessors succeeded, and goes with one that failed") {
    State state = running_pair();
    probe(state);
    Plan plan{{},
              state.configuration.version,
              {plan_action(1, NodeId{1}, "start"), plan_action(2, NodeId{1}, "monitor", {1})}};
    plan.actions[0].base_revision = plan.actions[1].base_revision = revision(state, NodeId{1});
    SUBCASE("success") {
        REQUIRE(apply_plan(state, plan));
        const auto started = promote_ready(state);
        REQUIRE(started.size() == 1);
        CHECK(started[0].operation == "start");
        CHECK(promote_ready(state).empty());
        CHECK(apply_report(state, kOne, report(2, started[0].id, "start", kOcfOk)) ==
              ReportOutcome::expected);
        CHECK(state.status.nodes[NodeId{1}].resources["d"].activity == Activity::started);
        const auto next = promote_ready(state);
        REQUIRE(next.size() == 1);
        CHECK(next[0].operation == "monitor");
    }
    SUBCASE("failure") {
        REQUIRE(apply_plan(state, plan));
        const auto started = promote_ready(state);
        CHECK(apply_report(state, kOne, report(2, started[0].id, "start", kOcfGeneric)) ==
              ReportOutcome::surprise);
        CHECK(state.status.actions.empty());
        CHECK(state.status.nodes[NodeId{1}].resources["d"].fail_count == Score::kInfinity);
    }
    SUBCASE("the record moved on since the plan was made") {
        plan.actions[0].base_revision += 1;
        CHECK_FALSE(apply_plan(state, plan));
        CHECK(state.status.actions.empty());
    }
    SUBCASE("the configuration moved on since the plan was made") {
        plan.configuration -= 1;
        CHECK_FALSE(apply_plan(state, plan));
    }
}

TEST_CASE("late, doubled and foreign reports are harmless") {
    State state = running_pair();
    probe(state);
    Plan plan{{}, state.configuration.version, {plan_action(1, NodeId{1}, "start")}};
    plan.actions[0].base_revision = revision(state, NodeId{1});
    REQUIRE(apply_plan(state, plan));
    const std::uint64_t id = promote_ready(state)[0].id;
    const Report ok = report(2, id, "start", kOcfOk);
    CHECK(apply_report(state, {NodeId{1}, {9}}, ok) == ReportOutcome::ignored);  // a former incarnation
    CHECK(apply_report(state, kTwo, ok) == ReportOutcome::ignored);              // not the node that runs it
    CHECK(apply_report(state, kOne, ok) == ReportOutcome::expected);
    CHECK(apply_report(state, kOne, ok) == ReportOutcome::ignored);
}

TEST_CASE("no start while it may be active elsewhere, whatever a plan says") {
    State state = running_pair();
    Plan plan{{}, state.configuration.version, {plan_action(1, NodeId{1}, "start")}};
    REQUIRE(apply_plan(state, plan));
    CHECK(promote_ready(state).empty());  // nothing was probed yet
    CHECK(state.status.actions.empty());
    probe(state);
    plan.actions[0].base_revision = revision(state, NodeId{1});
    state.status.nodes[NodeId{2}].resources["d"].activity = Activity::started;
    REQUIRE(apply_plan(state, plan));
    CHECK(promote_ready(state).empty());
}

TEST_CASE("no start while a configured node is uncleared, unless the proof is switched off") {
    State state = running_pair();
    CHECK(apply_command(state, kOne, change(2, {SetOption{Section::properties, "stonith-enabled", "true"}}))
              .result);
    probe(state);
    Plan plan{{}, state.configuration.version, {plan_action(1, NodeId{1}, "start")}};
    plan.actions[0].base_revision = revision(state, NodeId{1});
    State unproven = state;
    REQUIRE(apply_plan(state, plan));
    CHECK(promote_ready(state).empty());
    CHECK(apply_command(unproven, kOne, {3, "root", {1}, ConfirmNode{"n3"}}).result);
    REQUIRE(apply_plan(unproven, plan));
    CHECK(promote_ready(unproven).size() == 1);
}

TEST_CASE(
    "while a node is out of its lease what that covers may start, and nothing else; in the next view "
    "neither") {
    State state = running_pair();
    CHECK(apply_command(state, kOne, change(2, {SetOption{Section::properties, "stonith-enabled", "true"}}))
              .result);
    probe(state);
    state.status.nodes[NodeId{3}].lease_out = true;
    Plan plan{{}, state.configuration.version, {plan_action(1, NodeId{1}, "start")}};
    plan.actions[0].base_revision = revision(state, NodeId{1});
    State address = state;
    address.configuration.primitives[0].agent = {"ocf", "heartbeat", "IPaddr2"};
    REQUIRE(apply_plan(state, plan));
    CHECK(promote_ready(state).empty());
    State next = address;
    REQUIRE(apply_plan(address, plan));
    CHECK(promote_ready(address).size() == 1);
    install_view(next, view_of({kOne, kTwo}, 2));
    CHECK_FALSE(next.status.nodes[NodeId{3}].lease_out);
    CHECK(next.status.nodes[NodeId{3}].clearance == Clearance::uncleared);
}

TEST_CASE("whether a node obeys its lease is what it said last, and is kept when it is gone") {
    State state = running_pair();
    SyncedView view = view_of({kOne, kTwo}, 2);
    view.hellos[NodeId{2}].obeys = true;
    install_view(state, view);
    CHECK(state.status.nodes[NodeId{2}].obeys);
    CHECK_FALSE(state.status.nodes[NodeId{1}].obeys);
    install_view(state, view_of({kOne}, 3));
    CHECK(state.status.nodes[NodeId{2}].obeys);
    CHECK(decode_state(encode(state))->status.nodes.at(NodeId{2}).obeys);
}

TEST_CASE("a lost member is uncleared, one that left in order is clean, a member can not be confirmed down") {
    State state = running_pair();
    State ordered = state;
    install_view(state, view_of({kOne}, 2));
    CHECK(state.status.nodes[NodeId{2}].clearance == Clearance::uncleared);
    CHECK(state.status.nodes[NodeId{2}].why == "node 3 was lost");
    CHECK_FALSE(apply_command(state, kOne, {5, "root", {1}, ConfirmNode{"n1"}}).result);
    CHECK(apply_command(state, kOne, {6, "root", {1}, ConfirmNode{"n2"}}).result);
    CHECK(state.status.nodes[NodeId{2}].clearance == Clearance::clean);
    // It is not known yet whether the resource runs there: leaving proves nothing.
    State hasty = ordered;
    apply_leaving(hasty, kTwo);
    install_view(hasty, view_of({kOne}, 2));
    CHECK(hasty.status.nodes[NodeId{2}].clearance == Clearance::uncleared);
    probe(ordered);
    apply_leaving(ordered, kTwo);
    install_view(ordered, view_of({kOne}, 2));
    CHECK(ordered.status.nodes[NodeId{2}].clearance == Clearance::clean);
}

TEST_CASE("a node that restarted is unknown again: what it says of itself is what counts") {
    State state = running_pair();
    probe(state);
    state.status.nodes[NodeId{2}].resources["d"].activity = Activity::started;
    SyncedView view = view_of({kOne, {NodeId{2}, {21}}}, 2);
    view.hellos[NodeId{1}].records = state.status.nodes[NodeId{1}].resources;
    install_view(state, view);
    CHECK(state.status.nodes[NodeId{2}].resources.empty());
    CHECK(state.status.nodes[NodeId{1}].resources.at("d").activity == Activity::stopped);
}

TEST_CASE("cleanup forgets failures, probes what is in doubt and leaves alone what runs well") {
    State state = running_pair();
    probe(state);
    ResourceOnNode& broken = state.status.nodes[NodeId{1}].resources["d"];
    broken.activity = Activity::failed;
    broken.blocked = true;
    broken.fail_count = 4;
    ResourceOnNode& well = state.status.nodes[NodeId{2}].resources["d"];
    well.activity = Activity::started;
    well.monitored = true;
    CHECK(apply_command(state, kOne, {7, "root", {1}, Cleanup{"d", ""}}).result);
    CHECK(broken.activity == Activity::unknown);
    CHECK(broken.fail_count == 0);
    CHECK_FALSE(broken.blocked);
    CHECK(well.activity == Activity::started);
    CHECK(well.monitored);
    CHECK_FALSE(apply_command(state, kOne, {8, "root", {1}, Cleanup{"nope", ""}}).result);
}

TEST_CASE("erase refuses while something runs") {
    State state = running_pair();
    probe(state);
    state.status.nodes[NodeId{2}].resources["d"].activity = Activity::started;
    const auto outcome = apply_command(state, kOne, change(2, {Erase{}}));
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().message.find("nothing was erased: d still run") == 0);
}

TEST_CASE("a node that is away can be deleted, a member can not") {
    State state = running_pair();
    CHECK_FALSE(apply_command(state, kOne, change(2, {Delete{"n1"}})).result);
    CHECK(apply_command(state, kOne, change(3, {Delete{"n3"}})).result);
    CHECK(state.status.nodes.count(NodeId{3}) == 0);
}

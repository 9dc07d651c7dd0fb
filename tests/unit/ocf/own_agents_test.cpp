// Our own agents, run as the runner runs them.
#include "agents/ocf/metadata.hpp"
#include "agents/ocf/process.hpp"
#include "scratch.hpp"

using manager::OperationRequest;

namespace {

struct Answer {
    int code;
    std::string reason;
};

Answer run(const Scratch& scratch, const std::string& type, const std::string& action,
           const manager::Attributes& params = {}) {
    OperationRequest request;
    request.resource = "try";
    request.agent = {"ocf", "pacemaker", type};
    request.action = action;
    request.node = "n1";
    request.params = params;
    request.params.emplace("state", (scratch.path() / "state").string());
    const auto program = agents::find_agent(agents::default_directories(SOURCE_AGENTS), request.agent);
    REQUIRE(program);
    auto result = agents::run_captured(
        agents::make_invocation({"ocf", std::string(SOURCE_AGENTS) + "/pacemaker/" + type}, request),
        base::seconds(20));
    REQUIRE(result);
    return {result->exit_status, agents::exit_reason(result->err)};
}

}  // namespace

TEST_CASE("Dummy: a whole life, each step twice") {
    const Scratch scratch;
    CHECK(run(scratch, "Dummy", "monitor").code == 7);
    for (int i = 0; i < 2; ++i) {
        CHECK(run(scratch, "Dummy", "start").code == 0);
        CHECK(run(scratch, "Dummy", "monitor").code == 0);
    }
    for (int i = 0; i < 2; ++i) {
        CHECK(run(scratch, "Dummy", "stop").code == 0);
        CHECK(run(scratch, "Dummy", "monitor").code == 7);
    }
}

TEST_CASE("Dummy says what is wrong") {
    const Scratch scratch;
    CHECK(run(scratch, "Dummy", "promote").code == 3);
    CHECK(run(scratch, "Dummy", "start", {{"fail_start_on", "n2"}}).code == 0);
    const Answer asked = run(scratch, "Dummy", "start", {{"fail_start_on", "n1"}});
    CHECK(asked.code == 1);
    CHECK(asked.reason == "asked to fail on n1");
    const Answer sleep = run(scratch, "Dummy", "monitor", {{"op_sleep", "long"}});
    CHECK(sleep.code == 2);
    CHECK(sleep.reason.find("parameter op_sleep") == 0);
    CHECK(run(scratch, "Dummy", "start", {{"state", "/nowhere/at/all"}}).code == 4);
}

TEST_CASE("Stateful: roles") {
    const Scratch scratch;
    CHECK(run(scratch, "Stateful", "monitor").code == 7);
    CHECK(run(scratch, "Stateful", "promote").code == 7);
    CHECK(run(scratch, "Stateful", "start").code == 0);
    CHECK(run(scratch, "Stateful", "monitor").code == 0);
    CHECK(run(scratch, "Stateful", "promote").code == 0);
    CHECK(run(scratch, "Stateful", "monitor").code == 8);
    CHECK(run(scratch, "Stateful", "start").code == 1);
    CHECK(run(scratch, "Stateful", "demote").code == 0);
    CHECK(run(scratch, "Stateful", "monitor").code == 0);
    CHECK(run(scratch, "Stateful", "stop").code == 0);
    CHECK(run(scratch, "Stateful", "monitor").code == 7);
    scratch.write("state", "nonsense\n", false);
    CHECK(run(scratch, "Stateful", "monitor").code == 1);
}

TEST_CASE("both describe themselves with all their actions") {
    for (const char* type : {"Dummy", "Stateful"}) {
        const auto captured = agents::run_captured(
            {{std::string(SOURCE_AGENTS) + "/pacemaker/" + type, "meta-data"}, {"PATH=/usr/bin:/bin"}},
            base::seconds(20));
        REQUIRE(captured);
        const auto metadata = agents::parse_metadata(captured->out);
        REQUIRE(metadata);
        CHECK(metadata->name == type);
        for (const char* action : {"start", "stop", "monitor", "meta-data", "validate-all"}) {
            CHECK_MESSAGE(metadata->action(action) != nullptr, action);
        }
    }
}

#include <doctest/doctest.h>

#include "manager/model/idle.hpp"
#include "manager/model/options.hpp"

namespace manager {
namespace {

TEST_CASE("what has no effect here is named with its object and the reason") {
    Configuration config;
    Primitive web;
    web.id = "web";
    web.meta = {{"failure-timeout", "60s"}, {"priority", "5"}, {"colour", "blue"}};
    web.operations = {{"monitor", {}, "10s", {{"timeout", "20s"}, {"start-delay", "5s"}, {"depth", "0"}}}};
    config.primitives = {web};
    config.properties = {{"dc-deadtime", "20s"}, {"stonith-enabled", "false"}, {"fencing-timeout", "60s"}};
    config.rsc_defaults = {{"resource-stickiness", "1"}};
    config.op_defaults = {{"record-pending", "true"}};
    const std::vector<std::string> lines = idle_options(config);
    const char* const expected[] = {
        "primitive web: meta colour has no effect: this version does not know it",
        "primitive web: meta failure-timeout has no effect: this version",
        "primitive web: operation monitor: start-delay has no effect: ",
        "property dc-deadtime has no effect: nobody is elected",
        "property fencing-timeout has no effect: this version runs no fence agents",
        "op_defaults record-pending has no effect: ",
    };
    REQUIRE(lines.size() == std::size(expected));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        CAPTURE(lines[i]);
        CHECK(lines[i].rfind(expected[i], 0) == 0);
    }
}

TEST_CASE("words that an operation has in vain are named") {
    Configuration config;
    Primitive web;
    web.id = "web";
    web.operations = {{"monitor", {}, "10s", {{"role", "Stopped"}}},
                      {"monitor", {}, "20s", {{"role", "Started"}, {"enabled", "false"}}},
                      {"start", {}, "", {{"enabled", "no"}, {"role", "Stopped"}}},
                      {"stop", {}, "", {{"on-fail", "fence"}, {"enabled", "true"}}}};
    config.primitives = {web};
    config.op_defaults = {{"enabled", "false"}, {"interval", "5s"}, {"role", "Stopped"}};
    const std::vector<std::string> expected = {
        "primitive web: operation monitor is never run: role=Stopped, and this version monitors only where a "
        "resource is started",
        "primitive web: operation start: enabled=no has no effect: only a monitor can be disabled",
        "primitive web: operation start: role has no effect: only a monitor has one",
        "primitive web: operation stop: on-fail=fence blocks the resource, as without a fence: this version "
        "runs "
        "no fence agents",
        "op_defaults interval has no effect: write it with the operation that is meant",
        "op_defaults role has no effect: write it with the operation that is meant"};
    CHECK(idle_options(config) == expected);
}

TEST_CASE("each option that is said to be idle is one that can be set") {
    for (const std::string& name : idle_names()) {
        CAPTURE(name);
        const bool known = find_property(name) != nullptr || find_meta(name) != nullptr ||
                           find_operation_attribute(name) != nullptr;
        CHECK(known);
    }
}

}  // namespace
}  // namespace manager

#include <doctest/doctest.h>

#include "manager/cib/rule.hpp"

namespace manager::cib {
namespace {

Rule test(const char* attribute, const char* operation, const char* value = "", const char* type = "") {
    Rule out;
    out.kind = Rule::Kind::attribute;
    out.attribute = {
        .attribute = attribute, .operation = operation, .value = value, .type = type, .source = ""};
    return out;
}

Facts facts() {
    Facts out;
    out.attribute = [](const std::string& name) -> std::optional<std::string> {
        if (name == "#uname") return "n1";
        if (name == "pingd") return "100";
        if (name == "load") return "1.25";
        if (name == "version") return "1.10";
        if (name == "word") return "as2";
        return std::nullopt;
    };
    return out;
}

TEST_CASE("rules: attributes") {
    CHECK(holds(test("#uname", "eq", "n1"), facts()));
    CHECK(holds(test("#uname", "eq", "N1"), facts()));  // texts are compared without regard to case
    CHECK_FALSE(holds(test("#uname", "ne", "n1"), facts()));
    CHECK(holds(test("pingd", "defined"), facts()));
    CHECK(holds(test("nothing", "not_defined"), facts()));
    CHECK_FALSE(holds(test("nothing", "eq", "1"), facts()));
    CHECK(holds(test("nothing", "ne", "1"), facts()));
    CHECK_FALSE(holds(test("nothing", "lt", "1"), facts()));
}

TEST_CASE("rules: numbers are compared as numbers where that is meant") {
    CHECK(holds(test("pingd", "gt", "20"), facts()));  // as texts "100" < "20"
    CHECK(holds(test("pingd", "lt", "20", "string"), facts()));
    CHECK(holds(test("load", "gt", "1.2"), facts()));
    CHECK(holds(test("load", "eq", "1.250", "number"), facts()));
    CHECK(holds(test("load", "eq", "1", "integer"), facts()));
    CHECK(holds(test("load", "gt", "-3.5", "number"), facts()));
    CHECK(holds(test("version", "gt", "1.9", "version"), facts()));
    CHECK(holds(test("word", "gt", "as10", "integer"), facts()));  // no numbers: as texts
}

TEST_CASE("rules: versions") {
    CHECK(compare_versions("1.10", "1.9") > 0);
    CHECK(compare_versions("1.0", "1") == 0);
    CHECK(compare_versions("2.0-rc1", "2.0-rc2") < 0);
    CHECK(compare_versions("", "0.0") == 0);
    CHECK(compare_versions("99999999999999999999", "1") > 0);
}

TEST_CASE("rules: and, or, nesting") {
    Rule both;
    both.kind = Rule::Kind::every;
    both.parts = {test("pingd", "gt", "20"), test("#uname", "eq", "n2")};
    CHECK_FALSE(holds(both, facts()));
    Rule either = both;
    either.kind = Rule::Kind::any;
    CHECK(holds(either, facts()));
    Rule outer;
    outer.kind = Rule::Kind::every;
    outer.parts = {either, test("load", "defined")};
    CHECK(holds(outer, facts()));
    outer.parts.clear();
    CHECK(holds(outer, facts()));
}

TEST_CASE("rules: kinds of resources and operations") {
    Rule agent;
    agent.kind = Rule::Kind::resource;
    agent.resource = {.standard = "ocf", .provider = "", .type = "IPaddr2"};
    Facts known = facts();
    CHECK_FALSE(holds(agent, known));
    known.standard = "ocf";
    known.provider = "heartbeat";
    known.type = "IPaddr2";
    CHECK(holds(agent, known));
    Rule operation;
    operation.kind = Rule::Kind::operation;
    operation.operation = {.name = "monitor", .interval = "10s"};
    known.operation = "monitor";
    known.interval_ms = 10'000;
    CHECK(holds(operation, known));
    known.interval_ms = 0;
    CHECK_FALSE(holds(operation, known));
}

}  // namespace
}  // namespace manager::cib

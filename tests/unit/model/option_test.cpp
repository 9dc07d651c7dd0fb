#include <doctest/doctest.h>

#include "manager/model/configuration.hpp"
#include "manager/model/operation.hpp"

using manager::Configuration;
using manager::OperationSpec;
using manager::parse_interval;
using manager::parse_score;
using manager::Primitive;
using manager::Score;

TEST_CASE("scores add up, saturate, and minus infinity wins") {
    CHECK(Score{200} + Score{-50} == Score{150});
    CHECK(Score{999'999} + Score{5} == Score::infinity());
    CHECK(Score{-999'999} + Score{-5} == Score::minus_infinity());
    CHECK(Score::infinity() + Score{-5} == Score::infinity());
    CHECK(Score::infinity() + Score::minus_infinity() == Score::minus_infinity());
    CHECK(Score::minus_infinity() + Score::infinity() == Score::minus_infinity());
    CHECK(Score::minus_infinity() + Score{7} == Score::minus_infinity());
}

TEST_CASE("scores are read as the administrator writes them, and printed in one way") {
    CHECK(parse_score("200").value() == Score{200});
    CHECK(parse_score("-50").value() == Score{-50});
    CHECK(parse_score("+5").value() == Score{5});
    CHECK(parse_score("0").value() == Score{0});
    for (const char* text :
         {"inf", "INFINITY", "+inf", "Infinity", "INF", "1000000", "99999999999999999999"}) {
        CHECK(parse_score(text).value() == Score::infinity());
    }
    for (const char* text : {"-inf", "-INFINITY", "-1000000", "-7000000"}) {
        CHECK(parse_score(text).value() == Score::minus_infinity());
    }
    for (const char* text : {"", "-", "+", "1.5", "abc", "10x", " 10", "--5", "mandatory", "0x10"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_score(text).has_value());
    }
    CHECK(to_string(Score::infinity()) == "INFINITY");
    CHECK(to_string(Score::minus_infinity()) == "-INFINITY");
    CHECK(to_string(Score{-200}) == "-200");
}

TEST_CASE("times: a number with one unit, or ISO 8601") {
    CHECK(parse_interval("20").value() == base::seconds(20));
    CHECK(parse_interval("10s").value() == base::seconds(10));
    CHECK(parse_interval("0").value() == base::seconds(0));
    CHECK(parse_interval("1min").value() == base::seconds(60));
    CHECK(parse_interval("2m").value() == base::seconds(120));
    CHECK(parse_interval("500ms").value() == base::milliseconds(500));
    CHECK(parse_interval("7us").value() == base::microseconds(7));
    CHECK(parse_interval("2h").value() == base::seconds(7200));
    CHECK(parse_interval("3SEC").value() == base::seconds(3));
    CHECK(parse_interval("PT5M").value() == base::seconds(300));
    CHECK(parse_interval("PT1M30S").value() == base::seconds(90));
    CHECK(parse_interval("P1DT2H").value() == base::seconds(26 * 3600));
    CHECK(parse_interval("P2W").value() == base::seconds(14 * 86400));
    CHECK(parse_interval("100h").has_value());
}

TEST_CASE("times that are unclear are refused, and the message says what is expected") {
    for (const char* text : {"",          "s",
                             "-5",        "+5",
                             "1.5s",      "1m30s",
                             "10 s",      " 10",
                             "10x",       "P",
                             "PT",        "P1",
                             "PT1",       "PM",
                             "PT1S2M",    "P1M",
                             "PT1D",      "P1DT",
                             "PT1H1H",    "PTT1S",
                             "1d",        "99999999999999999999",
                             "999999999h"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_interval(text).has_value());
    }
    CHECK(parse_interval("1m30s").error().message ==
          "\"1m30s\" is not a time: expected a whole number with one unit (20, 10s, 500ms, 1min, 2h) or an "
          "ISO 8601 duration "
          "(PT1M30S), at most 100 years");
}

TEST_CASE("true and false have many spellings; neither is a third thing") {
    for (const char* text : {"on", "true", "YES", "1", "y", "True"})
        CHECK((manager::is_true(text) && !manager::is_false(text)));
    for (const char* text : {"off", "False", "no", "0", "N"})
        CHECK((manager::is_false(text) && !manager::is_true(text)));
    for (const char* text : {"", "maybe", "2"}) CHECK((!manager::is_true(text) && !manager::is_false(text)));
}

TEST_CASE("properties have Pacemaker's defaults, and both spellings find the value") {
    Configuration config;
    CHECK(property_value(config, "stonith-enabled") == "true");
    CHECK(property_value(config, "fencing-enabled") == "true");
    CHECK(property_value(config, "no-quorum-policy") == "stop");
    CHECK(property_value(config, "cluster-recheck-interval") == "15min");
    CHECK(property_value(config, "node-health-red") == "-INFINITY");
    CHECK(property_value(config, "no-such-thing").empty());
    config.properties["fencing-enabled"] = "false";
    CHECK(property_value(config, "stonith-enabled") == "false");
    CHECK(property_value(config, "fencing-enabled") == "false");
    config.properties["no-such-thing"] = "7";
    CHECK(property_value(config, "no-such-thing") == "7");
}

TEST_CASE("a meta attribute is the resource's own, else the common one, else the default") {
    Configuration config;
    Primitive web;
    CHECK(meta_value(config, web, "resource-stickiness") == "0");
    CHECK(meta_value(config, web, "migration-threshold") == "INFINITY");
    CHECK(meta_value(config, web, "resource-stickiness", "7") == "7");
    config.rsc_defaults["resource-stickiness"] = "100";
    CHECK(meta_value(config, web, "resource-stickiness") == "100");
    web.meta["resource-stickiness"] = "5";
    CHECK(meta_value(config, web, "resource-stickiness", "7") == "5");
}

namespace {
OperationSpec op(const char* name, const char* interval, manager::Attributes attributes = {}) {
    return {name, parse_interval(interval).value(), interval, std::move(attributes)};
}
}  // namespace

TEST_CASE("the timeout of an operation is its own, else the common one, else 20 s") {
    Configuration config;
    Primitive web;
    web.operations = {op("monitor", "10s", {{"timeout", "30"}}), op("monitor", "1min", {{"timeout", "45s"}}),
                      op("start", "0", {{"timeout", "2min"}}), op("stop", "0")};
    CHECK(operation_timeout(config, web, "start", {}) == base::seconds(120));
    CHECK(operation_timeout(config, web, "stop", {}) == base::seconds(20));
    CHECK(operation_timeout(config, web, "monitor", base::seconds(60)) == base::seconds(45));
    SUBCASE("a probe takes that of the most frequent monitor") {
        CHECK(operation_timeout(config, web, "monitor", {}) == base::seconds(30));
        web.operations.push_back(op("monitor", "0", {{"timeout", "5s"}}));
        CHECK(operation_timeout(config, web, "monitor", {}) == base::seconds(5));
    }
    SUBCASE("op_defaults stand in for what is not written") {
        config.op_defaults["timeout"] = "1min";
        CHECK(operation_timeout(config, web, "stop", {}) == base::seconds(60));
        CHECK(operation_timeout(config, web, "start", {}) == base::seconds(120));
    }
}

TEST_CASE("only enabled monitors for running instances repeat") {
    Configuration config;
    Primitive web;
    web.operations = {op("monitor", "1min"),
                      op("monitor", "10s"),
                      op("monitor", "0"),
                      op("start", "0"),
                      op("monitor", "20s", {{"enabled", "false"}}),
                      op("monitor", "30s", {{"role", "Stopped"}})};
    const auto monitors = recurring_monitors(config, web);
    REQUIRE(monitors.size() == 2);
    CHECK(monitors[0]->interval == base::seconds(10));
    CHECK(monitors[1]->interval == base::seconds(60));
}

TEST_CASE(
    "a changed parameter changes the digest of params, a changed monitor that of monitors, and neither the "
    "other") {
    Configuration config;
    Primitive web{"web", {"ocf", "heartbeat", "apache"}, {{"port", "80"}}, {}, {op("monitor", "10s")}, ""};
    const std::string params = params_digest(web);
    const std::string monitors = monitors_digest(config, web);
    CHECK(params.size() == 16);
    SUBCASE("params") {
        web.params["port"] = "81";
        CHECK(params_digest(web) != params);
        CHECK(monitors_digest(config, web) == monitors);
    }
    SUBCASE("the agent counts as a parameter") {
        web.agent.type = "nginx";
        CHECK(params_digest(web) != params);
    }
    SUBCASE("interval and timeout") {
        web.operations[0] = op("monitor", "20s");
        CHECK(monitors_digest(config, web) != monitors);
        CHECK(params_digest(web) == params);
        web.operations[0] = op("monitor", "10s", {{"timeout", "90s"}});
        CHECK(monitors_digest(config, web) != monitors);
    }
    SUBCASE("the same time in other words, the default in words, and meta attributes change nothing") {
        web.operations[0] = op("monitor", "PT10S", {{"timeout", "20000ms"}});
        web.meta["priority"] = "5";
        web.description = "the web server";
        CHECK(monitors_digest(config, web) == monitors);
        CHECK(params_digest(web) == params);
    }
    SUBCASE("neighbouring fields do not run into each other") {
        Primitive other = web;
        web.params = {{"a", "bc"}};
        other.params = {{"ab", "c"}};
        CHECK(params_digest(web) != params_digest(other));
    }
    SUBCASE("without monitors there is no digest") {
        web.operations.clear();
        CHECK(monitors_digest(config, web).empty());
    }
}

TEST_CASE("return codes have words") {
    CHECK(manager::ocf_code_text(0) == "ok");
    CHECK(manager::ocf_code_text(7) == "not running");
    CHECK(manager::ocf_code_text(manager::kOcfTimeout) == "timed out");
    CHECK(manager::ocf_code_text(42) == "exit code 42");
}

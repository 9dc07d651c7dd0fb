// What `configure save` prints gives the same configuration when it is read back, whatever the configuration
// holds.
#include <doctest/doctest.h>

#include <algorithm>

#include "fake_cluster.hpp"
#include "tools/crm/statement.hpp"
#include "totem/base/rng.hpp"

namespace {

using manager::Attributes;
using manager::Configuration;

std::string pick(base::Rng& rng, const std::vector<std::string>& words) {
    return words[rng.below(words.size())];
}

std::string value(base::Rng& rng) {
    return pick(rng, {"1", "a b", "it's", "say \"hi\"", "\\", "/etc/x.conf", "a=b", "#x", "$id=1", "", "10s",
                      "params", "ümlaut"});
}

Attributes attributes(base::Rng& rng, const std::vector<std::string>& names) {
    Attributes out;
    for (const std::string& name : names) {
        if (rng.chance(400)) out[name] = value(rng);
    }
    return out;
}

manager::OperationSpec operation(base::Rng& rng, const std::string& name, const std::string& interval) {
    manager::OperationSpec out;
    out.name = name;
    out.interval_text = interval;
    if (!interval.empty()) out.interval = *manager::parse_interval(interval);
    if (rng.chance(500)) out.attributes["timeout"] = "30s";
    if (rng.chance(300)) out.attributes["on-fail"] = "block";
    if (rng.chance(300)) out.attributes["OCF_CHECK_LEVEL"] = "10";
    if (rng.chance(200)) out.attributes["free_text"] = value(rng);
    return out;
}

manager::Primitive primitive(base::Rng& rng, const std::string& id) {
    manager::Primitive out;
    out.id = id;
    out.agent = rng.chance(500) ? manager::AgentName{"ocf", "heartbeat", "Dummy"}
                                : manager::AgentName{"systemd", "", "nginx"};
    out.params = attributes(rng, {"state", "passwd", "x-y", "op_sleep"});
    if (rng.chance(300)) out.meta["resource-stickiness"] = "100";
    if (rng.chance(300)) out.meta["target-role"] = "Stopped";
    if (rng.chance(300)) out.meta["my-own"] = value(rng);
    if (rng.chance(300)) out.description = value(rng);
    if (rng.chance(600)) out.operations.push_back(operation(rng, "monitor", "10s"));
    if (rng.chance(300)) out.operations.push_back(operation(rng, "monitor", "1min"));
    if (rng.chance(300)) out.operations.push_back(operation(rng, "start", ""));
    if (rng.chance(300)) out.operations.push_back(operation(rng, "stop", ""));
    return out;
}

manager::Score score(base::Rng& rng) {
    const manager::Score scores[] = {
        manager::Score::infinity(), manager::Score::minus_infinity(), {0}, {200}, {-7}, {999999}};
    return scores[rng.below(6)];
}

Configuration configuration(base::Rng& rng) {
    Configuration config;
    const std::vector<std::string> ids = {"zeta", "alpha", "mid_1", "m.x-2"};
    for (const std::string& id : ids) config.primitives.push_back(primitive(rng, id));
    for (const char* node : {"n1", "n2"}) {
        if (!rng.chance(600)) continue;
        manager::NodeObject object{
            node, rng.chance(500) ? static_cast<std::uint32_t>(1 + rng.below(9)) : 0, {}};
        if (rng.chance(500)) object.attributes["standby"] = "on";
        if (rng.chance(300)) object.attributes["rack"] = "r 1";
        config.nodes.push_back(object);
    }
    if (rng.chance(500)) config.locations.push_back({"l1", pick(rng, ids), "n1", score(rng)});
    if (rng.chance(500)) config.colocations.push_back({"c1", "zeta", "alpha", score(rng)});
    const auto kind = static_cast<manager::OrderKind>(rng.below(3));
    if (rng.chance(500)) config.orders.push_back({"o1", "mid_1", "alpha", kind, rng.chance(500)});
    if (rng.chance(500)) config.properties["stonith-enabled"] = "false";
    if (rng.chance(300)) config.properties["my-own"] = "a b";
    if (rng.chance(300)) config.rsc_defaults["resource-stickiness"] = "50";
    if (rng.chance(300)) config.op_defaults["timeout"] = "40s";
    return config;
}

base::Result<Configuration> read_back(const std::string& text) {
    test::FakeAgents agents;
    const Configuration empty;
    TRY(const auto edits,
        tools::parse_script(
            text, "saved",
            {empty, [&agents](const std::string& name) { return tools::resolve_agent(agents, name); }, true},
            [](const auto&) { return base::ok(); }));
    return manager::apply_edits(empty, edits);
}

}  // namespace

TEST_CASE("what save prints is read back as the same configuration") {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        base::Rng rng(seed);
        const Configuration config = configuration(rng);
        const std::string text = tools::show_configuration(config, {true});
        const auto back = read_back(text);
        REQUIRE_MESSAGE(back, "seed " << seed << ": " << (back ? "" : back.error().message) << "\n" << text);
        REQUIRE_MESSAGE(*back == config, "seed " << seed << ":\n"
                                                 << text << "--- became\n"
                                                 << tools::show_configuration(*back, {true}));
    }
}

TEST_CASE("what show prints for people is read back as well, where nothing is masked") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        base::Rng rng(seed);
        Configuration config = configuration(rng);
        for (auto& each : config.primitives) each.params.erase("passwd");
        const std::string text = tools::show_configuration(config, {});
        const auto back = read_back(text);
        REQUIRE_MESSAGE(back, "seed " << seed << "\n" << text);
        REQUIRE_MESSAGE(*back == config, "seed " << seed << "\n" << text);
    }
}

#include "manager/model/edit.hpp"

#include <doctest/doctest.h>

namespace m = manager;
using m::apply_edits;
using m::Configuration;
using m::Edit;

namespace {

m::Primitive dummy(const std::string& id) {
    m::Primitive p;
    p.id = id;
    p.agent = {"ocf", "heartbeat", "Dummy"};
    return p;
}

Configuration with(const std::vector<Edit>& edits, const Configuration& base = {}) {
    return apply_edits(base, edits).value();
}

std::string refusal(const std::vector<Edit>& edits, const Configuration& base = {}) {
    const auto result = apply_edits(base, edits);
    return result ? "accepted" : result.error().message;
}

Configuration pair() {
    return with({m::PutPrimitive{dummy("web")}, m::PutPrimitive{dummy("ip")}});
}

}  // namespace

TEST_CASE("objects are put, replaced only when asked, and keep their place") {
    Configuration config = pair();
    CHECK(config.primitives.size() == 2);
    CHECK(config.kind_of("web") == "primitive");
    CHECK(refusal({m::PutPrimitive{dummy("web")}}, config) ==
          "primitive web: exists already; take another id, or change that one");
    m::Primitive changed = dummy("web");
    changed.params["port"] = "81";
    config = with({m::PutPrimitive{changed, true}}, config);
    CHECK(config.primitives[0].params.at("port") == "81");
    CHECK(config.primitives[1].id == "ip");
}

TEST_CASE("ids are checked and belong to one object of any kind") {
    for (const char* id : {"", "1bad", "bad id", "-x", ".x", "a/b", "grün", "a\"b"}) {
        CAPTURE(id);
        CHECK(refusal({m::PutPrimitive{dummy(id)}}).find("is not valid: expected a letter or _") !=
              std::string::npos);
    }
    CHECK(refusal({m::PutPrimitive{dummy(std::string(129, 'a'))}}).find("is not valid") != std::string::npos);
    for (const char* id : {"a", "_x", "failover-ip", "A.b_c-9"})
        CHECK(refusal({m::PutPrimitive{dummy(id)}}) == "accepted");

    CHECK(refusal({m::PutColocation{{"web", "web", "ip", m::Score::infinity()}}}, pair()) ==
          "colocation web: the id is taken by a primitive; take another id");
    CHECK(refusal({m::PutNode{{"web", 1, {}}}}, pair()) ==
          "node web: the id is taken by a primitive; take another id");
    CHECK(apply_edits({}, {m::PutPrimitive{dummy("n1")}}, {"n1", "n2"}).error().message ==
          "primitive n1: the id is taken by a node; take another id");
}

TEST_CASE("constraints name resources that exist at the end of the change") {
    const m::Order order{"o", "ip", "web"};
    CHECK(refusal({m::PutOrder{order}}) == "order o: resource \"ip\" does not exist");
    CHECK(refusal({m::PutOrder{order}, m::PutPrimitive{dummy("web")}, m::PutPrimitive{dummy("ip")}}) ==
          "accepted");
    CHECK(refusal({m::PutOrder{{"o", "web", "web"}}}, pair()) ==
          "order o: names web twice; it needs two resources");
    CHECK(refusal({m::PutColocation{{"c", "web", "web", {5}}}}, pair()) ==
          "colocation c: names web twice; it needs two resources");
    CHECK(refusal({m::PutLocation{{"l", "nothing", "n1", {5}}}}, pair()) ==
          "location l: resource \"nothing\" does not exist");
    CHECK(refusal({m::PutLocation{{"l", "web", "n1", {5}}}, m::PutLocation{{"k", "l", "n1", {5}}}}, pair()) ==
          "location k: resource \"l\" is a location, not a resource");
}

TEST_CASE("node names are checked where the nodes are known") {
    const std::vector<Edit> edits{m::PutLocation{{"l", "web", "n4", {5}}}};
    CHECK(apply_edits(pair(), edits, {"n1", "n2"}).error().message ==
          "location l: \"n4\" is not a cluster node: expected one of n1, n2");
    CHECK(apply_edits(pair(), edits).has_value());
    CHECK(apply_edits(pair(), {m::SetNodeAttribute{"x", "standby", "on"}}, {"n1"}).error().message ==
          "node attribute standby: \"x\" is not a cluster node: expected one of n1");
}

TEST_CASE("an operation may stand once with each interval; only monitor repeats; times are times") {
    m::Primitive web = dummy("web");
    const auto put = [&](std::vector<m::OperationSpec> operations) {
        web.operations = std::move(operations);
        return refusal({m::PutPrimitive{web}});
    };
    const auto ten = base::seconds(10);
    CHECK(put({{"monitor", ten, "10s", {}}, {"monitor", base::seconds(20), "20s", {}}}) == "accepted");
    CHECK(put({{"monitor", ten, "10s", {}}, {"monitor", ten, "10000ms", {}}}) ==
          "primitive web: op monitor: twice with interval 10000ms; each operation needs an interval of its "
          "own");
    CHECK(put({{"start", ten, "10s", {}}}) ==
          "primitive web: op start: interval must be 0 or left out: only monitor repeats");
    CHECK(put({{"monitor", ten, "1min", {}}}) ==
          "primitive web: op monitor: interval \"1min\" does not say its length");
    CHECK(put({{"monitor", ten, "10s", {{"timeout", "0"}}}}) ==
          "primitive web: op monitor: timeout: \"0\" is not valid: expected a time of more than 0");
    CHECK(put({{"monitor", ten, "10s", {{"timeout", "-5"}}}}).find("is not a time") != std::string::npos);
    CHECK(put({{"monitor", ten, "10s", {{"on-fail", "fence"}}}}).find("is not there yet") !=
          std::string::npos);
    CHECK(put({{"stop", {}, "0", {{"on-fail", "fence"}}}}) == "accepted");
    CHECK(put({{"monitor", ten, "10s", {{"OCF_CHECK_LEVEL", "10"}}}}) == "accepted");
}

TEST_CASE("agents are named completely, and never leave their folder") {
    m::Primitive web = dummy("web");
    const auto put = [&](m::AgentName agent) {
        web.agent = std::move(agent);
        return refusal({m::PutPrimitive{web}});
    };
    CHECK(put({"systemd", "", "nginx"}) == "accepted");
    CHECK(put({"systemd", "", "getty@tty1"}) == "accepted");
    CHECK(put({"ocf", "", "Dummy"}) == "primitive web: agent provider is missing");
    CHECK(put({"ocf", "heartbeat", ""}) == "primitive web: agent type is missing");
    CHECK(put({"ocf", "../..", "sh"}).find("agent provider \"../..\" is not valid") != std::string::npos);
    CHECK(put({"lsb", "", "a/b"}).find("agent type \"a/b\" is not valid") != std::string::npos);
    CHECK(put({"nagios", "", "x"}) ==
          "primitive web: agent class \"nagios\" is not known: expected ocf, systemd, lsb or service");
    CHECK(put({"stonith", "", "fence_xvm"}).find("class stonith is not there yet") != std::string::npos);
    CHECK(put({"lsb", "heartbeat", "x"}).find("class lsb has none") != std::string::npos);
}

TEST_CASE("known options take known values; unknown options are stored") {
    const auto set = [](const char* name, const char* value) {
        return refusal({m::SetOption{m::Section::properties, name, value}});
    };
    CHECK(set("stonith-enabled", "false") == "accepted");
    CHECK(set("stonith-enabled", "maybe") ==
          "property stonith-enabled: \"maybe\" is not valid: expected true or false");
    CHECK(set("no-quorum-policy", "ignore") == "accepted");
    CHECK(set("no-quorum-policy", "panic") ==
          "property no-quorum-policy: \"panic\" is not valid: expected one of stop, ignore");
    for (const char* later : {"freeze", "demote", "suicide", "fence"}) {
        CAPTURE(later);
        CHECK(set("no-quorum-policy", later) == "property no-quorum-policy: \"" + std::string(later) +
                                                    "\" is not there yet, and storing it would promise what "
                                                    "is not done: this version knows stop, ignore");
    }
    CHECK(set("cluster-recheck-interval", "soon").find("is not a time") != std::string::npos);
    CHECK(set("my-own", "whatever it is") == "accepted");
    CHECK(set("bad name", "x").find("name \"bad name\" is not valid") != std::string::npos);
    CHECK(refusal({m::SetOption{m::Section::rsc_defaults, "resource-stickiness", "many"}})
              .find("is not a score") != std::string::npos);
    CHECK(refusal({m::SetOption{m::Section::op_defaults, "timeout", "0s"}}) ==
          "op_defaults timeout: \"0s\" is not valid: expected a time of more than 0");
    CHECK(refusal({m::SetMeta{"web", "target-role", "stopped"}}, pair()) == "accepted");
    CHECK(refusal({m::SetMeta{"web", "target-role", "Running"}}, pair()) ==
          "primitive web: meta target-role: \"Running\" is not valid: expected one of Started, Stopped");
    CHECK(refusal({m::SetMeta{"nix", "target-role", "Started"}}, pair()) ==
          "resource \"nix\" does not exist");
    CHECK(refusal({m::SetNodeAttribute{"n1", "standby", "perhaps"}}).find("expected true or false") !=
          std::string::npos);
}

TEST_CASE("an empty value deletes an entry; the two spellings of an option are one") {
    Configuration config = with({m::SetOption{m::Section::properties, "stonith-enabled", "false"}});
    config = with({m::SetOption{m::Section::properties, "fencing-enabled", "true"}}, config);
    CHECK(config.properties == m::Attributes{{"fencing-enabled", "true"}});
    config = with({m::SetOption{m::Section::properties, "fencing-enabled", ""}}, config);
    CHECK(config.properties.empty());
    config = with({m::SetMeta{"web", "target-role", "Stopped"}}, pair());
    config = with({m::SetMeta{"web", "target-role", ""}}, config);
    CHECK(config.primitives[0].meta.empty());
}

TEST_CASE("a node attribute creates the node's entry; erase keeps nodes") {
    Configuration config = with({m::SetNodeAttribute{"n1", "standby", "on"}}, pair());
    REQUIRE(config.node("n1") != nullptr);
    CHECK(config.node("n1")->attributes.at("standby") == "on");
    config.version = 7;
    config = with({m::Erase{}}, config);
    CHECK(config.primitives.empty());
    CHECK(config.nodes.size() == 1);
    CHECK(config.version == 7);
    config = with({m::Delete{"n1"}}, config);
    CHECK(config.nodes.empty());
}

TEST_CASE("constraints go with the resource that they mention; deleting nothing is an error") {
    const Configuration config =
        with({m::PutColocation{{"c", "web", "ip", m::Score::infinity()}}, m::PutOrder{{"o", "ip", "web"}},
              m::PutLocation{{"l", "web", "n1", {5}}}, m::PutLocation{{"k", "ip", "n1", {5}}}},
             pair());
    const Configuration left = with({m::Delete{"web"}}, config);
    CHECK(left.primitives.size() == 1);
    CHECK(left.colocations.empty());
    CHECK(left.orders.empty());
    CHECK(left.locations.size() == 1);
    CHECK(refusal({m::Delete{"nix"}}, config) == "delete: \"nix\" does not exist");
    CHECK(refusal({m::Delete{"web"}, m::Delete{"c"}}, config) == "accepted");
    CHECK(refusal({m::Delete{"web"}, m::Delete{"web"}}, config) == "delete: \"web\" does not exist");
    CHECK(refusal({m::Delete{"c"}, m::Delete{"c"}}, config) == "delete: \"c\" does not exist");
}

TEST_CASE("what can never be is refused") {
    const auto inf = m::Score::infinity();
    const auto never = m::Score::minus_infinity();
    Configuration config = with({m::PutPrimitive{dummy("db")}}, pair());
    CHECK(refusal({m::PutColocation{{"c", "web", "ip", inf}}, m::PutColocation{{"d", "ip", "web", never}}},
                  config) ==
          "colocation d: keeps ip and web apart, but c demands them on one node: both can never run; remove "
          "one of them");
    CHECK(refusal({m::PutColocation{{"c", "web", "ip", inf}}, m::PutColocation{{"d", "ip", "db", inf}},
                   m::PutColocation{{"e", "web", "db", never}}},
                  config)
              .find("but c, d demands them on one node") != std::string::npos);
    CHECK(refusal({m::PutColocation{{"c", "web", "ip", inf}}, m::PutColocation{{"d", "ip", "web", {-5}}}},
                  config) == "accepted");
    CHECK(refusal({m::PutColocation{{"c", "web", "ip", inf}}, m::PutColocation{{"d", "ip", "web", inf}}},
                  config) == "accepted");

    CHECK(refusal({m::PutOrder{{"a", "web", "ip"}}, m::PutOrder{{"b", "ip", "db"}},
                   m::PutOrder{{"c", "db", "web"}}},
                  config) ==
          "order a: web before ip, but b, c demands the reverse: none could ever start; remove one of them");
    CHECK(refusal({m::PutOrder{{"a", "web", "ip"}}, m::PutOrder{{"b", "ip", "web", m::OrderKind::optional}}},
                  config) == "accepted");
}

TEST_CASE("a change is applied whole or not at all") {
    const Configuration config = pair();
    const auto result = apply_edits(config, {m::Delete{"ip"}, m::PutPrimitive{dummy("web")}});
    CHECK_FALSE(result.has_value());
    CHECK(config == pair());
}

TEST_CASE("values that no agent could be handed are refused") {
    m::Primitive web = dummy("web");
    web.params["text"] = std::string("two\nlines and \"quotes\"");
    CHECK(refusal({m::PutPrimitive{web}}) == "accepted");
    web.params["text"] = std::string("a\0b", 3);
    CHECK(refusal({m::PutPrimitive{web}}).find("NUL byte") != std::string::npos);
    web.params["text"] = std::string(40'000, 'x');
    CHECK(refusal({m::PutPrimitive{web}}).find("longer than 32 KiB") != std::string::npos);
    web.params = {{"a=b", "x"}};
    CHECK(refusal({m::PutPrimitive{web}}).find("name \"a=b\" is not valid") != std::string::npos);
}

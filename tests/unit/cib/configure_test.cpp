#include <doctest/doctest.h>

#include <algorithm>

#include "manager/cib/configure.hpp"
#include "manager/cib/import.hpp"

namespace manager::cib {
namespace {

Document document_of(const std::string& configuration) {
    auto out = import_cib("<cib><configuration>" + configuration + "</configuration></cib>");
    const std::string problem = out ? "" : out.error().message;
    REQUIRE(problem == "");
    return *std::move(out);
}

Configuration loaded(const std::string& configuration) {
    const auto edits = edits_of(document_of(configuration));
    const std::string problem = edits ? "" : edits.error().message;
    REQUIRE(problem == "");
    const auto config = apply_edits({}, *edits, {"n1", "n2"});
    const std::string wrong = config ? "" : config.error().message;
    REQUIRE(wrong == "");
    return *config;
}

TEST_CASE("a plain CIB becomes the same configuration as its crm statements") {
    const Configuration config = loaded(R"(
      <crm_config><cluster_property_set id="cib-bootstrap-options">
        <nvpair id="a" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
      <nodes><node id="1" uname="n1"><instance_attributes id="n1a">
        <nvpair id="b" name="standby" value="on"/></instance_attributes></node><node id="2" uname="n2"/></nodes>
      <resources>
        <template id="t" class="ocf" provider="heartbeat" type="IPaddr2"><meta_attributes id="tm">
          <nvpair id="c" name="priority" value="5"/></meta_attributes></template>
        <primitive id="ip" template="t"><instance_attributes id="i"><nvpair id="d" name="ip" value="192.0.2.1"/>
          </instance_attributes><operations><op id="o" name="monitor" interval="10s" timeout="20s">
          <instance_attributes id="oi"><nvpair id="e" name="OCF_CHECK_LEVEL" value="10"/></instance_attributes>
          </op></operations></primitive>
        <primitive id="web" class="systemd" type="nginx"/></resources>
      <constraints>
        <rsc_location id="l1" rsc="ip" node="n1" score="100"/>
        <rsc_location id="l2" rsc="web"><rule id="r" score="-INFINITY"><expression id="x" attribute="#uname"
          operation="eq" value="n2"/></rule></rsc_location>
        <rsc_colocation id="c1" rsc="web" with-rsc="ip" score="INFINITY"/>
        <rsc_order id="o1" first="ip" then="web" kind="Optional"/>
        <rsc_order id="o2" first="ip" then="web" first-action="start" kind="Serialize"/></constraints>
      <rsc_defaults><meta_attributes id="rd"><nvpair id="f" name="resource-stickiness" value="1"/>
        </meta_attributes></rsc_defaults>)");
    CHECK(config.properties == Attributes{{"stonith-enabled", "false"}});
    CHECK(config.rsc_defaults == Attributes{{"resource-stickiness", "1"}});
    REQUIRE(config.primitives.size() == 2);
    const Primitive& ip = config.primitives[0];
    CHECK(to_string(ip.agent) == "ocf:heartbeat:IPaddr2");
    CHECK(ip.params == Attributes{{"ip", "192.0.2.1"}});
    CHECK(ip.meta == Attributes{{"priority", "5"}});
    REQUIRE(ip.operations.size() == 1);
    CHECK(ip.operations[0].interval == base::seconds(10));
    CHECK(ip.operations[0].attributes == Attributes{{"timeout", "20s"}, {"OCF_CHECK_LEVEL", "10"}});
    CHECK(config.locations ==
          std::vector<Location>{{"l1", "ip", "n1", {100}}, {"l2", "web", "n2", Score::minus_infinity()}});
    CHECK(config.colocations == std::vector<Colocation>{{"c1", "web", "ip", Score::infinity()}});
    CHECK(config.orders == std::vector<Order>{{"o1", "ip", "web", OrderKind::optional, true},
                                              {"o2", "ip", "web", OrderKind::serialize, false}});
    REQUIRE(config.nodes.size() == 1);
    CHECK(config.nodes[0].attributes == Attributes{{"standby", "on"}});
}

TEST_CASE("all that has no place is named, each in a line") {
    const auto edits = edits_of(document_of(R"(
      <nodes><node id="1" uname="n1"><utilization id="u"><nvpair id="a" name="cpu" value="2"/></utilization></node></nodes>
      <resources><group id="g"><primitive id="m" class="lsb" type="x"/></group>
        <master id="ms"><primitive id="db" class="ocf" provider="x" type="y"/></master>
        <bundle id="b"/>
        <primitive id="p" class="lsb" type="x"><meta_attributes id="pm"><rule id="r"><expression id="e"
          attribute="#uname" operation="eq" value="n1"/></rule></meta_attributes></primitive></resources>
      <constraints>
        <rsc_location id="l1" rsc-pattern="p.*" node="n1" score="1"/>
        <rsc_location id="l2" rsc="p"><rule id="lr" score="1"><expression id="le" attribute="disk" operation="defined"/></rule></rsc_location>
        <rsc_colocation id="c1" score="1"><resource_set id="s"><resource_ref id="p"/></resource_set></rsc_colocation>
        <rsc_colocation id="c2" rsc="p" with-rsc="db" with-rsc-role="Master" score="1"/>
        <rsc_order id="o1" first="db" first-action="promote" then="p"/>
        <rsc_ticket id="t1" rsc="p" ticket="T"/></constraints>
      <fencing-topology><fencing-level id="f" target="n1" index="1" devices="d"/></fencing-topology>
      <tags><tag id="tag1"><obj_ref id="p"/></tag></tags>
      <acls><acl_role id="r1"/></acls><alerts/>)"));
    REQUIRE_FALSE(static_cast<bool>(edits));
    const std::string& message = edits.error().message;
    CAPTURE(message);
    for (const char* part :
         {"node n1: utilization", "resource g: a group", "resource ms: a promotable clone",
          "<bundle id=\"b\"> in <resources>", "primitive p: the rule of its set pm", "location l1: a pattern",
          "location l2: a rule", "colocation c1: a set", "colocation c2: role Master",
          "order o1: action promote",
          "ticket constraint t1:", "fencing level of n1:", "tag tag1:", "<acls> in <configuration>"})
        CHECK_MESSAGE(message.find(part) != std::string::npos, part);
    CHECK(message.find("alerts") == std::string::npos);  // nothing in it
    CHECK(std::count(message.begin(), message.end(), '\n') == 13);
}

TEST_CASE("nothing of a document is lost in silence") {
    const auto refused = [](const std::string& configuration, const char* part) {
        const auto edits = edits_of(document_of(configuration));
        CAPTURE(configuration);
        REQUIRE_FALSE(static_cast<bool>(edits));
        CAPTURE(edits.error().message);
        CHECK(edits.error().message.find(part) != std::string::npos);
    };
    const auto constraint = [&](const std::string& text, const char* part) {
        refused("<constraints>" + text + "</constraints>", part);
    };
    constraint(R"(<rsc_location id="l" rsc="p" node="n1" score="1"><lifetime id="t"/></rsc_location>)",
               "<lifetime id=\"t\"> in");
    constraint(R"(<rsc_location id="l" rsc="p" node="n1" score-attribute="a"/>)",
               "its attribute score-attribute");
    constraint(R"(<rsc_location id="l" rsc="p" node="n1" score="7"><rule id="r" score="1"><expression id="e"
        attribute="#uname" operation="eq" value="n1"/></rule></rsc_location>)",
               "a node beside a rule");
    constraint(
        R"(<rsc_location id="l" rsc="p"><rule id="r" score="1"><moon_expression id="e"/></rule></rsc_location>)",
        "<moon_expression");
    constraint(R"(<rsc_colocation id="c" rsc="p" with-rsc="q" score="1" rsc-instance="2"/>)",
               "its attribute rsc-instance");
    constraint(R"(<rsc_colocation id="c" rsc="p" with-rsc="q" score="1" influence="maybe"/>)",
               "influence=\"maybe\"");
    constraint(R"(<rsc_order id="o" first="p" then="q" symmetrical="maybe"/>)", "symmetrical=\"maybe\"");
    constraint(R"(<rsc_order id="o" first="p" then="q" kind="Madatory"/>)", "kind=\"Madatory\"");
    constraint(R"(<rsc_order id="o" first="p" then="q" score="-5"/>)", "score=\"-5\"");
    constraint(R"(<rsc_order id="o" first="p" then="q" require-all="false"/>)", "require-all=false");
    constraint("stray text", "its text");
    refused("<resources/><resources><primitive id=\"p\"/></resources>", "a second <resources>");
    refused(R"(<nodes><node id="1" uname="n1" type="remote"/></nodes>)", "type=\"remote\"");
    refused(
        R"(<op_defaults><instance_attributes id="i"><nvpair id="n" name="a" value="b"/></instance_attributes></op_defaults>)",
        "<instance_attributes id=\"i\"> in <op_defaults>");
    refused(R"(<resources><primitive id="p"><instance_attribute id="i"/></primitive></resources>)",
            "<instance_attribute id");
    refused(
        "<resources><primitive id=\"p\"><instance_attributes id=\"i\"><nvpair id=\"n\" name=\"a\" "
        "value=\"x&#10;y\"/>"
        "</instance_attributes></primitive></resources>",
        "a value that holds a line end");
    refused(R"(<crm_config><cluster_property_set id="s"><nvpair id="a" name="stonith-enabled" value="true"/>
        <nvpair id="b" name="fencing-enabled" value="false"/></cluster_property_set></crm_config>)",
            "two spellings");
}

TEST_CASE("operations of one primitive are all kept, for the check of the configuration to see") {
    const auto edits = edits_of(
        document_of(R"(<resources><primitive id="p" class="lsb" type="x" description="words"><operations>
        <op id="a" name="monitor" interval="10"/><op id="b" name="monitor" interval="10" role="Stopped"/></operations>
        </primitive></resources>)"));
    REQUIRE(static_cast<bool>(edits));
    const auto* put = std::get_if<PutPrimitive>(&edits->front());
    REQUIRE(put != nullptr);
    CHECK(put->value.operations.size() == 2);
    CHECK(put->value.description == "words");
}

}  // namespace
}  // namespace manager::cib

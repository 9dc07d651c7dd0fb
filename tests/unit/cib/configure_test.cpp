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
          "<resources>: what it contains: <bundle id=\"b\">:", "primitive p: the rule of its set pm",
          "location l1: a pattern", "location l2: a rule", "colocation c1: a set",
          "colocation c2: role Master", "order o1: action promote",
          "ticket constraint t1:", "fencing level of n1:", "tag tag1:", "<acls>:"})
        CHECK_MESSAGE(message.find(part) != std::string::npos, part);
    CHECK(message.find("alerts") == std::string::npos);  // nothing in it
    CHECK(std::count(message.begin(), message.end(), '\n') == 13);
}

// What edits_of() says to a configuration that it does not take.
std::string refusal(const std::string& configuration) {
    const auto edits = edits_of(document_of(configuration));
    return edits ? "" : edits.error().message;
}

std::string with_two(const std::string& constraints) {
    return R"(<resources><primitive id="a" class="lsb" type="x"/><primitive id="b" class="lsb" type="x"/></resources>
      <constraints>)" +
           constraints + "</constraints>";
}

std::string with_content(const std::string& content) {
    return R"(<resources><primitive id="p" class="lsb" type="x">)" + content + "</primitive></resources>";
}

void check_refused(const std::string& configuration, const std::string& part) {
    const std::string message = refusal(configuration);
    CAPTURE(message);
    CHECK_MESSAGE(message.find(part) != std::string::npos, part);
}

TEST_CASE("what the importer does not understand of a constraint is refused, not lost") {
    CHECK(refusal(with_two(R"(<rsc_order id="o" first="a" then="b" kind="OPTIONAL" symmetrical="No"/>)")) ==
          "");
    const std::pair<const char*, const char*> cases[] = {
        {R"(<rsc_location id="l" rsc="a" node="n1" score="1"><lifetime/></rsc_location>)",
         "<rsc_location id=\"l\">: what it contains: <lifetime>:"},
        {R"(<rsc_location id="l" rsc="a" node="n1" score-attribute="s"/>)", "\"score-attribute\""},
        {R"(<rsc_location id="l" rsc="a" node="n2" score="7"><rule id="r" score="5"><expression id="e"
            attribute="#uname" operation="eq" value="n1"/></rule></rsc_location>)",
         "location l: a rule beside a node"},
        {R"(<rsc_location id="l" rsc="a"><rule id="r" score="5"><expression id="e" attribute="#uname"
            operation="eq" value="n1"/><foo id="q"/></rule></rsc_location>)",
         "<rule id=\"r\">: what it contains: <foo id=\"q\">"},
        {R"(<rsc_location id="l" rsc="a" node="n1" score="5"/><rsc_location id-ref="l" rsc="b"/>)",
         "<rsc_location id-ref=\"l\">: a constraint without an id"},
        {R"(<rsc_colocation id="c" rsc="a" with-rsc="b" score="5" rsc-instance="1"/>)", "\"rsc-instance\""},
        {R"(<rsc_colocation id="c" rsc="a" with-rsc="b" score="5" influence="maybe"/>)",
         "influence=\"maybe\" (expected one of true"},
        {R"(<rsc_order id="o" first="a" then="b" symmetrical="maybe"/>)", "symmetrical=\"maybe\""},
        {R"(<rsc_order id="o" first="a" then="b" kind="Madatory"/>)", "kind=\"Madatory\""},
        {R"(<rsc_order id="o" first="a" then="b" score="abc"/>)", "score=\"abc\""},
        {R"(<rsc_order id="o" first="a" then="b" score="-5"/>)", "score=\"-5\""},
        {R"(<rsc_order id="o" first="a" then="b" require-all="false"/>)", "order o: require-all=false"},
    };
    for (const auto& [constraint, part] : cases) check_refused(with_two(constraint), part);
}

TEST_CASE("what the importer does not understand elsewhere is refused, not lost") {
    const std::pair<std::string, const char*> cases[] = {
        {R"(<constraints/><resources/><constraints/>)", "<configuration>: its second <constraints>"},
        {R"(<crm_config><foo id="f"/></crm_config>)", "<foo id=\"f\">"},
        {R"(<op_defaults><instance_attributes id="i"/></op_defaults>)", "<instance_attributes id=\"i\">"},
        {R"(<nodes><node id="r" uname="r" type="remote"/></nodes>)", "type=\"remote\""},
        {R"(<nodes><node id="r" uname="n1" description="rack 4"/></nodes>)", "\"description\""},
        {R"(<tags><tag id="t"/></tags>)", "tag t:"},
        {with_content(R"(<instance_attribute id="i"/>)"),
         "<primitive id=\"p\">: what it contains: <instance_attribute"},
        {with_content(R"(<operations><op id="m1" name="monitor" interval="10"/>
            <op id="m2" name="monitor" interval="10" role="Stopped"/></operations>)"),
         "<op id=\"m2\">: <primitive id=\"p\"> has another monitor"},
        {with_content(
             R"(<operations><op id="m1" name="monitor" interval="10" timeout="20"><meta_attributes id="m">
            <nvpair id="t" name="timeout" value="9"/></meta_attributes></op></operations>)"),
         "timeout has two values, 20 and 9"},
        {with_content(
             R"(<instance_attributes id="i"><nvpair id="n" name="cmd" value="a&#10;b"/></instance_attributes>)"),
         "the value of cmd has a line end"},
        {R"(<crm_config><cluster_property_set id="c"><nvpair id="x" name="stonith-enabled" value="true"/>
            <nvpair id="y" name="fencing-enabled" value="false"/></cluster_property_set></crm_config>)",
         "stonith-enabled=true and fencing-enabled=false"},
    };
    for (const auto& [configuration, part] : cases) check_refused(configuration, part);
    const auto top = import_cib(R"(<cib><configuration/><status><x/></status><foo id="f"/></cib>)");
    REQUIRE(static_cast<bool>(top));
    CHECK(top->unread == std::vector<std::string>{"<cib>: what it contains: <foo id=\"f\">"});
}

TEST_CASE("the description of a primitive is kept; two spellings of one value are no matter") {
    const Configuration config = loaded(R"(
      <crm_config><cluster_property_set id="c"><nvpair id="x" name="stonith-enabled" value="false"/>
        <nvpair id="y" name="fencing-enabled" value="false"/></cluster_property_set></crm_config>
      <resources><primitive id="p" class="lsb" type="x" description="hello"/></resources>)");
    CHECK(config.primitives.at(0).description == "hello");
}

}  // namespace
}  // namespace manager::cib

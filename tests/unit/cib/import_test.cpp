#include <doctest/doctest.h>

#include "manager/cib/import.hpp"

namespace manager::cib {
namespace {

std::string cib(const std::string& configuration, const std::string& status = "") {
    return "<cib have-quorum=\"1\" dc-uuid=\"1\" execution-date=\"1500000000\"><configuration>" +
           configuration + "</configuration><status>" + status + "</status></cib>";
}

Document read(const std::string& xml) {
    auto out = import_cib(xml);
    const std::string problem = out ? "" : out.error().message;
    REQUIRE(problem == "");
    return *std::move(out);
}

TEST_CASE("import: the head of the document") {
    const Document document = read(cib(""));
    CHECK(document.have_quorum);
    CHECK(document.taken == 1'500'000'000);
    CHECK(document.resources.empty());
}

TEST_CASE("import: resources, with what a template gives them") {
    const Document document = read(cib(R"(<resources>
        <template id="t" class="ocf" provider="heartbeat" type="IPaddr2">
          <meta_attributes id="tm"><nvpair id="tm1" name="priority" value="5"/></meta_attributes>
          <operations><op id="to" name="monitor" interval="10s"/><op id="ts" name="start" interval="0"/></operations>
        </template>
        <group id="g"><primitive id="ip" template="t">
          <operations><op id="io" name="monitor" interval="10s" timeout="5s"/></operations></primitive></group>
        <clone id="c"><primitive id="ping" class="ocf" provider="pacemaker" type="ping"/></clone></resources>)"));
    REQUIRE(document.resources.size() == 2);
    const ResourceObject& ip = document.resources[0].children.at(0);
    CHECK(ip.type == "IPaddr2");
    CHECK(ip.operations.size() == 2);  // its own monitor stands before the template's
    CHECK(ip.operations[0].attributes.at("timeout") == "5s");
    CHECK(ip.meta.at(0).pairs.at(0).second == "5");
    CHECK(document.tags.at("t") == std::vector<std::string>{"ip"});
    CHECK(document.resources[1].kind == ResourceKind::clone);
}

TEST_CASE("import: sets by score, references by id") {
    const Document document = read(cib(R"(<crm_config>
        <cluster_property_set id="low" score="1"><nvpair id="a" name="x" value="low"/></cluster_property_set>
        <cluster_property_set id="high" score="5"><nvpair id="b" name="x" value="high"/></cluster_property_set>
      </crm_config><resources><primitive id="p" class="lsb" type="x"><meta_attributes id-ref="m"/></primitive>
        <primitive id="q" class="lsb" type="x"><meta_attributes id="m"><nvpair id="n" name="k" value="v"/>
        </meta_attributes></primitive></resources>)"));
    CHECK(document.properties.at(0).id == "high");
    CHECK(document.resources.at(0).meta.at(0).pairs.at(0) == std::pair<std::string, std::string>{"k", "v"});
}

TEST_CASE("import: history") {
    const Document document =
        read(cib("", R"(<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member">
        <lrm id="1"><lrm_resources><lrm_resource id="p" class="ocf" provider="x" type="y">
        <lrm_rsc_op id="p_last_0" operation="start" call-id="4" rc-code="0" op-status="0" interval="0"
          transition-key="3:7:0:uuid" last-rc-change="1234"/></lrm_resource></lrm_resources></lrm></node_state>)"));
    const HistoryEntry& entry = document.reports.at(0).history.at(0).entries.at(0);
    CHECK(entry.operation == "start");
    CHECK(entry.call_id == 4);
    CHECK(entry.transition == 7);
    CHECK(entry.expected == 0);
    CHECK(entry.planner == "uuid");
    CHECK(entry.changed == 1234);
}

void refused(const std::string& xml, const char* part) {
    const auto out = import_cib(xml);
    const std::string message = out ? "" : out.error().message;
    CAPTURE(message);
    CHECK_MESSAGE(message.find(part) != std::string::npos, part);
}

TEST_CASE("import: what is wrong is refused with the element's name") {
    refused("", "XML");
    refused("<cib/>", "configuration");
    refused(cib(R"(<resources><primitive id="p" template="none"/></resources>)"), "none");
    refused(cib(R"(<constraints><rsc_location id="l" rsc="p" node="n" score="lots"/></constraints>)"),
            "\"l\"");
    refused(cib(R"(<nodes><node uname="n1"/></nodes>)"), "id");
    refused(
        cib(R"(<resources><primitive id="p" class="x" type="y"><meta_attributes id-ref="a"/></primitive></resources>)"),
        "id-ref");
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "<group id=\"g" + std::to_string(i) + "\">";
    for (int i = 0; i < 100; ++i) deep += "</group>";
    refused(cib("<resources>" + deep + "</resources>"), "deep");
    refused(cib(R"(<resources><primitive id="p" class="x" type="y"><instance_attributes id="i"/>
        <meta_attributes id-ref="i"/></primitive></resources>)"),
            "another kind of element, <instance_attributes id=\"i\">");
    refused(
        cib(R"(<resources><primitive id="a" class="x" type="y"/><primitive id="b" template="a"/></resources>)"),
        "is no template, but <primitive id=\"a\">");
}

std::string with_rule(const std::string& rules) {
    return cib("<constraints><rsc_location id=\"l\" rsc=\"p\">" + rules + "</rsc_location></constraints>");
}

TEST_CASE("import: rules that contain themselves, or repeat one another, end") {
    refused(with_rule(R"(<rule id="r"><rule id-ref="r"/><rule id-ref="r"/></rule>)"), "<rule id=\"r\">");
    std::string rules = R"(<rule id="r0"><expression id="e" attribute="x" operation="defined"/></rule>)";
    for (int i = 1; i < 30; ++i) {
        const std::string before = "<rule id-ref=\"r" + std::to_string(i - 1) + "\"/>";
        rules += "<rule id=\"r" + std::to_string(i) + "\">" + before + before + "</rule>";
    }
    refused(with_rule(rules), "parts of rules");
}

TEST_CASE("import: an id stands once") {
    const std::string a = R"(<primitive id="a" class="x" type="y"/>)";
    refused(cib("<resources>" + a + a + "</resources>"),
            "<primitive id=\"a\">: its id is that of a <primitive>");
    refused(cib("<resources>" + a + R"(</resources><tags><tag id="a"/></tags>)"),
            "<tag id=\"a\">: its id is that of a <primitive>");
    refused(cib(R"(<nodes><node id="1" uname="n1"/><node id="1" uname="n2"/></nodes>)"), "<node id=\"1\">");
    refused(cib(R"(<nodes><node id="1" uname="n1"/><node id="2" uname="n1"/></nodes>)"), "<node id=\"2\">");
    refused(cib("", R"(<node_state id="1" uname="n1"/><node_state id="1"/>)"), "<node_state id=\"1\">");
    refused(cib("", R"(<node_state id="1" uname="n1"/><node_state id="2" uname="n1"/>)"), "uname \"n1\"");
    const auto history = [](const std::string& resources) {
        return cib("", "<node_state id=\"1\"><lrm><lrm_resources>" + resources +
                           "</lrm_resources></lrm></node_state>");
    };
    refused(history(R"(<lrm_resource id="p"/><lrm_resource id="p"/>)"), "<lrm_resource id=\"p\">");
    refused(history(R"(<lrm_resource id="p"><lrm_rsc_op id="o"/><lrm_rsc_op id="o"/></lrm_resource>)"),
            "<lrm_rsc_op id=\"o\">");
    // Names of something else: a remote node's id is that of its resource.
    read(cib(R"(<nodes><node id="a" uname="a"/></nodes><resources>)" + a +
             R"(</resources><tags><tag id="t"><obj_ref id="a"/></tag></tags>)"));
}

TEST_CASE("import: dates after 2038") {
    const Document document = read(cib("", R"(<node_state id="1"><lrm><lrm_resources><lrm_resource id="p">
        <lrm_rsc_op id="o" last-rc-change="4000000000"/></lrm_resource></lrm_resources></lrm></node_state>)"));
    CHECK(document.reports.at(0).history.at(0).entries.at(0).changed == 4'000'000'000);
    refused(cib("", R"(<node_state id="1"><lrm><lrm_resources><lrm_resource id="p">
        <lrm_rsc_op id="o" call-id="4000000000"/></lrm_resource></lrm_resources></lrm></node_state>)"),
            "call-id");
}

TEST_CASE("import: what is passed over is named, and the rest is read") {
    const Document document = read(cib(R"(<resources><bundle id="b"><primitive id="x"/></bundle>
        <group id="g"/></resources><constraints>
        <rsc_order id="o" first="a" then="b" symmetrical="maybe" kind="Serialize"/></constraints><alerts/>)"));
    CHECK(document.unread == std::vector<std::string>{
                                 "<group id=\"g\">: it has no member",
                                 "<resources>: what it contains: <bundle id=\"b\">",
                                 "<rsc_order id=\"o\">: its attribute symmetrical=\"maybe\" (expected one of "
                                 "true on yes y 1 false off no n 0)"});
    CHECK_FALSE(document.orders.at(0).symmetrical.has_value());  // as if it were not written
}

}  // namespace
}  // namespace manager::cib

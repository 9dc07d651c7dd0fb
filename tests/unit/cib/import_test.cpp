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

TEST_CASE("import: what is wrong is refused with the element's name") {
    const auto refused = [](const std::string& xml, const char* part) {
        const auto out = import_cib(xml);
        REQUIRE_FALSE(static_cast<bool>(out));
        CAPTURE(out.error().message);
        CHECK(out.error().message.find(part) != std::string::npos);
    };
    refused("", "XML");
    refused("<cib/>", "configuration");
    refused(cib(R"(<resources><primitive id="p" template="none"/></resources>)"), "none");
    refused(cib(R"(<constraints><rsc_location id="l" rsc="p" node="n" score="lots"/></constraints>)"),
            "\"l\"");
    refused(cib(R"(<nodes><node uname="n1"/></nodes>)"), "id");
    refused(
        cib(R"(<resources><primitive id="p" class="x" type="y"><meta_attributes id-ref="a"/></primitive></resources>)"),
        "id-ref");
    refused(
        cib(R"(<resources><primitive id="p" class="lsb" type="x"/><primitive id="p" class="lsb" type="y"/></resources>)"),
        "given once");
    refused(
        cib(R"(<resources><primitive id="p" class="lsb" type="x"/><primitive id="q" template="p"/></resources>)"),
        "template");
    refused(cib(R"(<nodes><node id="1" uname="n1"/><node id="2" uname="n1"/></nodes>)"),
            "another node called n1");
    refused(cib("", R"(<node_state id="1"/><node_state id="1"/>)"), "twice");
    // A rule that contains itself, and rules that double at every step.
    refused(
        cib(R"(<constraints><rsc_location id="l" rsc="p"><rule id="r"><rule id-ref="r"/><rule id-ref="r"/></rule></rsc_location></constraints>)"),
        "contain themselves");
    std::string doubled = R"(<rule id="r0"><expression id="e" attribute="a" operation="defined"/></rule>)";
    for (int i = 1; i < 40; ++i) {
        const std::string below = "<rule id-ref=\"r" + std::to_string(i - 1) + "\"/>";
        doubled += "<rule id=\"r" + std::to_string(i) + "\">" + below + below + "</rule>";
    }
    refused(cib("<constraints><rsc_location id=\"l\" rsc=\"p\">" + doubled + "</rsc_location></constraints>"),
            "too many parts");
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "<group id=\"g" + std::to_string(i) + "\">";
    for (int i = 0; i < 100; ++i) deep += "</group>";
    refused(cib("<resources>" + deep + "</resources>"), "deep");
}

}  // namespace
}  // namespace manager::cib

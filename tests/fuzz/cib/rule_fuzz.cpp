// A small cluster whose rules, scores, intervals and dates are the input: a line each, put where they are
// read (location rules and their dates, options under a rule, operations, tickets, failures). Random bytes
// seldom make XML; here every input does. What comes of it: an error with a reason, or scores within their
// range, a plan that is the same twice, and answers to `why`.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manager/cib/import.hpp"
#include "manager/planner/explain.hpp"
#include "manager/planner/plan.hpp"
#include "totem/base/check.hpp"

namespace {

constexpr std::int64_t kNow = 1'600'000'000;
constexpr std::size_t kFields = 16;

// Attribute text: what XML would end or refuse is replaced.
std::string safe(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '<' && c != '&';
        out += plain ? c : '_';
    }
    return out;
}

std::vector<std::string> fields_of(const std::string& text) {
    std::vector<std::string> out(1);
    for (const char c : text) {
        if (c == '\n') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    out.resize(kFields);
    for (auto& field : out) field = safe(field);
    return out;
}

std::string pair(const std::string& name, const std::string& value) {
    return "<nvpair id=\"p-" + name + "\" name=\"" + name + "\" value=\"" + value + "\"/>";
}

std::string dates(const std::vector<std::string>& at) {
    return "<date_expression id=\"d1\" operation=\"" + at[5] + "\" start=\"" + at[6] + "\" end=\"" + at[7] +
           "\"/><date_expression id=\"d2\" operation=\"in_range\" start=\"" + at[6] +
           "\"><duration id=\"d3\" hours=\"" + at[8] + "\" months=\"" + at[9] + "\" years=\"" + at[8] +
           "\"/></date_expression><date_expression id=\"d4\" operation=\"date_spec\">"
           "<date_spec id=\"d5\" hours=\"" +
           at[9] + "\" weekdays=\"" + at[10] + "\" weeks=\"" + at[10] + "\" years=\"" + at[9] +
           "\"/></date_expression>";
}

std::string cluster(const std::vector<std::string>& at) {
    const std::string rule = "<rule id=\"r1\" score=\"" + at[0] +
                             "\" boolean-op=\"or\"><expression id=\"e1\" attribute=\"" + at[1] +
                             "\" operation=\"" + at[2] + "\" value=\"" + at[3] + "\" type=\"" + at[4] +
                             "\"/>" + dates(at) + "</rule>";
    const std::string failed =
        "<lrm_rsc_op id=\"h1\" operation=\"monitor\" call-id=\"2\" rc-code=\"1\" op-status=\"0\" "
        "interval=\"" +
        at[12] + "\" transition-magic=\"" + at[15] + "\" last-rc-change=\"" + at[14] + "\"/>";
    return "<cib have-quorum=\"1\"><configuration><crm_config><cluster_property_set id=\"s\">"
           "<nvpair id=\"f\" name=\"stonith-enabled\" "
           "value=\"false\"/></cluster_property_set></crm_config><nodes>"
           "<node id=\"1\" uname=\"n1\"><instance_attributes id=\"i1\">" +
           pair(at[1].empty() ? "x" : at[1], at[3]) +
           "</instance_attributes></node><node id=\"2\" uname=\"n2\"/></nodes><resources><primitive "
           "id=\"web\" class=\"ocf\" "
           "provider=\"x\" type=\"y\"><meta_attributes id=\"m\">" +
           pair("resource-stickiness", at[11]) + pair("migration-threshold", at[13]) +
           pair("failure-timeout", at[12]) +
           "</meta_attributes><operations><op id=\"o\" name=\"monitor\" interval=\"" + at[12] +
           "\"/></operations></primitive><primitive id=\"db\" class=\"systemd\" "
           "type=\"db\"/></resources><constraints>"
           "<rsc_location id=\"l1\" rsc=\"web\">" +
           rule + "</rsc_location><rsc_location id=\"l2\" rsc=\"db\" node=\"n1\" score=\"" + at[11] +
           "\"/><rsc_colocation id=\"c\" rsc=\"web\" with-rsc=\"db\" score=\"" + at[13] +
           "\"/></constraints><rsc_defaults><meta_attributes id=\"d\"><rule id=\"r2\" boolean-op=\"and\">" +
           dates(at) + "</rule>" + pair("priority", at[0]) +
           "</meta_attributes></rsc_defaults></configuration><status>"
           "<node_state id=\"1\" uname=\"n1\" in_ccm=\"true\" crmd=\"online\" join=\"member\" "
           "expected=\"member\"><transient_attributes "
           "id=\"1\"><instance_attributes id=\"t\">" +
           pair("fail-count-web", at[11]) + pair("last-failure-web", at[14]) +
           "</instance_attributes></transient_attributes><lrm id=\"1\"><lrm_resources><lrm_resource "
           "id=\"web\" class=\"ocf\" "
           "provider=\"x\" type=\"y\"><lrm_rsc_op id=\"h0\" operation=\"start\" call-id=\"1\" rc-code=\"0\" "
           "op-status=\"0\" "
           "interval=\"0\"/>" +
           failed +
           "</lrm_resource></lrm_resources></lrm></node_state><node_state id=\"2\" uname=\"n2\" "
           "in_ccm=\"true\" "
           "crmd=\"online\" join=\"member\" expected=\"member\"/></status></cib>";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace planner = manager::planner;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto document = manager::cib::import_cib(cluster(fields_of(text)));
    if (!document) {
        ASSERT(!document.error().message.empty());
        return 0;
    }
    const planner::Cluster cluster = planner::plan(*document, kNow);
    for (const auto& resource : cluster.store) {
        for (const auto& [node, standing] : resource->allowed)
            ASSERT(standing.score >= manager::Score::minus_infinity() &&
                   standing.score <= manager::Score::infinity());
    }
    const std::string first = planner::to_json(planner::simulate(*document, kNow));
    ASSERT(first == planner::to_json(planner::simulate(*document, kNow)));
    const auto why = planner::explain(*document, kNow, "web", "");
    ASSERT(static_cast<bool>(why));
    ASSERT(!planner::to_text(why->front()).empty());
    return 0;
}

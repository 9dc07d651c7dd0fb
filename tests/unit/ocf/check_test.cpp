#include "agents/ocf/check.hpp"

#include <doctest/doctest.h>

using agents::check_primitive;
using agents::Finding;
using agents::Metadata;
using manager::Primitive;

namespace {

Metadata metadata() {
    return *agents::parse_metadata(R"(<resource-agent name="thing"><parameters>
<parameter name="config" required="1"><content type="string"/></parameter>
<parameter name="port" required="1"><content type="integer" default="80"/></parameter>
<parameter name="mode"><content type="select"><option value="a"/><option value="b"/></content></parameter>
<parameter name="old" deprecated="1"><content type="string"/></parameter>
</parameters><actions><action name="start" timeout="60s"/><action name="stop" timeout="odd"/></actions></resource-agent>)");
}

Primitive thing() {
    Primitive p;
    p.id = "p1";
    p.agent = {"ocf", "test", "thing"};
    p.params = {{"config", "/etc/thing"}};
    return p;
}

std::string lines(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& f : findings) text += (f.error ? "ERROR " : "WARNING ") + f.text + "\n";
    return text;
}

}  // namespace

TEST_CASE(
    "a primitive that fits its agent has no findings; a required parameter with a default may be left out") {
    CHECK(lines(check_primitive(thing(), metadata())).empty());
}

TEST_CASE("missing, unknown, deprecated and odd values are told apart") {
    Primitive p = thing();
    p.params = {{"confg", "/etc/thing"}, {"mode", "c"}, {"old", "1"}};
    CHECK(lines(check_primitive(p, metadata())) ==
          "ERROR p1 (ocf:test:thing): required parameter config is missing\n"
          "ERROR p1 (ocf:test:thing): the agent has no parameter confg\n"
          "WARNING p1 (ocf:test:thing): parameter mode: expected one of a, b, found 'c'\n"
          "WARNING p1 (ocf:test:thing): parameter old is deprecated\n");
}

TEST_CASE("a timeout shorter than the agent advises is a warning; unreadable advice is none") {
    Primitive p = thing();
    p.operations = {{"start", {}, "", {{"timeout", "30s"}}}, {"stop", {}, "", {{"timeout", "1s"}}}};
    CHECK(lines(check_primitive(p, metadata())) ==
          "WARNING p1 (ocf:test:thing): timeout 30s of start is shorter than the advised 60s\n");
    p.operations = {{"start", {}, "", {{"timeout", "1min"}}}};
    CHECK(lines(check_primitive(p, metadata())).empty());
}

TEST_CASE("an agent that is nowhere is an error, one that cannot describe itself a warning") {
    CHECK(lines(check_primitive(thing(), base::Error{base::Errc::not_found, "agent is not installed"})) ==
          "ERROR p1 (ocf:test:thing): agent is not installed\n");
    CHECK(lines(check_primitive(thing(), base::Error{base::Errc::timed_out, "did not end"})) ==
          "WARNING p1 (ocf:test:thing): did not end\n");
}

TEST_CASE("values of a native address are checked as the agent reads them; of the script they are not") {
    Primitive p;
    p.id = "vip";
    p.agent = {"ocf", "heartbeat", "IPaddr2"};
    p.params = {{"ip", "192.0.2.300"}};
    const auto native = agents::native_address_metadata();
    CHECK(
        lines(check_primitive(p, native)) ==
        "ERROR vip (ocf:heartbeat:IPaddr2): parameter ip: expected an IPv4 address such as 192.0.2.10, found "
        "'192.0.2.300'\n");
    p.params = {{"ip", "192.0.2.10"}, {"arp_bg", "true"}};
    CHECK(lines(check_primitive(p, native)) ==
          "WARNING vip (ocf:heartbeat:IPaddr2): parameter arp_bg has no effect: announcements never delay "
          "the start\n");
    p.meta = {{"custos-agent", "script"}};
    CHECK(lines(check_primitive(p, native)).empty());
}

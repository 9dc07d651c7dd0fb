#include "agents/vip/address.hpp"

#include <doctest/doctest.h>

using agents::AddressError;
using agents::AddressRequest;
using agents::parse_address;
using agents::ParsedAddress;
using manager::Attributes;

namespace {

AddressRequest accepted(const Attributes& params, const Attributes& meta = {}) {
    const auto parsed = parse_address(params, meta);
    const auto* error = std::get_if<AddressError>(&parsed);
    REQUIRE_MESSAGE(error == nullptr, error->message);
    return std::get<ParsedAddress>(parsed).request;
}

AddressError refused(const Attributes& params) {
    const auto parsed = parse_address(params, {});
    const auto* error = std::get_if<AddressError>(&parsed);
    REQUIRE(error != nullptr);
    return *error;
}

}  // namespace

TEST_CASE("IPv4 addresses are dotted quads and nothing else") {
    CHECK(agents::to_string(agents::Ipv4{0xc000020a}) == "192.0.2.10");
    CHECK(agents::parse_ipv4("192.0.2.10")->value == 0xc000020a);
    for (const char* text : {"", "192.0.2", "192.0.2.10.1", "192.0.2.256", "192.0.2.010", "192.0.2.-1",
                             "192.0.2. 1", "192.0.2.1 ", "a.b.c.d", "3221225994", "192.0..1", ".192.0.2"}) {
        CHECK_MESSAGE(!agents::parse_ipv4(text), text);
    }
}

TEST_CASE(
    "the smallest request: only ip is needed, everything else has the default of IPaddr2 or comes from the "
    "route") {
    const AddressRequest request = accepted({{"ip", "192.0.2.10"}});
    AddressRequest expected;
    expected.ip = {0xc000020a};
    CHECK(request == expected);
    CHECK(request.check_link);
    CHECK(request.prefix_route);
    CHECK_FALSE(request.prefix);
}

TEST_CASE("parameters of IPaddr2 are honoured verbatim") {
    const AddressRequest request = accepted({{"ip", "192.0.2.10"},
                                             {"nic", "eth0"},
                                             {"cidr_netmask", "255.255.255.0"},
                                             {"broadcast", "192.0.2.255"},
                                             {"iflabel", "web"},
                                             {"noprefixroute", "true"},
                                             {"preferred_lft", "0"},
                                             {"check_link_status", "false"},
                                             {"persist_nonlocal_bind", "yes"},
                                             {"arp_count", "3"},
                                             {"arp_count_refresh", "1"}},
                                            {{"custos-after-stop", "true"}});
    CHECK(request.nic == "eth0");
    CHECK(*request.prefix == 24);
    CHECK(agents::to_string(*request.broadcast) == "192.0.2.255");
    CHECK(request.label == "web");
    CHECK_FALSE(request.prefix_route);
    CHECK(*request.preferred_lft == 0);
    CHECK_FALSE(request.check_link);
    CHECK(request.persist_nonlocal_bind);
    CHECK(request.after_stop);
    CHECK(request.announce.count == 3);
    CHECK(request.announce.interval == base::milliseconds(200));
    CHECK(request.announce.refresh == 1);
}

TEST_CASE("the old spelling nic:label") {
    const AddressRequest request = accepted({{"ip", "192.0.2.10"}, {"nic", "eth0:web"}});
    CHECK(request.nic == "eth0");
    CHECK(request.label == "web");
}

TEST_CASE("arp_interval alone takes IPaddr2's five announcements") {
    const AddressRequest request = accepted({{"ip", "192.0.2.10"}, {"arp_interval", "100"}});
    CHECK(request.announce.count == 5);
    CHECK(request.announce.interval == base::milliseconds(100));
}

TEST_CASE("an empty value is the default, as for IPaddr2") {
    CHECK_FALSE(accepted({{"ip", "192.0.2.10"}, {"cidr_netmask", ""}}).prefix);
}

TEST_CASE("what is wrong is named, with what was found") {
    const std::pair<const char*, Attributes> cases[] = {
        {"cidr_netmask", {{"ip", "192.0.2.10"}, {"cidr_netmask", "33"}}},
        {"cidr_netmask", {{"ip", "192.0.2.10"}, {"cidr_netmask", "0"}}},
        {"cidr_netmask", {{"ip", "192.0.2.10"}, {"cidr_netmask", "255.0.255.0"}}},
        {"ip", {{"ip", "192.0.2"}}},
        {"ip", {{"ip", "127.0.0.5"}}},
        {"ip", {{"ip", "224.0.0.5"}}},
        {"ip", {{"ip", "0.1.2.3"}}},
        {"broadcast", {{"ip", "192.0.2.10"}, {"broadcast", "all"}}},
        {"nic", {{"ip", "192.0.2.10"}, {"nic", "an-interface-name-too-long"}}},
        {"nic", {{"ip", "192.0.2.10"}, {"nic", "../x"}}},
        {"iflabel", {{"ip", "192.0.2.10"}, {"nic", "eth0"}, {"iflabel", "elevenchars"}}},
        {"arp_count", {{"ip", "192.0.2.10"}, {"arp_count", "0"}}},
        {"arp_count", {{"ip", "192.0.2.10"}, {"arp_count", "many"}}},
        {"arp_interval", {{"ip", "192.0.2.10"}, {"arp_interval", "99999999"}}},
        {"noprefixroute", {{"ip", "192.0.2.10"}, {"noprefixroute", "perhaps"}}},
        {"preferred_lft", {{"ip", "192.0.2.10"}, {"preferred_lft", "soon"}}}};
    for (const auto& [name, params] : cases) {
        const AddressError error = refused(params);
        CHECK_MESSAGE(error.message.find("parameter " + std::string(name) + ":") == 0, error.message);
        CHECK_MESSAGE(error.message.find("found '") != std::string::npos, error.message);
        CHECK(error.code == manager::kOcfArgs);
    }
}

TEST_CASE("without ip, or with an IPv6 address, the resource is not configured") {
    CHECK(refused({}).code == manager::kOcfNotConfigured);
    const AddressError v6 = refused({{"ip", "2001:db8::1"}});
    CHECK(v6.code == manager::kOcfNotConfigured);
    CHECK(v6.message.find("IPv6") != std::string::npos);
}

TEST_CASE("what only the script does is refused, with the way to the script; switched off it is fine") {
    for (const char* name : {"lvs_support", "unique_clone_address", "flush_routes"}) {
        const AddressError error = refused({{"ip", "192.0.2.10"}, {name, "true"}});
        CHECK_MESSAGE(error.message.find("custos-agent=script") != std::string::npos, error.message);
        (void)accepted({{"ip", "192.0.2.10"}, {name, "false"}});
    }
    CHECK(refused({{"ip", "192.0.2.10"}, {"network_namespace", "blue"}}).message.find("script") !=
          std::string::npos);
}

TEST_CASE("parameters without effect are noted, once each, with the reason") {
    const auto parsed =
        parse_address({{"ip", "192.0.2.10"}, {"arp_bg", "true"}, {"arp_sender", "send_arp"}}, {});
    const auto& notes = std::get<ParsedAddress>(parsed).notes;
    REQUIRE(notes.size() == 2);
    CHECK(notes[0] == "parameter arp_bg has no effect: announcements never delay the start");
}

TEST_CASE("the native agent serves ocf:heartbeat:IPaddr2 unless the script is asked for") {
    CHECK(agents::is_native_address({"ocf", "heartbeat", "IPaddr2"}, {}));
    CHECK(agents::is_native_address({"ocf", "heartbeat", "IPaddr2"}, {{"custos-agent", "native"}}));
    CHECK_FALSE(agents::is_native_address({"ocf", "heartbeat", "IPaddr2"}, {{"custos-agent", "script"}}));
    CHECK_FALSE(agents::is_native_address({"ocf", "heartbeat", "apache"}, {}));
    CHECK_FALSE(agents::is_native_address({"ocf", "other", "IPaddr2"}, {}));
}

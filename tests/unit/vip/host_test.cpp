#include "agents/vip/host.hpp"

#include <doctest/doctest.h>

using agents::AddressRequest;
using agents::choose_site;
using agents::HostView;
using agents::Ipv4;
using agents::Link;

namespace {

constexpr std::uint32_t ip(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24 | b << 16 | c << 8 | d;
}

Link link(int index, const char* name) {
    return {index, name, {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(index)}}, true, false, true, true};
}

// eth0 192.0.2.0/24, eth1 10.0.0.0/8, eth2 10.1.0.0/16, lo
HostView view() {
    HostView v;
    v.links = {link(2, "eth0"), link(3, "eth1"), link(4, "eth2")};
    Link lo = link(1, "lo");
    lo.loopback = true;
    v.links.push_back(lo);
    v.routes = {{3, {ip(10, 0, 0, 0)}, 8, 0}, {2, {ip(192, 0, 2, 0)}, 24, 0}, {4, {ip(10, 1, 0, 0)}, 16, 0}};
    return v;
}

AddressRequest request(std::uint32_t address) {
    AddressRequest r;
    r.ip = {address};
    return r;
}

}  // namespace

TEST_CASE("the longest matching route finds the interface and the netmask") {
    const auto site = choose_site(view(), request(ip(10, 1, 2, 3)));
    REQUIRE(site);
    CHECK(site->link.name == "eth2");
    CHECK(site->prefix == 16);
    CHECK(site->broadcast->value == ip(10, 1, 255, 255));
    CHECK(choose_site(view(), request(ip(10, 2, 2, 3)))->link.name == "eth1");
}

TEST_CASE("a named interface wins over the route; its own route still gives the netmask") {
    AddressRequest r = request(ip(10, 1, 2, 3));
    r.nic = "eth1";
    const auto site = choose_site(view(), r);
    REQUIRE(site);
    CHECK(site->link.name == "eth1");
    CHECK(site->prefix == 8);
}

TEST_CASE("a named interface without a route needs cidr_netmask") {
    AddressRequest r = request(ip(10, 1, 2, 3));
    r.nic = "eth0";
    CHECK(choose_site(view(), r).error().message.find("cidr_netmask") != std::string::npos);
    r.prefix = 32;
    const auto site = choose_site(view(), r);
    REQUIRE(site);
    CHECK(site->prefix == 32);
    CHECK_FALSE(site->broadcast);
}

TEST_CASE("on a tie the lower metric wins, then the lower index; loopback and default routes never do") {
    HostView v = view();
    v.routes = {
        {4, {ip(192, 0, 2, 0)}, 24, 20}, {2, {ip(192, 0, 2, 0)}, 24, 10}, {3, {ip(192, 0, 2, 0)}, 24, 10}};
    CHECK(choose_site(v, request(ip(192, 0, 2, 10)))->link.name == "eth0");
    v.routes = {{1, {ip(192, 0, 2, 0)}, 24, 0}, {3, {0}, 0, 0}};
    const auto site = choose_site(v, request(ip(192, 0, 2, 10)));
    REQUIRE_FALSE(site);
    CHECK(site.error().message.find("no interface has a subnet that holds 192.0.2.10") == 0);
}

TEST_CASE("an interface that is not there is named") {
    AddressRequest r = request(ip(192, 0, 2, 10));
    r.nic = "eth7";
    CHECK(choose_site(view(), r).error().message.find("eth7") != std::string::npos);
}

TEST_CASE("a loopback interface is refused: the address would be found nowhere, and never removed") {
    AddressRequest r = request(ip(192, 0, 2, 10));
    r.nic = "lo";
    const auto site = choose_site(view(), r);
    REQUIRE_FALSE(site);
    CHECK(site.error().message.find("parameter nic: lo is a loopback interface") == 0);
}

TEST_CASE("a label becomes nic:label and is refused when that is too long for the interface that was found") {
    AddressRequest r = request(ip(192, 0, 2, 10));
    r.label = "web";
    CHECK(choose_site(view(), r)->label == "eth0:web");
    r.label = "elevenchars";
    CHECK(choose_site(view(), r).error().code == base::Errc::invalid);
}

TEST_CASE("ours is what matches the request, stale what carries our mark, the rest is somebody else's") {
    HostView v = view();
    AddressRequest r = request(ip(192, 0, 2, 10));
    r.prefix = 32;
    v.addresses = {{2, r.ip, 24, 0, false},
                   {3, r.ip, 32, 0, false},
                   {4, r.ip, 16, agents::kAddressProto, false},
                   {1, r.ip, 32, 0, false},
                   {2, {ip(192, 0, 2, 11)}, 32, 0, false}};
    auto found = agents::find_address(v, r);
    REQUIRE(found.ours.size() == 1);
    CHECK(found.ours[0].link == 3);
    REQUIRE(found.stale.size() == 1);
    CHECK(found.stale[0].link == 4);
    REQUIRE(found.foreign.size() == 1);
    CHECK(agents::describe(v, found.foreign[0]) == "192.0.2.10/24 on eth0");
    r.nic = "eth0";
    found = agents::find_address(v, r);
    CHECK(found.ours.empty());
    CHECK(found.stale.size() == 1);
    CHECK(found.foreign.size() == 2);
    r.nic.clear();
    r.prefix.reset();
    CHECK(agents::find_address(v, r).foreign.empty());
}

TEST_CASE("only a primary address takes others of its subnet with it") {
    HostView v = view();
    v.addresses = {{2, {ip(192, 0, 2, 10)}, 24, 0, false}, {2, {ip(192, 0, 2, 11)}, 24, 0, true}};
    CHECK(agents::has_secondaries(v, v.addresses[0]));
    CHECK_FALSE(agents::has_secondaries(v, v.addresses[1]));
    v.addresses[1].link = 3;
    CHECK_FALSE(agents::has_secondaries(v, v.addresses[0]));
}

#include <doctest/doctest.h>

#include "totem/base/ip.hpp"

using base::parse_ip;

TEST_CASE("addresses are dotted quads or IPv6 and nothing else") {
    CHECK(to_string(*parse_ip("10.0.255.1")) == "10.0.255.1");
    CHECK(to_string(*parse_ip("2001:DB8:0:0::1")) == "2001:db8::1");
    CHECK(to_string(*parse_ip("fe80::1%eth0")) == "fe80::1%eth0");
    for (const char* text :
         {"", "10.0.1", "10.0.0.256", " 10.0.0.1", "10.0.0.1:5", "host", "::1::", "fe80::1%", "fd00::1%eth0",
          "fe80::1%an-interface-name-too-long", "::ffff:10.0.0.1"}) {
        CHECK_MESSAGE(!parse_ip(text), text);
    }
}

TEST_CASE("what an address is good for") {
    CHECK(parse_ip("127.0.0.9")->is_loopback());
    CHECK(parse_ip("::1")->is_loopback());
    CHECK_FALSE(parse_ip("::2")->is_loopback());
    CHECK(parse_ip("239.192.77.1")->is_multicast());
    CHECK_FALSE(parse_ip("240.0.0.1")->is_multicast());
    CHECK(parse_ip("ff15::1")->is_multicast());
    CHECK(parse_ip("0.0.0.0")->is_any());
    CHECK(parse_ip("::")->is_any());
    CHECK(parse_ip("febf::1")->is_link_local());
    CHECK_FALSE(parse_ip("fec0::1")->is_link_local());
    CHECK_FALSE(parse_ip("169.254.0.1")->is_link_local());
    CHECK(parse_ip("fe80::1%a")->same_as(*parse_ip("fe80::1")));
    CHECK_FALSE(*parse_ip("fe80::1%a") == *parse_ip("fe80::1"));
    CHECK_FALSE(parse_ip("1.2.3.4")->same_as(*parse_ip("102:304::")));
}

#include <doctest/doctest.h>

#include "support.hpp"

using totem::interface_of;
using totem::Ipv4;
using totem::parse_ipv4;

TEST_CASE("dotted quads are read and written; anything else is no address") {
    CHECK(totem::to_string(*parse_ipv4("10.0.255.1")) == "10.0.255.1");
    CHECK(parse_ipv4("127.0.0.1")->is_loopback());
    CHECK(parse_ipv4("239.192.77.1")->is_multicast());
    CHECK_FALSE(parse_ipv4("240.0.0.1")->is_multicast());
    for (const char* text : {"", "10.0.0", "10.0.0.256", "node1", "::1", "10.0.0.1 ", "010.0.0.1.2"})
        CHECK_FALSE(parse_ipv4(text));
}

TEST_CASE("every loopback address is on this machine, an address of the documentation range is not") {
    REQUIRE(interface_of(link_test::ip("127.0.0.3")));
    CHECK(interface_of(link_test::ip("127.0.0.3"))->has_value());
    CHECK_FALSE(interface_of(link_test::ip("192.0.2.77"))->has_value());
}

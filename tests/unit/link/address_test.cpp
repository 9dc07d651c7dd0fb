#include <doctest/doctest.h>

#include "totem/link/address.hpp"

TEST_CASE("interfaces are found by address") {
    const auto one = totem::interface_of(*base::parse_ip("127.0.0.1"));
    const auto other = totem::interface_of(*base::parse_ip("127.9.8.7"));
    REQUIRE(one);
    REQUIRE(one->has_value());
    CHECK((*one)->name == "lo");
    CHECK((*one)->mtu > 0);
    CHECK((*one)->running);
    REQUIRE(other);
    CHECK(*other == *one);
    const auto none = totem::interface_of(*base::parse_ip("192.0.2.77"));  // for documentation
    REQUIRE(none);
    CHECK_FALSE(none->has_value());
    const auto none6 = totem::interface_of(*base::parse_ip("2001:db8::77"));
    REQUIRE(none6);
    CHECK_FALSE(none6->has_value());
}

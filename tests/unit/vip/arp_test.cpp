#include "agents/vip/arp.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

using agents::ArpFrame;
using agents::Ipv4;
using agents::Mac;

namespace {

constexpr Mac kSender{{0x02, 0x00, 0x00, 0x00, 0x00, 0x01}};
constexpr Ipv4 kAddress{0xc000020a};

std::string hex(const ArpFrame& frame) {
    std::string text;
    for (std::size_t i = 0; i < frame.size(); ++i) {
        char octet[4];
        std::snprintf(octet, sizeof(octet), "%02x", frame[i]);
        text += octet;
        // The borders of: ethernet header, fixed part with operation, sender, target.
        if (i == 13 || i == 21 || i == 31) text += ' ';
    }
    return text;
}

}  // namespace

TEST_CASE("golden bytes of a probe: the sender claims nothing") {
    CHECK(hex(agents::arp_probe(kSender, kAddress)) ==
          "ffffffffffff0200000000010806 0001080006040001 02000000000100000000 000000000000c000020a");
}

TEST_CASE("golden bytes of a gratuitous request") {
    CHECK(hex(agents::arp_announce_request(kSender, kAddress)) ==
          "ffffffffffff0200000000010806 0001080006040001 020000000001c000020a 000000000000c000020a");
}

TEST_CASE("golden bytes of a gratuitous reply: the target is the sender, also in hardware") {
    CHECK(hex(agents::arp_announce_reply(kSender, kAddress)) ==
          "ffffffffffff0200000000010806 0001080006040002 020000000001c000020a 020000000001c000020a");
}

TEST_CASE("frames are read back; padding does not matter") {
    const ArpFrame frame = agents::arp_announce_reply(kSender, kAddress);
    base::Bytes padded(frame.begin(), frame.end());
    padded.resize(60);
    const auto seen = agents::parse_arp(padded);
    REQUIRE(seen);
    CHECK(*seen == agents::ArpSighting{kSender, kAddress, kAddress, true});
}

TEST_CASE(
    "what is not ARP for IPv4 over Ethernet is nothing: every truncation and every flip of a fixed octet") {
    const ArpFrame frame = agents::arp_probe(kSender, kAddress);
    const base::Bytes whole(frame.begin(), frame.end());
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK_FALSE(agents::parse_arp(base::ByteView(whole).first(n)));
    for (std::size_t i = 12; i < 22; ++i) {
        base::Bytes flipped = whole;
        flipped[i] ^= 0x80;
        CHECK_MESSAGE(!agents::parse_arp(flipped), i);
    }
}

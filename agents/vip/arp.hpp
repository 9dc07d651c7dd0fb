// ARP frames of an Ethernet (RFC 826, RFC 5227) as bytes, built once and sent as they are. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "agents/vip/address.hpp"
#include "totem/base/bytes.hpp"

namespace agents {

// Ethernet header and ARP body, without the padding that the driver adds.
using ArpFrame = std::array<std::uint8_t, 42>;

// "Who has `ip`?" without claiming anything: sender address 0.0.0.0 (RFC 5227, section 2.1).
[[nodiscard]] ArpFrame arp_probe(const Mac& own, Ipv4 ip);
// Gratuitous request: sender and target are `ip`, broadcast; updates neighbours that know `ip` already.
[[nodiscard]] ArpFrame arp_announce_request(const Mac& own, Ipv4 ip);
// Gratuitous reply, broadcast, with the target hardware address equal to the sender's: the form that Linux
// accepts also for an entry that is less than a second old (measured: with another target it is ignored
// during locktime).
[[nodiscard]] ArpFrame arp_announce_reply(const Mac& own, Ipv4 ip);

// What an ARP frame says about its sender.
struct ArpSighting {
    Mac sender;
    Ipv4 sender_ip;
    Ipv4 target_ip;
    bool reply{false};
    bool operator==(const ArpSighting&) const = default;
};
// Total: anything that is not ARP for IPv4 over Ethernet is nullopt.
[[nodiscard]] std::optional<ArpSighting> parse_arp(base::ByteView frame);

}  // namespace agents

#include "agents/vip/arp.hpp"

#include <algorithm>

namespace agents {

namespace {

constexpr std::size_t kHeader = 14;  // Ethernet: destination, source, type
constexpr std::uint8_t kRequest = 1;
constexpr std::uint8_t kReply = 2;
constexpr Mac kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
// Hardware type Ethernet, protocol IPv4, address lengths 6 and 4, high byte of the operation.
constexpr std::array<std::uint8_t, 7> kFixed{0, 1, 8, 0, 6, 4, 0};

void put(ArpFrame& frame, std::size_t at, const Mac& mac) {
    std::copy(mac.octets.begin(), mac.octets.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
}

void put(ArpFrame& frame, std::size_t at, Ipv4 ip) {
    for (std::size_t i = 0; i < 4; ++i) frame[at + i] = static_cast<std::uint8_t>(ip.value >> (24U - 8U * i));
}

ArpFrame build(std::uint8_t operation, const Mac& sender, Ipv4 sender_ip, const Mac& target, Ipv4 target_ip) {
    ArpFrame frame{};
    put(frame, 0, kBroadcast);
    put(frame, 6, sender);
    frame[12] = 0x08;
    frame[13] = 0x06;
    std::copy(kFixed.begin(), kFixed.end(), frame.begin() + kHeader);
    frame[21] = operation;
    put(frame, 22, sender);
    put(frame, 28, sender_ip);
    put(frame, 32, target);
    put(frame, 38, target_ip);
    return frame;
}

Mac mac_at(base::ByteView frame, std::size_t at) {
    Mac mac;
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), 6, mac.octets.begin());
    return mac;
}

Ipv4 ip_at(base::ByteView frame, std::size_t at) {
    Ipv4 ip;
    for (std::size_t i = 0; i < 4; ++i) ip.value = ip.value << 8U | frame[at + i];
    return ip;
}

}  // namespace

ArpFrame arp_probe(const Mac& own, Ipv4 ip) {
    return build(kRequest, own, Ipv4{}, Mac{}, ip);
}

ArpFrame arp_announce_request(const Mac& own, Ipv4 ip) {
    return build(kRequest, own, ip, Mac{}, ip);
}

ArpFrame arp_announce_reply(const Mac& own, Ipv4 ip) {
    return build(kReply, own, ip, own, ip);
}

std::optional<ArpSighting> parse_arp(base::ByteView frame) {
    if (frame.size() < std::tuple_size_v<ArpFrame> || frame[12] != 0x08 || frame[13] != 0x06)
        return std::nullopt;
    if (!std::equal(kFixed.begin(), kFixed.end(), frame.begin() + kHeader)) return std::nullopt;
    if (frame[21] != kRequest && frame[21] != kReply) return std::nullopt;
    return ArpSighting{mac_at(frame, 22), ip_at(frame, 28), ip_at(frame, 38), frame[21] == kReply};
}

}  // namespace agents

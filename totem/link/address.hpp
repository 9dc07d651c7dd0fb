// IPv4 addresses, and where they are on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "totem/base/result.hpp"

namespace totem {

struct Ipv4 {
    std::uint32_t value{0};  // 127.0.0.1 is 0x7f000001
    auto operator<=>(const Ipv4&) const = default;
    [[nodiscard]] bool is_loopback() const { return value >> 24 == 127; }
    [[nodiscard]] bool is_multicast() const { return value >> 28 == 14; }
};

// Dotted quad; nothing else.
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);
[[nodiscard]] std::string to_string(Ipv4 address);

// The index of the interface that has this address now; empty: none has. Asked of the kernel, not found out
// by bind(): with net.ipv4.ip_nonlocal_bind, which virtual IPs want, any address can be bound. Loopback
// addresses other than 127.0.0.1 are found too (index of the interface that covers them).
[[nodiscard]] base::Result<std::optional<int>> interface_of(Ipv4 address);

// A netlink socket that becomes readable whenever an address of this machine comes or goes.
[[nodiscard]] base::Result<int> open_address_events();
// Reads away what is there.
void drain_address_events(int fd);

// The operating system's words for an errno value.
[[nodiscard]] std::string system_error(int error);

}  // namespace totem

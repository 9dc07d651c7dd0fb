// Where addresses are on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "totem/base/ip.hpp"
#include "totem/base/result.hpp"

namespace totem {

using base::IpAddress;

struct Interface {
    std::string name;
    int index{0};
    bool running{false};                 // has a carrier
    std::optional<IpAddress> broadcast;  // of the address that was asked for
    std::size_t mtu{0};
    bool operator==(const Interface&) const = default;
};

// The interface that has this address now; empty: none has. Asked of the kernel, not found out by bind():
// with net.ipv4.ip_nonlocal_bind, which virtual IPs want, any address can be bound. IPv4 loopback addresses
// other than 127.0.0.1 are found too (that of the interface that covers them).
[[nodiscard]] base::Result<std::optional<Interface>> interface_of(const IpAddress& address);

// A netlink socket that becomes readable whenever an address of this machine or a carrier comes or goes.
[[nodiscard]] base::Result<int> open_address_events();
// Reads away what is there.
void drain_address_events(int fd);

// The operating system's words for an errno value.
[[nodiscard]] std::string system_error(int error);

}  // namespace totem

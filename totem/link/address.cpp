#include "totem/link/address.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace totem {
namespace {

std::uint32_t host_order(const sockaddr* address) {
    // getifaddrs hands out sockaddr_in behind sockaddr pointers; that is its interface.
    return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
}

// 127.0.0.0/8 is local as a whole: the kernel answers for each address of it.
bool matches(const ifaddrs& entry, Ipv4 address) {
    const std::uint32_t own = host_order(entry.ifa_addr);
    if (own == address.value) return true;
    if (!address.is_loopback() || entry.ifa_netmask == nullptr) return false;
    const std::uint32_t mask = host_order(entry.ifa_netmask);
    return (entry.ifa_flags & IFF_LOOPBACK) != 0 && (own & mask) == (address.value & mask);
}

}  // namespace

std::string system_error(int error) {
    return std::generic_category().message(error);
}

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    in_addr address{};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
    return Ipv4{ntohl(address.s_addr)};
}

std::string to_string(Ipv4 address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string(address.value >> shift & 255);
        if (shift > 0) text += '.';
    }
    return text;
}

base::Result<std::optional<int>> interface_of(Ipv4 address) {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return base::Error{base::Errc::io, "cannot list the addresses of this machine: " +
                                               system_error(errno) + " (a sandbox must allow AF_NETLINK)"};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
        if (matches(*entry, address))
            return std::optional<int>(static_cast<int>(::if_nametoindex(entry->ifa_name)));
    }
    return std::optional<int>();
}

base::Result<int> open_address_events() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return base::Error{base::Errc::io, "cannot open a netlink socket: " + system_error(errno)};
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    local.nl_groups = RTMGRP_IPV4_IFADDR;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
        const int error = errno;
        ::close(fd);
        return base::Error{base::Errc::io,
                           "cannot watch the addresses of this machine: " + system_error(error)};
    }
    return fd;
}

void drain_address_events(int fd) {
    std::array<char, 8192> buffer{};
    // ENOBUFS says that events were lost: as good as an event, since the state is asked for afresh. It is
    // reported once.
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0 || errno == EINTR || errno == ENOBUFS) {
    }
}

}  // namespace totem

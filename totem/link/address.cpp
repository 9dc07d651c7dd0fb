#include "totem/link/address.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "totem/base/socket_address.hpp"
#include "totem/link/sockets.hpp"

namespace totem {
namespace {

// 127.0.0.0/8 is local as a whole: the kernel answers for each address of it.
bool matches(const ifaddrs& entry, const IpAddress& address) {
    const IpAddress own = base::ip_of(entry.ifa_addr);
    if (own.same_as(address))
        return address.scope[0] == 0 || std::string(address.scope.data()) == entry.ifa_name;
    if (address.v6 || own.v6 || !address.is_loopback() || (entry.ifa_flags & IFF_LOOPBACK) == 0) return false;
    const IpAddress mask = base::ip_of(entry.ifa_netmask);
    for (std::size_t i = 0; i < own.size(); ++i) {
        if (((own.bytes[i] ^ address.bytes[i]) & mask.bytes[i]) != 0) return false;
    }
    return true;
}

std::size_t mtu_of(const char* name) {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (fd.get() < 0 || ::ioctl(fd.get(), SIOCGIFMTU, &request) != 0 || request.ifr_mtu < 0) return 0;
    return static_cast<std::size_t>(request.ifr_mtu);
}

Interface describe(const ifaddrs& entry, const IpAddress& address) {
    Interface out;
    out.name = entry.ifa_name;
    if (const auto colon = out.name.find(':'); colon != std::string::npos)
        out.name.resize(colon);  // an alias
    out.index = static_cast<int>(::if_nametoindex(out.name.c_str()));
    out.running = (entry.ifa_flags & IFF_RUNNING) != 0;
    if (!address.v6 && (entry.ifa_flags & IFF_BROADCAST) != 0 && entry.ifa_broadaddr != nullptr)
        out.broadcast = base::ip_of(entry.ifa_broadaddr);
    // The whole of 127.0.0.0/8 hears its last address; tests use that.
    if (!address.v6 && address.is_loopback()) out.broadcast = base::parse_ip("127.255.255.255");
    out.mtu = mtu_of(out.name.c_str());
    return out;
}

}  // namespace

std::string system_error(int error) {
    return std::generic_category().message(error);
}

base::Result<std::optional<Interface>> interface_of(const IpAddress& address) {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return base::Error{base::Errc::io, "cannot list the addresses of this machine: " +
                                               system_error(errno) + " (a sandbox must allow AF_NETLINK)"};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
    const int family = address.v6 ? AF_INET6 : AF_INET;
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != family) continue;
        if (matches(*entry, address)) return std::optional<Interface>(describe(*entry, address));
    }
    return std::optional<Interface>();
}

base::Result<int> open_address_events() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return base::Error{base::Errc::io, "cannot open a netlink socket: " + system_error(errno)};
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    local.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_LINK;
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

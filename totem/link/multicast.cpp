#include <netinet/in.h>

#include "totem/base/socket_address.hpp"
#include "totem/link/sockets.hpp"

namespace totem {
namespace {

base::Status join(const Fd& fd, const LinkConfig& config, const Interface& interface) {
    const base::SocketAddress group(*config.group, 0);
    if (config.group->v6) {
        ipv6_mreq membership{};
        membership.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(group.data())->sin6_addr;
        membership.ipv6mr_interface = static_cast<unsigned>(interface.index);
        TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL", 0));
        return set_option(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, "IPV6_ADD_MEMBERSHIP", &membership,
                          sizeof membership);
    }
    ip_mreqn membership{};
    membership.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(group.data())->sin_addr;
    membership.imr_ifindex = interface.index;
    TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL", 0));
    return set_option(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP", &membership, sizeof membership);
}

}  // namespace

base::Result<Fd> open_multicast(const LinkConfig& config, const Interface& interface) {
    TRY(Fd fd, open_udp(config.group->v6));
    // Bound to the group, not to "any": nothing but the group's datagrams comes in here. Several members on
    // one machine may share it; each gets every datagram.
    TRY_OK(set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", 1));
    TRY_OK(bind_socket(fd, scoped(*config.group, interface), config.port));
    const base::Status joined = join(fd, config, interface);
    if (!joined) return joined.error().with("cannot join the multicast group " + to_string(*config.group));
    return fd;
}

base::Result<Fd> open_broadcast(const LinkConfig& config, const Interface& interface) {
    if (!interface.broadcast) {
        return base::Error{base::Errc::io,
                           "interface " + interface.name + " with " + to_string(config.own) +
                               " has no broadcast address; see \"broadcast\" in the node file"};
    }
    TRY(Fd fd, open_udp());
    TRY_OK(set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", 1));
    TRY_OK(bind_socket(fd, *interface.broadcast, config.port));
    return fd;
}

}  // namespace totem

#include <netinet/in.h>

#include "totem/link/sockets.hpp"

namespace totem {

base::Result<Fd> open_multicast(const LinkConfig& config, int interface) {
    TRY(Fd fd, open_udp());
    // Bound to the group, not to "any": nothing but the group's datagrams comes in here. Several members on
    // one machine may share it; each gets every datagram.
    TRY_OK(set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", 1));
    TRY_OK(bind_socket(fd, *config.group, config.port));
    TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL", 0));
    ip_mreqn membership{};
    membership.imr_multiaddr.s_addr = htonl(config.group->value);
    membership.imr_address.s_addr = htonl(config.own.value);
    membership.imr_ifindex = interface;
    const base::Status joined =
        set_option(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP", &membership, sizeof membership);
    if (!joined) return joined.error().with("cannot join the multicast group " + to_string(*config.group));
    return fd;
}

}  // namespace totem

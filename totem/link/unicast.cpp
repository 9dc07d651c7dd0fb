#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "totem/base/socket_address.hpp"
#include "totem/link/sockets.hpp"

namespace totem {
namespace {

// Room for a full window of every peer while this process is away for a moment. The FORCE variant passes
// net.core.rmem_max where we may (CAP_NET_ADMIN); else the kernel gives what it allows.
constexpr int kSocketBuffer = 8 << 20;

void enlarge(const Fd& fd, int force, int plain) {
    if (::setsockopt(fd.get(), SOL_SOCKET, force, &kSocketBuffer, sizeof kSocketBuffer) == 0) return;
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, plain, &kSocketBuffer, sizeof kSocketBuffer));
}

}  // namespace

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

base::Status set_option(const Fd& fd, int level, int option, const char* name, const void* value,
                        std::size_t size) {
    if (::setsockopt(fd.get(), level, option, value, static_cast<socklen_t>(size)) == 0) return base::ok();
    return base::Error{base::Errc::io, std::string("cannot set ") + name + ": " + system_error(errno)};
}

base::Status set_option(const Fd& fd, int level, int option, const char* name, int value) {
    return set_option(fd, level, option, name, &value, sizeof value);
}

base::Result<Fd> open_udp(bool v6) {
    Fd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) {
        return base::Error{
            base::Errc::io,
            "cannot open a UDP socket for " + std::string(v6 ? "IPv6" : "IPv4") + ": " + system_error(errno)};
    }
    enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    TRY_OK(set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL", 1));
    if (v6) TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", 1));
    forbid_fragments(fd.get(), v6, false);
    return fd;
}

// Where the path has become smaller a moment ago, fragments cost speed; refused datagrams would cost the
// ring. Probes must not be cut. Failure to set it costs no more than a wrong idea of the path.
void forbid_fragments(int fd, bool v6, bool forbid) {
    const auto set = [fd](int level, int option, int value) {
        static_cast<void>(::setsockopt(fd, level, option, &value, sizeof value));
    };
    if (!v6) return set(IPPROTO_IP, IP_MTU_DISCOVER, forbid ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT);
    set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, forbid ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
    set(IPPROTO_IPV6, IPV6_DONTFRAG, forbid ? 1 : 0);
}

IpAddress scoped(IpAddress address, const Interface& interface) {
    const bool local =
        address.is_link_local() || (address.v6 && address.is_multicast() && (address.bytes[1] & 15) <= 2);
    if (!local || address.scope[0] != 0) return address;
    std::copy_n(interface.name.begin(), std::min(interface.name.size(), address.scope.size() - 1),
                address.scope.begin());
    return address;
}

base::Status bind_socket(const Fd& fd, const IpAddress& address, std::uint16_t port) {
    const base::SocketAddress local(address, port);
    if (::bind(fd.get(), local.data(), local.size()) == 0) return base::ok();
    const int error = errno;
    const std::string where = to_string(address) + " UDP port " + std::to_string(port);
    if (error == EADDRINUSE) {
        return base::Error{base::Errc::conflict,
                           where + " is taken by another program (still corosync, or a second custosd?); " +
                               "`ss -ulpn` shows which"};
    }
    return base::Error{base::Errc::io, "cannot bind " + where + ": " + system_error(error)};
}

namespace {

base::Status prepare_multicast(const Fd& fd, const LinkConfig& config, const Interface& interface) {
    const int loop = config.same_host ? 1 : 0;
    if (config.own.v6) {
        TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", interface.index));
        TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", config.ttl));
        return set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", loop);
    }
    ip_mreqn out{};
    out.imr_ifindex = interface.index;
    TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF", &out, sizeof out));
    TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", config.ttl));
    return set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", loop);
}

}  // namespace

base::Result<Fd> open_unicast(const LinkConfig& config, const Interface& interface) {
    TRY(Fd fd, open_udp(config.own.v6));
    if (config.group) TRY_OK(prepare_multicast(fd, config, interface));
    if (config.broadcast) TRY_OK(set_option(fd, SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST", 1));
    if (config.own.v6) {
        TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR", 1));
    } else {
        TRY_OK(set_option(fd, IPPROTO_IP, IP_RECVERR, "IP_RECVERR", 1));
    }
    TRY_OK(bind_socket(fd, config.own, config.port));
    return fd;
}

}  // namespace totem

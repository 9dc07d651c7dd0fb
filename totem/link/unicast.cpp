#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "totem/link/batch.hpp"
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

base::Result<Fd> open_udp() {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return base::Error{base::Errc::io, "cannot open a UDP socket: " + system_error(errno)};
    enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    // On a path with a smaller MTU than configured, fragments cost speed; refused datagrams would cost the
    // ring.
    TRY_OK(set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER", IP_PMTUDISC_DONT));
    return fd;
}

base::Status bind_socket(const Fd& fd, Ipv4 address, std::uint16_t port) {
    const sockaddr_in local = socket_address(address, port);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0) return base::ok();
    const int error = errno;
    const std::string where = to_string(address) + " UDP port " + std::to_string(port);
    if (error == EADDRINUSE) {
        return base::Error{base::Errc::conflict,
                           where + " is taken by another program (still corosync, or a second custosd?); " +
                               "`ss -ulpn` shows which"};
    }
    return base::Error{base::Errc::io, "cannot bind " + where + ": " + system_error(error)};
}

base::Result<Fd> open_unicast(const LinkConfig& config, int interface) {
    TRY(Fd fd, open_udp());
    if (config.group) {
        ip_mreqn out{};
        out.imr_address.s_addr = htonl(config.own.value);
        out.imr_ifindex = interface;
        TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF", &out, sizeof out));
        TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", config.ttl));
        TRY_OK(set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", config.same_host ? 1 : 0));
    }
    TRY_OK(set_option(fd, IPPROTO_IP, IP_RECVERR, "IP_RECVERR", 1));
    TRY_OK(bind_socket(fd, config.own, config.port));
    return fd;
}

}  // namespace totem

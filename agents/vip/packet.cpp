#include "agents/vip/packet.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "totem/base/fd.hpp"

namespace agents {

namespace {}  // namespace

base::Result<ArpSocket> ArpSocket::open_sender() {
    base::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return base::system_error("cannot open a packet socket");
    return ArpSocket(std::move(fd));
}

base::Result<ArpSocket> ArpSocket::open_listener(int link) {
    TRY(ArpSocket socket, open_sender());
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ARP);
    address.sll_ifindex = link;
    if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return base::system_error("cannot listen for ARP");
    }
    return socket;
}

base::Status ArpSocket::send(int link, const ArpFrame& frame) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ARP);
    address.sll_ifindex = link;
    address.sll_halen = 6;
    std::memcpy(address.sll_addr, frame.data(), 6);
    const ssize_t n = ::sendto(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    if (n < 0) return base::system_error("cannot send ARP");
    return base::ok();
}

std::optional<ArpSighting> ArpSocket::receive() {
    std::array<std::uint8_t, 256> frame{};
    while (true) {
        const ssize_t n = ::recv(fd_.get(), frame.data(), frame.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;  // nothing there, or the interface went down: silence either way
        if (const auto seen = parse_arp(base::ByteView(frame).first(static_cast<std::size_t>(n))))
            return seen;
    }
}

}  // namespace agents

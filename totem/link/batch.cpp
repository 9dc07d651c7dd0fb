#include "totem/link/batch.hpp"

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "totem/base/check.hpp"

namespace totem {

namespace {

constexpr int kTries = 3;

// What an ICMP message makes of a socket's next call.
bool was_icmp(int error) {
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN ||
           error == EPROTO || error == ENOPROTOOPT || error == EMSGSIZE || error == EACCES;
}

// Whether the error that came with it is that nobody listens at the port.
bool is_refusal(msghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6) continue;
        sock_extended_err error{};
        std::memcpy(&error, CMSG_DATA(c), sizeof error);
        if (error.ee_origin == SO_EE_ORIGIN_ICMP && error.ee_type == ICMP_DEST_UNREACH &&
            error.ee_code == ICMP_PORT_UNREACH)
            return true;
        if (error.ee_origin == SO_EE_ORIGIN_ICMP6 && error.ee_type == ICMPV6_DEST_UNREACH &&
            error.ee_code == ICMPV6_PORT_UNREACH)
            return true;
    }
    return false;
}

}  // namespace

std::vector<IpAddress> take_refusals(int fd) {
    std::vector<IpAddress> refused;
    while (true) {
        base::SocketAddress to;
        alignas(cmsghdr) std::array<char, 512> control{};
        std::array<char, 64> start{};  // of the datagram that was refused: not of interest
        iovec buffer{start.data(), start.size()};
        msghdr message{};
        message.msg_name = to.data();
        message.msg_namelen = base::SocketAddress::kRoom;
        message.msg_iov = &buffer;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t n = ::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return refused;
        if (is_refusal(message)) refused.push_back(to.ip());
    }
}

ReceiveBatch::ReceiveBatch()
    : memory_(static_cast<std::uint8_t*>(::mmap(nullptr, kSlots * kSlotSize, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))),
      received_(kSlots),
      sources_(kSlots),
      buffers_(kSlots),
      headers_(kSlots),
      controls_(kSlots) {
    ASSERT(memory_ != MAP_FAILED);
    for (std::size_t i = 0; i < kSlots; ++i) {
        buffers_[i] = {memory_ + i * kSlotSize, kSlotSize};
        headers_[i].msg_hdr.msg_name = sources_[i].data();
        headers_[i].msg_hdr.msg_iov = &buffers_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
        headers_[i].msg_hdr.msg_control = controls_[i].bytes.data();
    }
}

ReceiveBatch::~ReceiveBatch() {
    ::munmap(memory_, kSlots * kSlotSize);
}

namespace {

void note_drops(msghdr& message, std::uint32_t& dropped) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
            std::memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
    }
}

}  // namespace

bool ReceiveBatch::receive(int fd, std::size_t limit, std::uint32_t& dropped) {
    limit = std::min(limit, kSlots);
    int tries = 0;
    while (used_ < limit) {
        const std::size_t room = limit - used_;
        for (std::size_t i = used_; i < limit; ++i) {
            headers_[i].msg_hdr.msg_namelen = base::SocketAddress::kRoom;
            headers_[i].msg_hdr.msg_controllen = sizeof controls_[i].bytes;
        }
        const int n = ::recvmmsg(fd, &headers_[used_], static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
        // An error that was waiting at the socket (ICMP) is told once, in place of what was asked for.
        if (n < 0 && (errno == EINTR || (was_icmp(errno) && tries++ < kTries))) continue;
        if (n <= 0) return true;
        for (int i = 0; i < n; ++i, ++used_) {
            if (headers_[used_].msg_hdr.msg_controllen > 0) note_drops(headers_[used_].msg_hdr, dropped);
            received_[used_].source = sources_[used_].ip();
            received_[used_].bytes = {memory_ + used_ * kSlotSize, headers_[used_].msg_len};
        }
        if (static_cast<std::size_t>(n) < room) return true;
    }
    return false;
}

void SendBatch::add(int fd, const base::SocketAddress& to, base::ByteView frame) {
    if (used_ == kSlots) flush(fd);
    targets_[used_] = to;
    // The kernel's type serves reading and writing; sending only reads.
    buffers_[used_] = {const_cast<std::uint8_t*>(frame.data()), frame.size()};
    msghdr& header = headers_[used_].msg_hdr;
    header = {};
    header.msg_name = targets_[used_].data();
    header.msg_namelen = targets_[used_].size();
    header.msg_iov = &buffers_[used_];
    header.msg_iovlen = 1;
    ++used_;
}

void SendBatch::flush(int fd) {
    int tries = 0;
    for (std::size_t at = 0; at < used_;) {
        const int n =
            ::sendmmsg(fd, &headers_[at], static_cast<unsigned>(used_ - at), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            at += static_cast<std::size_t>(n);
            counters_.sent += static_cast<std::uint64_t>(n);
        } else if (was_icmp(errno) && tries++ < kTries) {
            continue;  // the error of a former datagram: this one has not been tried
        } else if (errno != EINTR) {
            // The error belongs to the first datagram; those behind it have their own chance.
            counters_.last_error = errno;
            ++counters_.failed;
            ++at;
            tries = 0;
        }
    }
    used_ = 0;
}

}  // namespace totem

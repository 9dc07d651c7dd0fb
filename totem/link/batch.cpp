#include "totem/link/batch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "totem/base/check.hpp"

namespace totem {

sockaddr_in socket_address(Ipv4 address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(address.value);
    return out;
}

ReceiveBatch::ReceiveBatch()
    : memory_(static_cast<std::uint8_t*>(::mmap(nullptr, kSlots * kSlotSize, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))),
      received_(kSlots),
      sources_(kSlots),
      buffers_(kSlots),
      headers_(kSlots) {
    ASSERT(memory_ != MAP_FAILED);
    for (std::size_t i = 0; i < kSlots; ++i) {
        buffers_[i] = {memory_ + i * kSlotSize, kSlotSize};
        headers_[i].msg_hdr.msg_name = &sources_[i];
        headers_[i].msg_hdr.msg_iov = &buffers_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
}

ReceiveBatch::~ReceiveBatch() {
    ::munmap(memory_, kSlots * kSlotSize);
}

bool ReceiveBatch::receive(int fd, std::size_t limit) {
    limit = std::min(limit, kSlots);
    while (used_ < limit) {
        const std::size_t room = limit - used_;
        for (std::size_t i = used_; i < limit; ++i) headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
        const int n = ::recvmmsg(fd, &headers_[used_], static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        for (int i = 0; i < n; ++i, ++used_) {
            received_[used_].source = Ipv4{ntohl(sources_[used_].sin_addr.s_addr)};
            received_[used_].bytes = {memory_ + used_ * kSlotSize, headers_[used_].msg_len};
        }
        if (static_cast<std::size_t>(n) < room) return true;
    }
    return false;
}

void SendBatch::add(int fd, const sockaddr_in& to, base::ByteView frame) {
    if (used_ == kSlots) flush(fd);
    targets_[used_] = to;
    // The kernel's type serves reading and writing; sending only reads.
    buffers_[used_] = {const_cast<std::uint8_t*>(frame.data()), frame.size()};
    msghdr& header = headers_[used_].msg_hdr;
    header = {};
    header.msg_name = &targets_[used_];
    header.msg_namelen = sizeof(sockaddr_in);
    header.msg_iov = &buffers_[used_];
    header.msg_iovlen = 1;
    ++used_;
}

void SendBatch::flush(int fd) {
    for (std::size_t at = 0; at < used_;) {
        const int n =
            ::sendmmsg(fd, &headers_[at], static_cast<unsigned>(used_ - at), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            at += static_cast<std::size_t>(n);
            counters_.sent += static_cast<std::uint64_t>(n);
        } else if (errno != EINTR) {
            // The error belongs to the first datagram; those behind it have their own chance.
            counters_.last_error = errno;
            ++counters_.failed;
            ++at;
        }
    }
    used_ = 0;
}

}  // namespace totem

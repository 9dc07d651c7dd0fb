// Many datagrams to one system call.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/datagram.hpp"
#include "totem/base/socket_address.hpp"
#include "totem/link/address.hpp"

namespace totem {

using base::Received;

// Slots that receive datagrams of any size. The memory is reserved once and only touched as far as datagrams
// fill it.
class ReceiveBatch {
  public:
    static constexpr std::size_t kSlots = 128;
    static constexpr std::size_t kSlotSize =
        65536;  // more than the largest UDP datagram: nothing is ever cut
    ReceiveBatch();
    ReceiveBatch(const ReceiveBatch&) = delete;
    ReceiveBatch& operator=(const ReceiveBatch&) = delete;
    ~ReceiveBatch();

    void clear() { used_ = 0; }
    // Appends what is waiting at the socket, until it is empty (true) or `limit` slots are used in all
    // (false). `dropped`: how many the kernel has dropped at this socket before the last one of these that
    // came after such a loss; left alone if there was none. The socket needs SO_RXQ_OVFL.
    bool receive(int fd, std::size_t limit, std::uint32_t& dropped);
    [[nodiscard]] std::span<const Received> all() const { return {received_.data(), used_}; }

  private:
    std::uint8_t* memory_;
    std::size_t used_{0};
    std::vector<Received> received_;
    std::vector<base::SocketAddress> sources_;
    std::vector<iovec> buffers_;
    std::vector<mmsghdr> headers_;
    struct alignas(cmsghdr) Control {
        std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint32_t))> bytes;
    };
    std::vector<Control> controls_;
};

// Collects datagrams for one socket and sends them together. Failures are counted: the ring repeats what
// matters.
class SendBatch {
  public:
    struct Counters {
        std::uint64_t sent{0}, failed{0};
        int last_error{0};  // errno of the last failure
    };
    // The frame must stay where it is until flush().
    void add(int fd, const base::SocketAddress& to, base::ByteView frame);
    void flush(int fd);
    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    static constexpr std::size_t kSlots = 64;
    std::size_t used_{0};
    std::array<base::SocketAddress, kSlots> targets_{};
    std::array<iovec, kSlots> buffers_{};
    std::array<mmsghdr, kSlots> headers_{};
    Counters counters_;
};

// Takes what ICMP said about datagrams that this socket sent; returns where nobody listens at the port.
// Anybody could have sent that. The socket needs IP_RECVERR or IPV6_RECVERR.
[[nodiscard]] std::vector<IpAddress> take_refusals(int fd);

}  // namespace totem

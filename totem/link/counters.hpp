// What a link counted, for status.
#pragma once

#include <cstdint>
#include <string>

namespace totem {

struct LinkCounters {
    std::uint64_t received{0}, sent{0};
    // Datagrams that the operating system refused to send (full buffers, no route, a firewall), and why it
    // refused the last one.
    std::uint64_t send_failed{0};
    std::string last_send_error;  // empty: none so far
    // Datagrams that the kernel dropped because this process did not fetch them in time.
    std::uint64_t overflowed{0};
    // Bytes that the kernel keeps for us until then. Without CAP_NET_ADMIN bounded by net.core.rmem_max.
    std::size_t receive_buffer{0};
    // Frames dropped because the own address is not there.
    std::uint64_t unsent{0};
};

}  // namespace totem

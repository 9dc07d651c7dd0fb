// What a link counted, for status.
#pragma once

#include <cstdint>
#include <string>

namespace totem {

struct LinkCounters {
    std::uint64_t received{0}, sent{0};
    std::uint64_t send_failed{
        0};  // the operating system refused a datagram (full buffers, no route, a firewall)
    std::string last_send_error;  // in words; empty: none so far
    std::uint64_t overflowed{
        0};  // datagrams that the kernel dropped because this process did not fetch them in time
    std::uint64_t unsent{0};  // frames dropped because the own address is not there
};

}  // namespace totem

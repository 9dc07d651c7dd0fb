#include "membership/config/detail/ipv4.hpp"

#include <arpa/inet.h>

#include <array>

namespace membership::detail {

std::optional<std::uint32_t> parse_ipv4(const std::string& text) {
    in_addr address{};
    if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
    return ntohl(address.s_addr);
}

std::string format_ipv4(std::uint32_t address) {
    const in_addr raw{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET, &raw, text.data(), text.size());
}

bool is_multicast(const std::string& text) {
    const auto address = parse_ipv4(text);
    return address && *address >> 28 == 14;
}

bool is_loopback(const std::string& text) {
    const auto address = parse_ipv4(text);
    return address && *address >> 24 == 127;
}

}  // namespace membership::detail

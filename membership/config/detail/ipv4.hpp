// IPv4 addresses as numbers and as dotted quads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace membership::detail {

// Exactly four decimal numbers, as inet_pton takes them ("10.1" is none); host byte order.
[[nodiscard]] std::optional<std::uint32_t> parse_ipv4(const std::string& text);
[[nodiscard]] std::string format_ipv4(std::uint32_t address);

[[nodiscard]] bool is_multicast(const std::string& text);
[[nodiscard]] bool is_loopback(const std::string& text);

}  // namespace membership::detail

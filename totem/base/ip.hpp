// IP addresses of both versions as values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};  // in the order of the wire; IPv4: the first four
    bool v6{false};
    std::array<char, 16> scope{};  // of a link-local IPv6 address: the interface's name, ended by a zero
    bool operator==(const IpAddress&) const = default;

    // The same but for the scope, which an address has on this machine only.
    [[nodiscard]] bool same_as(const IpAddress& other) const {
        return v6 == other.v6 && bytes == other.bytes;
    }
    [[nodiscard]] bool is_any() const { return bytes == decltype(bytes){}; }
    [[nodiscard]] bool is_loopback() const;  // 127.0.0.0/8, ::1
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_link_local() const;  // fe80::/10; never IPv4
    [[nodiscard]] std::size_t size() const { return v6 ? 16 : 4; }
};

// A dotted quad, or IPv6 as in RFC 4291 with an optional "%interface"; nothing else. IPv4 in the clothes of
// IPv6 (::ffff:10.0.0.1) is none.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
// As parse_ip() takes it, the shortest form (RFC 5952).
[[nodiscard]] std::string to_string(const IpAddress& address);

}  // namespace base

#include "totem/base/ip.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace base {

bool IpAddress::is_loopback() const {
    if (!v6) return bytes[0] == 127;
    return bytes.back() == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
}

bool IpAddress::is_multicast() const {
    return v6 ? bytes[0] == 0xff : bytes[0] >> 4 == 14;
}

bool IpAddress::is_link_local() const {
    return v6 && bytes[0] == 0xfe && bytes[1] >> 6 == 2;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    IpAddress out;
    std::string address(text);
    if (::inet_pton(AF_INET, address.c_str(), out.bytes.data()) == 1) return out;
    out.v6 = true;
    if (const auto at = address.find('%'); at != std::string::npos) {
        const std::string scope = address.substr(at + 1);
        if (scope.empty() || scope.size() >= out.scope.size()) return std::nullopt;
        std::copy(scope.begin(), scope.end(), out.scope.begin());
        address.resize(at);
    }
    if (::inet_pton(AF_INET6, address.c_str(), out.bytes.data()) != 1) return std::nullopt;
    constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(kMapped.begin(), kMapped.end(), out.bytes.begin())) return std::nullopt;
    if (out.scope[0] != 0 && !out.is_link_local() && !out.is_multicast()) return std::nullopt;
    return out;
}

std::string to_string(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
    std::string out = text.data();
    if (address.scope[0] != 0) out += "%" + std::string(address.scope.data());
    return out;
}

}  // namespace base

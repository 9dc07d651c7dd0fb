// IP addresses as the system's socket calls take them: for edges.
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "totem/base/ip.hpp"

namespace base {

// NOLINTBEGIN(cppcoreguidelines-pro-type-member-init): of a union one member is initialised
class SocketAddress {
  public:
    SocketAddress() = default;
    SocketAddress(const IpAddress& ip, std::uint16_t port) {
        if (!ip.v6) {
            v4_.sin_family = AF_INET;
            v4_.sin_port = htons(port);
            std::memcpy(&v4_.sin_addr, ip.bytes.data(), sizeof v4_.sin_addr);
            return;
        }
        v6_ = {};
        v6_.sin6_family = AF_INET6;
        v6_.sin6_port = htons(port);
        std::memcpy(&v6_.sin6_addr, ip.bytes.data(), sizeof v6_.sin6_addr);
        if (ip.scope[0] != 0) v6_.sin6_scope_id = ::if_nametoindex(ip.scope.data());
    }
    // NOLINTEND(cppcoreguidelines-pro-type-member-init)
    // Without a scope. A family that is none of IP gives 0.0.0.0.
    [[nodiscard]] IpAddress ip() const {
        IpAddress out;
        if (any_.sa_family == AF_INET) std::memcpy(out.bytes.data(), &v4_.sin_addr, sizeof v4_.sin_addr);
        if (any_.sa_family == AF_INET6) {
            out.v6 = true;
            std::memcpy(out.bytes.data(), &v6_.sin6_addr, sizeof v6_.sin6_addr);
        }
        return out;
    }
    [[nodiscard]] std::uint16_t port() const { return ntohs(v6_.sin6_port); }  // in the same place in both
    [[nodiscard]] sockaddr* data() { return &any_; }
    [[nodiscard]] const sockaddr* data() const { return &any_; }
    [[nodiscard]] socklen_t size() const { return any_.sa_family == AF_INET6 ? sizeof v6_ : sizeof v4_; }
    static constexpr socklen_t kRoom = sizeof(sockaddr_in6);  // for calls that fill one in

  private:
    union {
        sockaddr any_;
        sockaddr_in v4_;
        sockaddr_in6 v6_{};
    };
};

// Of what getifaddrs hands out, which may be nothing.
[[nodiscard]] inline IpAddress ip_of(const sockaddr* address) {
    SocketAddress out;
    if (address == nullptr) return {};
    if (address->sa_family == AF_INET) std::memcpy(out.data(), address, sizeof(sockaddr_in));
    if (address->sa_family == AF_INET6) std::memcpy(out.data(), address, sizeof(sockaddr_in6));
    return out.ip();
}

}  // namespace base

// What the kernel says about interfaces, addresses and routes, as values, and the questions that the agent
// asks of them. Pure: netlink.hpp fills it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/vip/address.hpp"
#include "totem/base/result.hpp"

namespace agents {

struct Link {
    int index{0};
    std::string name;
    Mac mac;
    bool ethernet{false};  // has a hardware address of six octets and speaks ARP
    bool loopback{false};
    bool up{false};  // administratively
    bool carrier{false};
    bool operator==(const Link&) const = default;
};

struct HostAddress {
    int link{0};
    Ipv4 ip;
    std::uint8_t prefix{32};
    std::uint8_t proto{0};  // who put it there; 0 on kernels before 5.18
    bool secondary{false};  // another address of the same subnet came first
    bool operator==(const HostAddress&) const = default;
};

// A route of the main table without a gateway.
struct OnLinkRoute {
    int link{0};
    Ipv4 destination;
    std::uint8_t prefix{0};
    std::uint32_t metric{0};
    bool operator==(const OnLinkRoute&) const = default;
};

struct HostView {
    std::vector<Link> links;
    std::vector<HostAddress> addresses;
    std::vector<OnLinkRoute> routes;

    [[nodiscard]] const Link* link(int index) const;
    [[nodiscard]] const Link* link(std::string_view name) const;
};

// IFA_PROTO of the addresses that this agent adds, so that they are recognised after a restart (`ip addr`
// shows "proto 0xc5").
inline constexpr std::uint8_t kAddressProto = 0xc5;

// Where the address goes.
struct Site {
    Link link;
    std::uint8_t prefix{32};
    std::optional<Ipv4> broadcast;
    std::string label;  // "eth0:web", empty: none
};
// The named interface, else that of the longest on-link route that matches (lowest metric, then lowest index
// on a tie). Error: no such interface, no route, label too long.
[[nodiscard]] base::Result<Site> choose_site(const HostView& view, const AddressRequest& request);

// Entries of this IP on interfaces other than loopback.
struct Presence {
    std::vector<HostAddress>
        ours;  // on the requested interface (if one is named), with the requested prefix (if one is given)
    std::vector<HostAddress>
        stale;  // elsewhere or otherwise, with our mark: of a former definition of the resource
    std::vector<HostAddress> foreign;  // elsewhere or otherwise, put there by somebody else
};
[[nodiscard]] Presence find_address(const HostView& view, const AddressRequest& request);

// Whether deleting `address` would take other addresses of its subnet with it, unless promote_secondaries is
// set.
[[nodiscard]] bool has_secondaries(const HostView& view, const HostAddress& address);

// "192.0.2.10/32 on eth0"
[[nodiscard]] std::string describe(const HostView& view, const HostAddress& address);

}  // namespace agents

// Names to addresses, and which of the nodes is this one.
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "membership/config/config.hpp"
#include "totem/base/ip.hpp"
#include "totem/base/socket_address.hpp"

namespace membership {

namespace {

bool is_loopback(const std::string& ip) {
    const auto address = base::parse_ip(ip);
    return address && address->is_loopback();
}

bool is_v6(const std::string& ip) {
    return ip.find(':') != std::string::npos;
}

std::string at(const NodeConfig& config, const NodeAddress& address) {
    return config.file + ":" + std::to_string(address.line) + ": nodelist.node.ring" +
           std::to_string(address.link) + "_addr: ";
}

std::string listed(const std::vector<std::string>& items) {
    std::string out;
    for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
    return out.empty() ? "none" : out;
}

std::string configured(const NodeConfig& config) {
    std::vector<std::string> items;
    for (const NodeEntry& node : config.nodes) {
        for (const NodeAddress& address : node.addresses) {
            items.push_back(node.name + " " + address.ip +
                            (address.written == address.ip ? "" : " (" + address.written + ")"));
        }
    }
    return listed(items);
}

// Those that the name may stand for; of a preferred version, those of the other one where there are none.
void choose_version(std::vector<std::string>& found, IpVersion version) {
    const bool want6 = version == IpVersion::v6 || version == IpVersion::v6_first;
    const auto others =
        std::stable_partition(found.begin(), found.end(), [&](const auto& ip) { return is_v6(ip) == want6; });
    const bool strict = version == IpVersion::v4 || version == IpVersion::v6;
    if (strict || others != found.begin()) found.erase(others, found.end());
}

base::Result<std::string> resolve(const NodeConfig& config, const NodeAddress& address,
                                  const Resolver& resolver) {
    const std::string& written = address.written;
    const auto invalid = [&](const std::string& message) {
        return base::Error{base::Errc::invalid, at(config, address) + message};
    };
    if (const auto ip = base::parse_ip(written)) {
        if (!ip->is_loopback()) return to_string(*ip);
        return invalid("expected the address by which the other nodes reach this one, found " + written +
                       ", which is loopback on every machine");
    }
    std::vector<std::string> found = resolver(written);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    const auto first_loopback = std::stable_partition(found.begin(), found.end(), std::not_fn(is_loopback));
    if (first_loopback == found.begin() && !found.empty()) {
        return invalid(
            "the name " + written + " resolves to " + found.front() +
            ", which is loopback: other nodes can't reach it. Debian's installer writes such a line into "
            "/etc/hosts; change it there to the node's real address, or write that address here");
    }
    found.erase(first_loopback, found.end());
    choose_version(found, config.totem.ip_version);
    if (found.empty()) {
        const std::string kind = config.totem.ip_version == IpVersion::v4   ? "IPv4 "
                                 : config.totem.ip_version == IpVersion::v6 ? "IPv6 "
                                                                            : "";
        return base::Error{base::Errc::not_found,
                           at(config, address) + "no " + kind + "address is known for the name " + written +
                               ": write the address itself, or put the name into /etc/hosts on every node"};
    }
    if (found.size() > 1) {
        return invalid("expected a name with one address, but " + written + " has " + listed(found) +
                       ": write the address that the ring shall use");
    }
    return found.front();
}

// What a link has to be in itself.
base::Status check_link(const NodeConfig& config, const LinkOptions& link) {
    const NodeAddress* first = nullptr;
    for (const NodeEntry& node : config.nodes) {
        for (const NodeAddress& address : node.addresses) {
            if (address.link != link.number) continue;
            if (first == nullptr) first = &address;
            if (is_v6(address.ip) == is_v6(first->ip)) continue;
            return base::Error{base::Errc::invalid,
                               at(config, address) + "expected addresses of one IP version on link " +
                                   std::to_string(link.number) + ", found " + first->ip + " in line " +
                                   std::to_string(first->line) + " and " + address.ip + " here"};
        }
    }
    const bool v6 = first != nullptr && is_v6(first->ip);
    const std::string section = config.file + ":" + std::to_string(link.line) + ": totem.interface.";
    if (link.transport == Transport::broadcast && v6) {
        return base::Error{base::Errc::invalid, section +
                                                    "broadcast: IPv6 has none; use \"transport: udpu\", "
                                                    "or \"transport: udp\" for multicast"};
    }
    if (link.multicast_group.empty() || is_v6(link.multicast_group) == v6) return base::ok();
    return base::Error{base::Errc::invalid,
                       section + "mcastaddr: expected a group of the IP version of the " +
                           "link's addresses (" + first->ip + "), found " + link.multicast_group};
}

// The addresses of this machine with their masks, in the order of the wire.
struct Local {
    base::IpAddress address, mask;
};

std::vector<Local> read_interfaces() {
    ifaddrs* raw = nullptr;
    if (getifaddrs(&raw) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(raw, &freeifaddrs);
    std::vector<Local> out;
    for (const ifaddrs* item = list.get(); item != nullptr; item = item->ifa_next) {
        if (item->ifa_addr == nullptr || item->ifa_netmask == nullptr) continue;
        if (item->ifa_addr->sa_family != AF_INET && item->ifa_addr->sa_family != AF_INET6) continue;
        Local local{base::ip_of(item->ifa_addr), base::ip_of(item->ifa_netmask)};
        if (local.address.is_loopback()) continue;
        const std::string_view name = item->ifa_name;
        if (local.address.is_link_local() && name.size() < local.address.scope.size())
            std::copy(name.begin(), name.end(), local.address.scope.begin());
        out.push_back(local);
    }
    return out;
}

}  // namespace

std::vector<std::string> system_resolver(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* raw = nullptr;
    if (getaddrinfo(name.c_str(), nullptr, &hints, &raw) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(raw, &freeaddrinfo);
    std::vector<std::string> out;
    for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
        const bool ip = item->ai_family == AF_INET || item->ai_family == AF_INET6;
        if (ip) out.push_back(to_string(base::ip_of(item->ai_addr)));
    }
    return out;
}

std::vector<std::string> local_addresses() {
    std::vector<std::string> out;
    for (const Local& local : read_interfaces()) out.push_back(to_string(local.address));
    return out;
}

std::vector<std::string> broadcast_addresses() {
    std::vector<std::string> out;
    for (const Local& local : read_interfaces()) {
        constexpr std::uint8_t kHostBits = 0x03;  // a network of one or two addresses has none
        if (local.address.v6 || (~local.mask.bytes[3] & kHostBits) != kHostBits) continue;
        base::IpAddress address = local.address;
        for (std::size_t i = 0; i < address.size(); ++i)
            address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] | ~local.mask.bytes[i]);
        out.push_back(to_string(address));
    }
    return out;
}

std::string local_bind_address(const std::string& bindnetaddr) {
    const auto wanted = base::parse_ip(bindnetaddr);
    if (!wanted) return {};
    const std::vector<Local> all = read_interfaces();
    const auto pick = [&](auto matches) {
        const auto found = std::find_if(all.begin(), all.end(), matches);
        return found == all.end() ? std::string() : to_string(found->address);
    };
    const auto in_network = [&](const Local& local) {
        if (local.address.v6 != wanted->v6) return false;
        for (std::size_t i = 0; i < wanted->size(); ++i) {
            if (((local.address.bytes[i] ^ wanted->bytes[i]) & local.mask.bytes[i]) != 0) return false;
        }
        return true;
    };
    std::string exact = pick([&](const Local& local) { return local.address.same_as(*wanted); });
    return exact.empty() ? pick(in_network) : exact;
}

base::Status resolve_addresses(NodeConfig& config, const Resolver& resolver) {
    std::map<std::string, std::pair<const NodeEntry*, int>> owners;  // with the line
    for (NodeEntry& node : config.nodes) {
        for (NodeAddress& address : node.addresses) {
            TRY(address.ip, resolve(config, address, resolver));
            const auto [owner, inserted] = owners.emplace(address.ip, std::pair(&node, address.line));
            if (inserted) continue;
            return base::Error{base::Errc::invalid,
                               at(config, address) + "expected a different address " +
                                   (owner->second.first == &node ? "on each link" : "for each node") +
                                   ", but " + address.ip + " is also that of node " +
                                   owner->second.first->name + " in line " +
                                   std::to_string(owner->second.second)};
        }
    }
    for (const LinkOptions& link : config.totem.links) TRY_OK(check_link(config, link));
    return base::ok();
}

base::Result<base::NodeId> find_own_node(NodeConfig& config, const std::vector<std::string>& local,
                                         const std::string& host_name) {
    NodeEntry* own = nullptr;
    for (NodeEntry& node : config.nodes) {
        if (std::none_of(node.addresses.begin(), node.addresses.end(), [&](const NodeAddress& a) {
                return std::find(local.begin(), local.end(), a.ip) != local.end();
            }))
            continue;
        if (own != nullptr) {
            return base::Error{base::Errc::conflict,
                               config.file +
                                   ": several nodes of the nodelist are this machine: " + own->name +
                                   " (line " + std::to_string(own->line) + ") and " + node.name + " (line " +
                                   std::to_string(node.line) + "). Configured: " + configured(config) +
                                   "; local: " + listed(local) + ". Correct the ring0_addr of one of them"};
        }
        own = &node;
    }
    if (own == nullptr) {
        return base::Error{base::Errc::not_found,
                           config.file +
                               ": no node of the nodelist has an address of this machine. Configured: " +
                               configured(config) + "; local: " + listed(local) +
                               ". Wait for the address to come up, or correct the nodelist"};
    }
    if (own->named) return own->id;
    for (const NodeEntry& node : config.nodes) {
        if (node.id == own->id || node.name != host_name) continue;
        return base::Error{base::Errc::invalid,
                           config.file + ":" + std::to_string(own->line) + ": node " +
                               base::to_string(own->id) + " has no name in the file, and this host's name, " +
                               host_name + ", is that of node " + base::to_string(node.id) +
                               ": add a line \"name: ...\" to each node section"};
    }
    own->name = host_name;
    return own->id;
}

}  // namespace membership

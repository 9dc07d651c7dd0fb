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

#include "membership/config/config.hpp"
#include "membership/config/detail/ipv4.hpp"

namespace membership {

namespace {

using detail::is_loopback;

std::string at(const NodeConfig& config, const NodeEntry& node) {
    return config.file + ":" + std::to_string(node.line) + ": nodelist.node.ring0_addr: ";
}

std::string listed(const std::vector<std::string>& items) {
    std::string out;
    for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
    return out.empty() ? "none" : out;
}

std::string configured(const NodeConfig& config) {
    std::vector<std::string> items;
    for (const NodeEntry& node : config.nodes) {
        items.push_back(node.name + " " + node.address +
                        (node.ring0_addr == node.address ? "" : " (" + node.ring0_addr + ")"));
    }
    return listed(items);
}

base::Result<std::string> resolve(const NodeConfig& config, const NodeEntry& node, const Resolver& resolver) {
    const auto invalid = [&](const std::string& message) {
        return base::Error{base::Errc::invalid, at(config, node) + message};
    };
    if (detail::parse_ipv4(node.ring0_addr)) {
        if (!is_loopback(node.ring0_addr)) return node.ring0_addr;
        return invalid("expected the address by which the other nodes reach this one, found " +
                       node.ring0_addr + ", which is loopback on every machine");
    }
    std::vector<std::string> found = resolver(node.ring0_addr);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (found.empty()) {
        return base::Error{base::Errc::not_found,
                           at(config, node) + "no IPv4 address is known for the name " + node.ring0_addr +
                               ": write the address itself, or put the name into /etc/hosts on every node"};
    }
    const auto first_loopback = std::stable_partition(found.begin(), found.end(), std::not_fn(is_loopback));
    if (first_loopback == found.begin()) {
        return invalid(
            "the name " + node.ring0_addr + " resolves to " + found.front() +
            ", which is loopback: other nodes can't reach it. Debian's installer writes such a line into "
            "/etc/hosts; change it there to the node's real address, or write that address here");
    }
    found.erase(first_loopback, found.end());
    if (found.size() > 1) {
        return invalid("expected a name with one address, but " + node.ring0_addr + " has " + listed(found) +
                       ": write the address that the ring shall use");
    }
    return found.front();
}

// The IPv4 addresses of this machine with their masks, in host byte order.
struct Local {
    std::uint32_t address, mask;
};

std::vector<Local> read_interfaces() {
    ifaddrs* raw = nullptr;
    if (getifaddrs(&raw) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(raw, &freeifaddrs);
    std::vector<Local> out;
    for (const ifaddrs* item = list.get(); item != nullptr; item = item->ifa_next) {
        if (item->ifa_addr == nullptr || item->ifa_addr->sa_family != AF_INET || item->ifa_netmask == nullptr)
            continue;
        const auto number = [](const sockaddr* from) {
            sockaddr_in in{};
            std::copy_n(reinterpret_cast<const char*>(from), sizeof in, reinterpret_cast<char*>(&in));
            return ntohl(in.sin_addr.s_addr);
        };
        const std::uint32_t address = number(item->ifa_addr);
        if (address >> 24 != 127) out.push_back({address, number(item->ifa_netmask)});
    }
    return out;
}

}  // namespace

std::vector<std::string> system_resolver(const std::string& name) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* raw = nullptr;
    if (getaddrinfo(name.c_str(), nullptr, &hints, &raw) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(raw, &freeaddrinfo);
    std::vector<std::string> out;
    for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
        sockaddr_in in{};
        std::copy_n(reinterpret_cast<const char*>(item->ai_addr), sizeof in, reinterpret_cast<char*>(&in));
        out.push_back(detail::format_ipv4(ntohl(in.sin_addr.s_addr)));
    }
    return out;
}

std::vector<std::string> local_addresses() {
    std::vector<std::string> out;
    for (const Local& local : read_interfaces()) out.push_back(detail::format_ipv4(local.address));
    return out;
}

std::string local_bind_address(const std::string& bindnetaddr) {
    const auto wanted = detail::parse_ipv4(bindnetaddr);
    if (!wanted) return {};
    const std::vector<Local> all = read_interfaces();
    const auto pick = [&](auto matches) {
        const auto found = std::find_if(all.begin(), all.end(), matches);
        return found == all.end() ? std::string() : detail::format_ipv4(found->address);
    };
    std::string exact = pick([&](const Local& l) { return l.address == *wanted; });
    return exact.empty() ? pick([&](const Local& l) { return (l.address & l.mask) == (*wanted & l.mask); })
                         : exact;
}

base::Status resolve_addresses(NodeConfig& config, const Resolver& resolver) {
    std::map<std::string, const NodeEntry*> owners;
    for (NodeEntry& node : config.nodes) {
        TRY(node.address, resolve(config, node, resolver));
        const auto [owner, inserted] = owners.emplace(node.address, &node);
        if (inserted) continue;
        return base::Error{base::Errc::invalid,
                           at(config, node) + "expected a different address for each node, but " +
                               node.address + " is also that of node " + owner->second->name + " in line " +
                               std::to_string(owner->second->line)};
    }
    return base::ok();
}

base::Result<base::NodeId> find_own_node(NodeConfig& config, const std::vector<std::string>& local,
                                         const std::string& host_name) {
    NodeEntry* own = nullptr;
    for (NodeEntry& node : config.nodes) {
        if (std::find(local.begin(), local.end(), node.address) == local.end()) continue;
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

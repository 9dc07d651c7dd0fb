#include "membership/config/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace membership {

base::Duration TotemOptions::consensus_timeout() const {
    return consensus.value_or(std::max(join * 6, token * 3 / 10));
}

base::NodeSet NodeConfig::roster() const {
    base::NodeSet out;
    for (const NodeEntry& node : nodes) out.insert(node.id);
    return out;
}

const NodeEntry* NodeConfig::find(base::NodeId id) const {
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const NodeEntry& n) { return n.id == id; });
    return at == nodes.end() ? nullptr : &*at;
}

namespace {

// FNV-1a, 32 bits.
std::uint32_t hash_of(const std::string& text) {
    std::uint32_t hash = 2166136261u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

}  // namespace

std::string NodeConfig::multicast_group(const LinkOptions& link) const {
    if (!link.multicast_group.empty()) return link.multicast_group;
    const auto& addresses = nodes.front().addresses;
    const auto at = std::find_if(addresses.begin(), addresses.end(),
                                 [&](const NodeAddress& a) { return a.link == link.number; });
    const bool v6 = at != addresses.end() && at->ip.find(':') != std::string::npos;
    const std::uint32_t hash = hash_of(totem.cluster_name);
    if (v6) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "ff15::77:%x:%x", hash >> 16, hash & 0xffffu);
        return text.data();
    }
    if (totem.cluster_name.empty()) return "239.192.77.1";
    return "239.192." + std::to_string((hash >> 8) & 255u) + "." + std::to_string(hash & 255u);
}

base::Result<NodeConfig> load_config(const std::string& path) {
    std::string text;
    errno = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    std::array<char, 4096> part{};
    std::size_t n = 0;
    while (file && (n = std::fread(part.data(), 1, part.size(), file.get())) > 0) text.append(part.data(), n);
    if (file && std::ferror(file.get()) == 0) return parse_config(text, path, local_bind_address);
    const int error = errno;
    const std::string message = path + ": the node file can't be read: " + std::strerror(error);
    if (error != ENOENT) return base::Error{base::Errc::io, message};
    return base::Error{
        base::Errc::not_found,
        message +
            ". Without it the nodes of the cluster are not known; an existing corosync.conf can be "
            "copied there as it is"};
}

}  // namespace membership

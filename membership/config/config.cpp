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

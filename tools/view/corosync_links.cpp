// corosync-cfgtool.
#include <algorithm>

#include "tools/view/corosync.hpp"
#include "tools/view/lookup.hpp"

namespace tools {
namespace {

// The shape of what follows is that of the transport knet: links with a state for each node.
std::string cfgtool_head(const RingReply& reply) {
    return "Local node ID " + to_string(reply.node_id) + ", transport knet\n";
}

bool is_up(const RingReply& reply, base::NodeId peer, std::uint32_t number) {
    return std::any_of(reply.links.begin(), reply.links.end(), [&](const RingLink& link) {
        return link.peer == peer && link.number == number && link.state == "up";
    });
}

std::vector<base::NodeId> ascending(const RingReply& reply) {
    std::vector<base::NodeId> ids;
    for (const RingNode& node : reply.nodes) ids.push_back(node.id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

}  // namespace

std::string cfgtool_status(const RingReply& reply, bool brief) {
    std::string out = cfgtool_head(reply);
    const RingNode* self = find_node(reply, reply.node_id);
    if (self == nullptr) return out;
    for (const RingAddress& own : self->addresses) {
        out += "LINK ID " + std::to_string(own.link) + " udp\n\taddr\t= " + own.address + "\n";
        out += brief ? "\tstatus\t= " : "\tstatus:\n";
        for (const base::NodeId id : ascending(reply)) {
            const bool local = id == reply.node_id;
            const bool up = !local && is_up(reply, id, own.link);
            if (brief) {
                out += local ? "n" : up ? "3" : "1";  // bits: enabled 1, connected 2
            } else {
                out += "\t\tnodeid: " + right(to_string(id), 10) + ":\t" +
                       (local ? "localhost"
                        : up  ? "connected"
                              : "disconnected") +
                       "\n";
            }
        }
        if (brief) out += "\n";
    }
    return out;
}

std::string cfgtool_nodes(const RingReply& reply) {
    std::string out = cfgtool_head(reply);
    for (const base::NodeId id : ascending(reply)) {
        std::string lines;
        bool reached = false;
        for (const RingLink& link : reply.links) {
            if (link.peer != id) continue;
            const bool up = link.state == "up";
            reached = reached || up;
            lines += "   LINK: " + std::to_string(link.number) + " udp (" + link.local + "->" + link.remote +
                     ") enabled" + (up ? " connected" : "") + " mtu: " + std::to_string(link.mtu) + "\n";
        }
        if (reached) out += "nodeid: " + to_string(id) + " reachable\n" + lines + "\n";
    }
    return out;
}

std::optional<std::string> cfgtool_addresses(const RingReply& reply, base::NodeId node) {
    const RingNode* found = find_node(reply, node);
    if (found == nullptr) return std::nullopt;
    std::string out;
    for (const RingAddress& address : found->addresses) out += (out.empty() ? "" : " ") + address.address;
    return out + "\n";
}

}  // namespace tools

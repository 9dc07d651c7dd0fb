// corosync-quorumtool.
#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "tools/view/corosync.hpp"
#include "tools/view/lookup.hpp"

namespace tools {
namespace {

std::string field(const char* name, const std::string& value) {
    char text[32];
    std::snprintf(text, sizeof text, "%-18s", name);
    return text + value + "\n";
}

std::string id_text(base::NodeId id, const QuorumtoolStyle& style) {
    if (!style.hexadecimal) return to_string(id);
    char text[16];
    std::snprintf(text, sizeof text, "0x%08" PRIx32, id.value);
    return text;
}

std::string member_text(const RingNode& node, const QuorumtoolStyle& style) {
    const bool as_name = !style.addresses && !node.name.empty();
    if (!style.all_addresses) return as_name ? node.name : node.address;
    std::string text;
    for (const RingAddress& address : node.addresses) {
        // Addresses have no names here; the node has one, and the first is taken for it.
        const bool first = text.empty();
        text += (first ? "" : ", ") + (first && as_name ? node.name : address.address);
    }
    return text;
}

std::vector<RingNode> members_of(const RingReply& reply, const QuorumtoolStyle& style) {
    std::vector<RingNode> nodes;
    for (const base::NodeId id : reply.members) {
        const RingNode* node = find_node(reply, id);
        nodes.push_back(node == nullptr ? RingNode{id, "node " + to_string(id), ""} : *node);
    }
    std::sort(nodes.begin(), nodes.end(), [&](const RingNode& a, const RingNode& b) {
        return style.by_name && a.name != b.name ? a.name < b.name : a.id < b.id;
    });
    return nodes;
}

// The representative's id and the sequence, both in hexadecimal.
std::string ring_text(const RingReply& reply) {
    char text[32];
    std::snprintf(text, sizeof text, "%" PRIx32 ".%" PRIx64, reply.representative.value, reply.ring_sequence);
    return text;
}

}  // namespace

std::string quorumtool_members(const RingReply& reply, const QuorumtoolStyle& style) {
    std::string out =
        "\nMembership information\n"
        "----------------------\n"
        "    Nodeid      Votes" +
        std::string(style.device_column ? "    Qdevice" : "") + " Name\n";
    for (const RingNode& node : members_of(reply, style)) {
        out += right(id_text(node.id, style), 10) + " " + right(std::to_string(node.votes), 10);
        if (style.device_column) out += " " + right("NR", 10);  // a device is not registered
        out += " " + member_text(node, style) + (node.id == reply.node_id ? " (local)" : "") + "\n";
    }
    return out;
}

std::string quorumtool_status(const RingReply& reply, const QuorumtoolStyle& style, const std::string& date) {
    std::string flags;
    for (const std::string& flag : reply.flags) flags += flag + " ";
    return "Quorum information\n"
           "------------------\n" +
           field("Date:", date) + field("Quorum provider:", "corosync_votequorum") +
           field("Nodes:", std::to_string(reply.members.size())) +
           field("Node ID:", id_text(reply.node_id, style)) + field("Ring ID:", ring_text(reply)) +
           field("Quorate:", reply.quorate ? "Yes" : "No") +
           "\nVotequorum information\n"
           "----------------------\n" +
           field("Expected votes:", std::to_string(reply.expected)) +
           // Votes that are expected never become fewer here, so this is the highest too.
           field("Highest expected:", std::to_string(reply.expected)) +
           field("Total votes:", std::to_string(reply.votes)) +
           field("Quorum:", std::to_string(reply.needed) + (reply.quorate ? "  " : " Activity blocked")) +
           field("Flags:", flags) + quorumtool_members(reply, style);
}

}  // namespace tools

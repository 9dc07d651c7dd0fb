// corosync-cpgtool.
#include <cstdio>

#include "tools/view/corosync.hpp"
#include "tools/view/groups.hpp"

namespace tools {
namespace {

std::string shown(const std::string& name, const CpgtoolStyle& style) {
    return style.raw ? shown_text(name) : shown_name(name);
}

std::string address_of(const RingReply& reply, base::NodeId id) {
    for (const RingNode& node : reply.nodes) {
        if (node.id == id && !node.address.empty()) return node.address;
    }
    return "?";
}

}  // namespace

std::string cpgtool_members(const RingReply& reply, const CpgtoolStyle& style) {
    const std::string d(1, style.delimiter);
    std::string out = style.delimiter == 0 ? "Group Name\t       PID\t   Node ID\n"
                                           : "GRP_NAME" + d + "PID" + d + "NODEID\n";
    for (const RingGroup& group : reply.groups) {
        const std::string name = shown(group.name, style);
        if (style.delimiter == 0) out += name + "\n";
        for (const RingGroupMember& member : group.members) {
            if (style.delimiter == 0) {
                char text[48];
                std::snprintf(text, sizeof text, "\t\t%10u\t%10u (", member.pid, member.node.value);
                out += text + address_of(reply, member.node) + ")\n";
            } else {
                out += name + d + std::to_string(member.pid) + d + to_string(member.node) + "\n";
            }
        }
    }
    return out;
}

std::string cpgtool_names(const RingReply& reply, const CpgtoolStyle& style) {
    std::string out;
    for (const RingGroup& group : reply.groups)
        out += shown(group.name, style) + (style.delimiter == 0 ? '\n' : style.delimiter);
    if (style.delimiter != 0) out += '\n';
    return out;
}

}  // namespace tools

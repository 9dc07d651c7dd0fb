#include "tools/view/groups.hpp"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tools/view/lookup.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;

Json group_json(const RingReply& reply, const RingGroup& group) {
    Json out = {{"name", group.name}, {"members", Json::array()}};
    for (const RingGroupMember& member : group.members) {
        out["members"].push_back(
            {{"node", node_name(reply, member.node)}, {"id", member.node.value}, {"pid", member.pid}});
    }
    return out;
}

}  // namespace

std::string shown_name(const std::string& name) {
    std::string out;
    for (const char c : name) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c >= ' ' && c <= '~') {
            out += c;
        } else {
            char text[8];
            std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
            out += text;
        }
    }
    return out;
}

std::string node_name(const RingReply& reply, base::NodeId id) {
    const RingNode* node = find_node(reply, id);
    return node == nullptr || node->name.empty() ? "node " + to_string(id) : node->name;
}

std::string render_groups(const RingReply& reply) {
    if (reply.groups.empty()) return "There are no process groups.\n";
    std::string out;
    for (const RingGroup& group : reply.groups)
        out += shown_name(group.name) + ": " + counted(group.members.size(), "member") + "\n";
    return out;
}

const RingGroup* find_group(const RingReply& reply, const std::string& name) {
    const auto found = std::find_if(reply.groups.begin(), reply.groups.end(),
                                    [&](const RingGroup& group) { return group.name == name; });
    return found == reply.groups.end() ? nullptr : &*found;
}

std::string render_group(const RingReply& reply, const RingGroup& group) {
    std::string out;
    for (const RingGroupMember& member : group.members)
        out += node_name(reply, member.node) + ", pid " + std::to_string(member.pid) + "\n";
    return out;
}

std::string groups_json(const RingReply& reply, const RingGroup* only) {
    Json out = {{"format", 1}, {"node", reply.node}, {"groups", Json::array()}};
    for (const RingGroup& group : reply.groups) {
        if (only == nullptr || &group == only) out["groups"].push_back(group_json(reply, group));
    }
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tools

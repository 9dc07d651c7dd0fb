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

// A byte as a terminal may have it.
void put(std::string& out, char c) {
    if (c >= ' ' && c <= '~') {
        out += c;
    } else {
        char text[8];
        std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
        out += text;
    }
}

struct Character {
    char32_t code{0};
    std::size_t size{1};  // bytes; 1: ASCII, or a byte that is no UTF-8
};

Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t size = lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (size == 1 || lead >= 0xf8 || text.size() < size) return {lead, 1};
    char32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) return {lead, 1};
        code = code << 6U | (byte(i) & 0x3fU);
    }
    // Each character has one encoding, the shortest; surrogates have none.
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {lead, 1};
    return {code, size};
}

// Of those beyond ASCII: no control, no end of a line or paragraph, and nothing that turns the direction.
bool is_printable(char32_t code) {
    const bool turns = (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
                       (code >= 0x2066 && code <= 0x2069) || code == 0x061c;
    return code >= 0xa0 && code != 0x2028 && code != 0x2029 && code != 0xfeff && !turns;
}

}  // namespace

std::string shown_name(const std::string& name) {
    std::string out;
    for (const char c : name) {
        if (c == '\\') out += c;
        put(out, c);
    }
    return out;
}

std::string shown_text(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Character first = first_character(text);
        const bool plain = text[0] == '\t' || (first.size > 1 && is_printable(first.code));
        if (plain) {
            out += text.substr(0, first.size);
        } else {
            for (const char c : text.substr(0, first.size)) put(out, c);
        }
        text.remove_prefix(first.size);
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

// What several views look up in the ring's reply, and how they set words.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "tools/ipc/control.hpp"

namespace tools {

// Null: the node file has no such node.
[[nodiscard]] inline const RingNode* find_node(const RingReply& reply, base::NodeId id) {
    const auto found = std::find_if(reply.nodes.begin(), reply.nodes.end(),
                                    [&](const RingNode& node) { return node.id == id; });
    return found == reply.nodes.end() ? nullptr : &*found;
}

[[nodiscard]] inline bool is_member(const RingReply& reply, base::NodeId id) {
    return std::find(reply.members.begin(), reply.members.end(), id) != reply.members.end();
}

// "1 vote", "2 votes"
[[nodiscard]] inline std::string counted(std::uint64_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

// At the right of a column.
[[nodiscard]] inline std::string right(const std::string& text, std::size_t width) {
    return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

}  // namespace tools

// Process groups as text and as JSON: pure functions of the daemon's reply and of a client's events.
#pragma once

#include <string>
#include <string_view>

#include "tools/ipc/control.hpp"

namespace tools {

// A group's name as one word of a terminal: printable bytes as they are, a backslash doubled, others as \xNN.
[[nodiscard]] std::string shown_name(const std::string& name);

// Text of others on a line of a terminal: UTF-8, tabs and backslashes as they are. What ends a line, moves
// the cursor or turns the direction of writing is written as \xNN, as are bytes that are no text.
[[nodiscard]] std::string shown_text(std::string_view text);

// What `custos group list` prints: a line a group, with its number of members.
[[nodiscard]] std::string render_groups(const RingReply& reply);
// What `custos group members` prints: a line a member, in the order of their joins. Null: no such group.
[[nodiscard]] const RingGroup* find_group(const RingReply& reply, const std::string& name);
[[nodiscard]] std::string render_group(const RingReply& reply, const RingGroup& group);

// The same as JSON: fields are added, never renamed or removed. `only`: null: all groups.
[[nodiscard]] std::string groups_json(const RingReply& reply, const RingGroup* only);

// "n1", or "node 7" when the node file has no such node.
[[nodiscard]] std::string node_name(const RingReply& reply, base::NodeId id);

}  // namespace tools

// What groups hand out, as frames of the group socket.
#pragma once

#include "membership/groups/groups.hpp"
#include "tools/groups/frames.hpp"

namespace tools {

// The frame of an event, but for a message's payload, which follows it.
[[nodiscard]] base::Bytes head_of(const membership::GroupEvent& event);
// Borrowed from the event; empty, if it is no message.
[[nodiscard]] base::ByteView payload_of(const membership::GroupEvent& event);
[[nodiscard]] frames::Member told(const membership::GroupMember& member);
// All groups with their members.
[[nodiscard]] frames::Groups list_of(const membership::Groups& groups);

}  // namespace tools

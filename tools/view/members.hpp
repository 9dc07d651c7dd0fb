// Members and quorum as one node sees them, as text and as JSON: pure functions of the daemon's reply.
#pragma once

#include <functional>
#include <string>

#include "tools/ipc/control.hpp"
#include "totem/base/time.hpp"

namespace tools {

// What `custos members` prints: who is a member and since when, who is not, since when and why.
// `time_text`: "Sun Nov 22 08:09:44 2026". Ends with a line end, like the others.
[[nodiscard]] std::string render_members(const RingReply& reply,
                                         const std::function<std::string(base::WallTime)>& time_text);

// What `custos quorum status` prints: whether the members may act, and how that is counted.
[[nodiscard]] std::string render_quorum(const RingReply& reply,
                                        const std::function<std::string(base::WallTime)>& time_text);

// The same as JSON (docs/decisions/0115): fields are added, never renamed or removed.
[[nodiscard]] std::string members_json(const RingReply& reply);
[[nodiscard]] std::string quorum_json(const RingReply& reply);

}  // namespace tools

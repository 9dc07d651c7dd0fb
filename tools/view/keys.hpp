// The key that the nodes share, as one node sees it: pure functions of the daemon's reply.
#pragma once

#include <string>

#include "tools/ipc/control.hpp"

namespace tools {

// What `custos key status` prints: the keys of this node, how far a change is, and what each node said last.
// Ends with a line end.
[[nodiscard]] std::string render_keys(const RingReply& reply);
// The same as JSON: fields are added, never renamed or removed.
[[nodiscard]] std::string keys_json(const RingReply& reply);

}  // namespace tools

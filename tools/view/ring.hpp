// The ring as one node sees it, as text and as JSON: pure functions of the daemon's reply.
#pragma once

#include <functional>
#include <string>

#include "tools/ipc/control.hpp"
#include "totem/base/time.hpp"

namespace tools {

// What `custos ring status` prints; ends with a line end. `time_text`: "Sun Nov 22 08:09:44 2026".
[[nodiscard]] std::string render_ring(const RingReply& reply,
                                      const std::function<std::string(base::WallTime)>& time_text);

// The same as JSON (docs/decisions/0098): fields are added, never renamed or removed. Ends with a line end.
[[nodiscard]] std::string ring_json(const RingReply& reply);

}  // namespace tools

// The command's end of the control socket: one connection per request, blocking.
#pragma once

#include <optional>
#include <string>

#include "tools/ipc/control.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace tools {

// Sends a request to the daemon that listens at `path` and waits for its reply, at most `patience` (none:
// without limit). Refused is a reply like any other. Errors: Errc::unavailable when no daemon runs here or it
// went away, Errc::timed_out, Errc::conflict when this user may not connect or the socket belongs to a user
// who is neither root, the daemon's nor the own.
[[nodiscard]] base::Result<Reply> call(const std::string& path, const Request& request,
                                       std::optional<base::Duration> patience);

}  // namespace tools

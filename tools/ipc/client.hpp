// The command's end of the control socket: one connection per request, blocking.
#pragma once

#include <optional>
#include <string>

#include "tools/ipc/control.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace tools {

// How long the commands wait for the reply: to a question 10 s, as asking needs nothing but a daemon that
// runs; to a change of the configuration 120 s. Nothing for what takes what it takes: converging, shutdown,
// changes of nodes and keys.
[[nodiscard]] std::optional<base::Duration> patience_for(const Request& request);

// Sends a request to the daemon that listens at `path` and waits for its reply, at most `patience` (none:
// without limit). Refused is a reply like any other. Errors: Errc::unavailable when no daemon runs here or it
// went away, Errc::timed_out (it hangs), Errc::conflict when this user may not connect or the socket belongs
// to a user who is neither root, the daemon's nor the own.
[[nodiscard]] base::Result<Reply> call(const std::string& path, const Request& request,
                                       std::optional<base::Duration> patience);

}  // namespace tools

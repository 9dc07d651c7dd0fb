// The running cluster as the daemon of this node knows it, for the commands that explain and foretell.
#pragma once

#include <optional>
#include <string>

#include "manager/live/forecast.hpp"
#include "tools/crm/shell.hpp"

namespace tools {

// Errc::unavailable: no daemon runs here, this node has not started yet, or the members of its view do not
// agree on one state at the moment. Warns when the daemon is of another release than this command.
[[nodiscard]] base::Result<manager::live::Live> live_cluster(Shell& shell);

// Whether the members would have a quorum without `node`, by the votes that the ring counts now. Nothing: it
// is no member, or last_man_standing or auto_tie_breaker decide (that is said).
[[nodiscard]] base::Result<std::optional<bool>> quorate_without(Shell& shell, const std::string& node);

}  // namespace tools

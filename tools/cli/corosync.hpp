// This command under the names of corosync's own: what monitoring and scripts call and parse. They only read;
// what would change something is refused with the command that does it here (docs/decisions/0116).
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tools/crm/shell.hpp"

namespace tools {

// corosync-quorumtool, corosync-cfgtool, corosync-cmapctl, corosync-cpgtool
[[nodiscard]] const std::vector<std::string>& corosync_names();

struct CorosyncStreams {
    std::ostream& out;
    std::ostream& err;
    std::function<std::string()> date;  // of now: "Sun Nov 22 08:09:44 2026"
};

// Runs the command of that name with the arguments that follow the name; the exit code, as the original's.
[[nodiscard]] int run_corosync(const std::string& name, const std::vector<std::string>& arguments,
                               const Ask& ask, const CorosyncStreams& streams);

}  // namespace tools

// `custos why`, `why-not` and `what-if`: reasons of the running cluster's daemon, or with --cib of what would
// be planned for a saved cluster (no daemon needed).
#pragma once

#include "tools/crm/shell.hpp"

namespace tools {

// why RESOURCE [NODE] [--cib FILE [--now DATE]] [--json]: why it is where it is (or, with NODE, there or not
// there), in at most three sentences and a table.
[[nodiscard]] base::Status why(Shell& shell, const Words& words);
// why-not RESOURCE NODE ...: what keeps it from that node.
[[nodiscard]] base::Status why_not(Shell& shell, const Words& words);
// what-if --down NODE | --standby NODE ...: what would change for the resources.
[[nodiscard]] base::Status what_if(Shell& shell, const Words& words);

}  // namespace tools

// `custos simulate`: what is planned for the running cluster, or with --cib would be for a saved one (no
// daemon needed).
#pragma once

#include "tools/crm/shell.hpp"

namespace tools {

// simulate [--cib FILE [--now DATE]] [--json]. Of the running cluster: what the daemon does until it is at
// rest, if all of it succeeds, with the scheduler's notes. FILE is a Pacemaker CIB (`cibadmin --query`), DATE
// an ISO 8601 date at which dates in rules and expiries are judged; without it the document's own
// execution-date, else the present. Prints the actions of one plan, and the state once all of them have
// succeeded.
[[nodiscard]] base::Status simulate(Shell& shell, const Words& words);

}  // namespace tools

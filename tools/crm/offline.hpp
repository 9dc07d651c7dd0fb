// A configuration in a file of crm statements in place of a cluster: for trying changes, and for preparing a
// configuration before there is a cluster. Nothing runs, all nodes of the file are offline.
#pragma once

#include <string>

#include "tools/crm/agents.hpp"
#include "tools/crm/shell.hpp"
#include "totem/base/result.hpp"

namespace tools {

// Answers for a daemon: changes are applied to the file (replaced as a whole, readable by its owner only); a
// file that is missing or empty is an empty configuration. What needs a cluster is refused.
[[nodiscard]] Ask ask_file(std::string path, Agents& agents);

}  // namespace tools

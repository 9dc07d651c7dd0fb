// The commands that the crm language does not have: the node's configuration file, the key file, the ring,
// links.
#pragma once

#include <vector>

#include "tools/crm/shell.hpp"

namespace tools {

// The levels of `custos`: those of crm, and the own ones.
[[nodiscard]] std::vector<Level> custos_levels();

}  // namespace tools

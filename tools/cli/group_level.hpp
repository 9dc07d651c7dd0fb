// The level `group` of the command custos: process groups of other programs.
#pragma once

#include "tools/crm/shell.hpp"

namespace tools {

[[nodiscard]] Level group_level();

}  // namespace tools

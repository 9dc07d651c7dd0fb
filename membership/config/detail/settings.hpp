// The settings of a checked tree, for those who look them up by name.
#pragma once

#include <vector>

#include "membership/config/config.hpp"
#include "membership/config/grammar/tree.hpp"

namespace membership::detail {

// As NodeConfig::settings.
[[nodiscard]] std::vector<Setting> list_settings(const grammar::Section& tree);

}  // namespace membership::detail

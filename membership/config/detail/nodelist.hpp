// The nodelist of a checked tree.
#pragma once

#include <string_view>
#include <vector>

#include "membership/config/config.hpp"
#include "membership/config/grammar/check.hpp"

namespace membership::detail {

// Sorted by id. Without a usable nodelist the error has the lines to add.
[[nodiscard]] base::Result<std::vector<NodeEntry>> read_nodelist(const grammar::Section& tree,
                                                                 std::string_view file,
                                                                 const BindAddress& bind_address,
                                                                 grammar::Notices& notices);

}  // namespace membership::detail

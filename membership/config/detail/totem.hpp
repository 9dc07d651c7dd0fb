// The totem section of a checked tree: links, timing, sealing.
#pragma once

#include <string_view>
#include <vector>

#include "membership/config/config.hpp"
#include "membership/config/grammar/check.hpp"

namespace membership::detail {

// `totem` may be nullptr: a file without one. `nodes` say which links there are.
[[nodiscard]] base::Status read_totem(const grammar::Section* totem, const std::vector<NodeEntry>& nodes,
                                      std::string_view file, grammar::Notices& notices, TotemOptions& out);

}  // namespace membership::detail

// The section quorum { }: its rules, and which of them go together.
#pragma once

#include <string_view>
#include <vector>

#include "membership/config/config.hpp"
#include "membership/config/grammar/check.hpp"

namespace membership::detail {

// `quorum`: null when the file has no such section. Refuses what contradicts itself or the nodelist, notes
// what has no effect.
[[nodiscard]] base::Status read_quorum(const grammar::Section* quorum, const std::vector<NodeEntry>& nodes,
                                       std::string_view file, grammar::Notices& notices, QuorumOptions& out);

}  // namespace membership::detail

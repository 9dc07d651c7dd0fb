// Between the node file and the list of nodes that a running cluster keeps (membership/roster): what of a
// file is the list, what a file says with another list in it, and which lines need a restart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "membership/config/config.hpp"
#include "membership/roster/node_list.hpp"

namespace membership {

// The file's list, after resolve_addresses: not counted.
[[nodiscard]] NodeList node_list(const NodeConfig& config);

// The configuration with this list in place of the file's own; addresses are resolved. What of the votes
// follows from who is there, follows (rules_for).
void use_node_list(NodeConfig& config, const NodeList& list);

// The text of a node file with this list in its nodelist and its version in totem.config_version: comments,
// order and whatever is not about it stay as they are. Sections of nodes that are gone go with what is in
// them, new ones come last. `two_node` becomes a comment where there are not two votes any more. Errors: the
// text, or what would become of it, is no valid node file (an option names a node that is gone); the file is
// written in a way that this can't change, and is to be changed by hand.
[[nodiscard]] base::Result<std::string> rewrite_node_file(std::string_view text, const NodeList& list,
                                                          std::string_view file_name);

// What differs between the file as it is in force and as it was edited, and can't be changed while custosd
// runs: "totem.token: 1000 -> 500", in the order of the file. Nodes, addresses, votes and the version can.
[[nodiscard]] std::vector<std::string> fixed_differences(const NodeConfig& in_force,
                                                         const NodeConfig& edited);

}  // namespace membership

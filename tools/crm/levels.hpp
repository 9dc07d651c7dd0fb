// The tables of commands, one a file; and what they share.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tools/crm/shell.hpp"

namespace tools {

[[nodiscard]] Level top_level();
[[nodiscard]] Level configure_level();
[[nodiscard]] Level resource_level();
[[nodiscard]] Level node_level();
[[nodiscard]] Level ra_level();
[[nodiscard]] Level cluster_level();
[[nodiscard]] Level corosync_level();
[[nodiscard]] Level maintenance_level();

// Rows for commands of the crm language that this version refuses with "not yet supported".
void add_unsupported(Level& level, std::initializer_list<std::string_view> names);

// The command `verify`, of the top and of the level "configure".
base::Status verify(Shell& shell, const Words& words);

// Ring, members and quorum; and the daemon's orderly end.
base::Status ring_status(Shell& shell, const Words& words);
base::Status stop_daemon(Shell& shell, const Words& words);

// --- what is true of a resource or a node, as the status says

// Names of the nodes on which the resource is active, or may be because it failed there.
[[nodiscard]] std::vector<std::string> active_nodes(const StatusReply& status, const std::string& resource);
// False when nothing may stop or start it: is-managed=false, maintenance-mode=true.
[[nodiscard]] bool is_managed(const manager::Configuration& config, const manager::Primitive& primitive);
// Errc::not_found when the configuration has no such resource.
[[nodiscard]] base::Status need_resource(const manager::Configuration& config, const std::string& id);
// The node of that name; Errc::not_found with the names that there are.
[[nodiscard]] base::Result<const manager::NodeStatus*> need_node(const StatusReply& status,
                                                                 const std::string& name);

}  // namespace tools

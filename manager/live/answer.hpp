// Answers about a live cluster. What the daemon does is asked of its own scheduler, always; where
// manager/planner comes to the same, its account of the scores is given, and else the daemon's reason.
#pragma once

#include <optional>
#include <string>

#include "manager/live/forecast.hpp"
#include "manager/planner/explain.hpp"
#include "totem/base/result.hpp"

namespace manager::live {

// Why `resource` is where it is; with `node`: why it is there, or not there. `otherwise` has only changes
// that the daemon's scheduler was found to act on. A deleted resource that still runs has an answer too.
// Errc::not_found: no such resource or node.
[[nodiscard]] base::Result<planner::Explanation> explain(const Live& live, const std::string& resource,
                                                         const std::string& node);

// What the standby of a node, or its loss, would change once what is planned now is done. `quorate`: whether
// the rest of a lost node would have a quorum; none: as it is now. Errc::not_found: no such node.
[[nodiscard]] base::Result<planner::Loss> lose(const Live& live, const std::string& node, bool standby,
                                               std::optional<bool> quorate);

}  // namespace manager::live

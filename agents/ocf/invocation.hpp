// The OCF contract (resource agent API 1.1) as pure functions: how an agent is called, and what its answer
// means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/ocf/discovery.hpp"
#include "manager/model/operation.hpp"

namespace agents {

// One program run: all that execve needs.
struct Invocation {
    std::vector<std::string> arguments;    // [0] is the program's path
    std::vector<std::string> environment;  // "NAME=value", sorted by name; nothing is inherited
};

// The call for an operation. ocf: AGENT ACTION with OCF_* set; lsb: its monitor is "status"; systemd:
// systemctl.
[[nodiscard]] Invocation make_invocation(const AgentProgram& program,
                                         const manager::OperationRequest& request);
// The call for an agent's own description.
[[nodiscard]] Invocation make_metadata_invocation(const AgentProgram& program,
                                                  const manager::AgentName& agent);

// The code of an exit status, in OCF's numbers. `output`: what the program wrote to stdout (systemctl
// is-active).
[[nodiscard]] int interpret_exit(const AgentProgram& program, std::string_view action, int exit_status,
                                 std::string_view output);

// Why, in the agent's words: its last "ocf-exit-reason:" line, else (for an agent that has none) its last
// line that is not empty; at most 256 characters, control characters dropped.
[[nodiscard]] std::string exit_reason(std::string_view error_output);

inline constexpr std::string_view kExitReasonPrefix = "ocf-exit-reason:";

}  // namespace agents

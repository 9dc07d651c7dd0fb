// The cluster's status as text and as JSON: pure functions of the daemon's reply. The shapes that scripts
// read ("Online: [ a b ]", "Started NODE") are those of crm_mon; what is our own stands in whole sentences.
#pragma once

#include <functional>
#include <string>

#include "tools/ipc/control.hpp"
#include "totem/base/time.hpp"

namespace tools {

struct StatusStyle {
    bool inactive{true};                                   // also resources that run nowhere
    bool by_node{false};                                   // resources under the node that runs them
    bool verbose{false};                                   // also what the ring counts, and fail counts
    bool colour{false};                                    // for a terminal
    base::WallTime now;                                    // "Last updated"
    std::function<std::string(base::WallTime)> time_text;  // "Sun Nov 22 08:09:44 2026"
};

// What `crm status` and crm_mon print; ends with a line end.
[[nodiscard]] std::string render_status(const StatusReply& reply, const StatusStyle& style);

// "Started n1", "Stopped (disabled)", "FAILED n2 (blocked)": what is after the resource's name in
// render_status().
[[nodiscard]] std::string resource_state(const StatusReply& reply, const manager::Primitive& primitive);

// Ring, membership and quorum as the answering node sees them.
[[nodiscard]] std::string render_ring(const StatusReply& reply);

// The status as JSON (docs/decisions/0066): fields are added, never renamed or removed. Ends with a line end.
[[nodiscard]] std::string status_json(const StatusReply& reply);

}  // namespace tools

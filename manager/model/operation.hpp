// One run of one agent action on one node: what the manager asks for, and what comes back. The values cross
// to agents/ through the interface that the composition root wires (tools/custosd).
#pragma once

#include <cstdint>
#include <string>

#include "manager/model/configuration.hpp"
#include "totem/base/time.hpp"

namespace manager {

// OCF return codes; anything else an agent returned is kept as its number.
enum OcfCode : int {
    kOcfOk = 0,
    kOcfGeneric = 1,
    kOcfArgs = 2,
    kOcfUnimplemented = 3,
    kOcfPermission = 4,
    kOcfNotInstalled = 5,
    kOcfNotConfigured = 6,
    kOcfNotRunning = 7,
    kOcfRunningPromoted = 8,
    kOcfFailedPromoted = 9,
    kOcfTimeout = 198,  // ours: killed at its deadline
    kOcfUnknown = 199,  // ours: could not be run at all
};
[[nodiscard]] std::string ocf_code_text(int code);  // "ok", "not running", "timed out" ...

struct OperationRequest {
    std::uint64_t id{0};  // unique within this node's incarnation
    std::string resource;
    AgentName agent;
    std::string action;       // start, stop, monitor
    base::Duration interval;  // 0: once; otherwise repeated until cancelled, results reported on change only
    base::Duration timeout;
    Attributes params;         // OCF_RESKEY_*
    Attributes meta;           // OCF_RESKEY_CRM_meta_*
    Attributes op_attributes;  // of the operation itself (OCF_CHECK_LEVEL ...)
    std::string node;          // name of the node that it runs on
};

struct OperationResult {
    std::uint64_t id{0};
    int code{kOcfUnknown};
    std::string reason;  // the agent's ocf-exit-reason, or ours
    base::Duration duration;
};

}  // namespace manager

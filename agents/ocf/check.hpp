// Checks of a primitive against its agent's description: what `crm configure primitive` says before it asks
// the cluster. Pure.
#pragma once

#include <string>
#include <vector>

#include "agents/ocf/metadata.hpp"
#include "manager/model/configuration.hpp"
#include "totem/base/result.hpp"

namespace agents {

struct Finding {
    bool error{false};  // false: a warning, the primitive is accepted
    std::string text;   // names the resource, the agent and the field
};

// `metadata`: what MetadataReader::read gave for primitive.agent, error included (an unknown agent is a
// finding). Errors: agent unknown, required parameter missing, unknown parameter, value that the native
// address agent refuses. Warnings: deprecated parameter, value outside the choices, timeout shorter than the
// agent advises.
[[nodiscard]] std::vector<Finding> check_primitive(const manager::Primitive& primitive,
                                                   const base::Result<Metadata>& metadata);

}  // namespace agents

// A live cluster in the words of a Pacemaker CIB: what the daemon's scheduler plans from, as the document
// that manager/planner plans from.
#pragma once

#include "manager/cib/document.hpp"
#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"

namespace manager::live {

// Only what the daemon carries out is in the document (docs/decisions/0040): an option that it stores and
// does not act on would let the planner act on it. The daemon's proof that a resource is gone (Clearance) has
// no place in a CIB; the document says stonith-enabled=false, and what the proof forbids is the daemon's own
// word (answer.hpp).
[[nodiscard]] cib::Document document_of(const Configuration& config, const ClusterStatus& status);

// The parts. `status` says what a node reports of itself and of the resources on it, as operations that would
// have led there.
void describe_configuration(const Configuration& config, cib::Document& document);
void describe_status(const Configuration& config, const ClusterStatus& status, cib::Document& document);

}  // namespace manager::live

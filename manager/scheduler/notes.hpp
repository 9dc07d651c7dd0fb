// Last pass: what a person reading status must be told beside placements and actions.
#pragma once

#include <string>
#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/intents.hpp"
#include "manager/scheduler/sequence.hpp"

namespace manager::scheduling {

// The cluster first, then each resource in configuration order: what keeps anything from starting, what is
// not proven, what is blocked, what was found active outside of the cluster, what waits.
[[nodiscard]] std::vector<std::string> make_notes(const Facts& facts, const std::vector<Intent>& intents,
                                                  const Sequence& sequence);

}  // namespace manager::scheduling

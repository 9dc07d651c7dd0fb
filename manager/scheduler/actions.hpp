// Fifth pass: the operations that carry out the intents, with what each has to wait for; probes and monitors
// beside them.
#pragma once

#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/intents.hpp"
#include "manager/scheduler/scheduler.hpp"
#include "manager/scheduler/sequence.hpp"

namespace manager::scheduling {

// Probes and cancels, then stops (last in the sequence first), then starts, each followed by its monitor,
// then monitors of what already runs. An action waits only for earlier ones.
[[nodiscard]] std::vector<ScheduledAction> make_actions(const Facts& facts,
                                                        const std::vector<Intent>& intents,
                                                        const Sequence& sequence);

}  // namespace manager::scheduling

// Fourth pass: what has to happen to each resource now to come nearer to its assignment: which instances
// stop, where it starts, and what it waits for. Decided for all resources together, because a restart of one
// restarts those after it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/placement.hpp"
#include "manager/scheduler/sequence.hpp"

namespace manager::scheduling {

struct Intent {
    std::vector<NodeIndex> stops;
    std::string stop_why;
    std::optional<NodeIndex> start;
    std::string start_why;
    std::string waits;    // why what should happen does not happen yet; empty: nothing is put off
    bool lasting{false};  // it waits for a person
};

// One for each resource, by ResourceIndex. Rules beyond Pacemaker's placement:
// - nothing starts while Facts::hold says so, nor a resource before every member said whether it runs it;
// - an instance is stopped only for a better place or for new parameters when it can start again in the same
// plan;
// - while a start or a stop of a resource runs, no start of it is planned; nor one of a resource that is
// ordered against it;
// - what is blocked (a stop failed) must not lose what it needs: resources that come first do not stop before
// it.
[[nodiscard]] std::vector<Intent> decide(const Facts& facts, const std::vector<Table>& own,
                                         const std::vector<Assignment>& placed, const Sequence& sequence);

}  // namespace manager::scheduling

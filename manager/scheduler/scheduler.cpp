#include "manager/scheduler/scheduler.hpp"

#include "manager/scheduler/actions.hpp"
#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/intents.hpp"
#include "manager/scheduler/notes.hpp"
#include "manager/scheduler/placement.hpp"
#include "manager/scheduler/scores.hpp"
#include "manager/scheduler/sequence.hpp"

namespace manager {
namespace {

namespace s = scheduling;

Placement explain(const s::Facts& facts, const s::ResourceFacts& resource, const s::Assignment& assignment,
                  const s::Intent& intent) {
    Placement placement;
    placement.resource = resource.id;
    placement.why = assignment.why;
    placement.waits = intent.waits;
    if (assignment.node) placement.node = facts.nodes[*assignment.node].id;
    if (assignment.node && resource.active.empty() && !intent.waits.empty()) {
        placement.why += "; its start waits: " + intent.waits;
    }
    for (s::NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        auto& causes = placement.contributions[facts.nodes[n].id];
        causes = assignment.table.causes[n];
        if (!facts.nodes[n].against.empty())
            causes.push_back({facts.nodes[n].against, Score::minus_infinity()});
    }
    return placement;
}

}  // namespace

Schedule schedule(const Configuration& config, const ClusterStatus& status) {
    const s::Facts facts = s::gather_facts(config, status);
    const std::vector<s::Table> own = s::own_scores(facts);
    const std::vector<s::Assignment> placed = s::place(facts, own);
    const s::Sequence sequence = s::make_sequence(facts);
    const std::vector<s::Intent> intents = s::decide(facts, own, placed, sequence);

    Schedule result;
    for (s::ResourceIndex r = 0; r < config.primitives.size(); ++r) {
        result.placements.push_back(explain(facts, facts.resources[r], placed[r], intents[r]));
    }
    result.actions = s::make_actions(facts, intents, sequence);
    result.notes = s::make_notes(facts, intents, sequence);
    return result;
}

}  // namespace manager

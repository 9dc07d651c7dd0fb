// What is needed and possible spreads along the relations.
#include <algorithm>
#include <deque>

#include "manager/planner/action.hpp"

namespace manager::planner {
namespace {

std::string name_of(const Action& action) {
    if (action.resource != nullptr) return action.resource->id;
    return action.node == nullptr ? "" : action.node->name;
}

bool glides(const Action& action) {
    return action.resource != nullptr && action.resource->migrating;
}

bool part_of(const Resource* part, const Resource* whole) {
    while (part != nullptr && part != whole) part = part->parent;
    return part != nullptr;
}

// What migrates is neither stopped nor started as far as other resources are concerned; the moments of the
// group that it is part of come all the same.
bool unnoticed(const Action& action, const Action& other) {
    if (!glides(action) || other.resource == nullptr) return false;
    return other.resource->primitive() || !part_of(action.resource, other.resource);
}

// A resource that has to be down while another stops cannot migrate. (The moments of groups and clones do not
// count: what is ordered after a whole migrates all the same.)
bool call_off_migration(const Relation& relation) {
    const bool forces = (relation.kind & relation::kForcesFirst) != 0 && relation.second->needed &&
                        !glides(*relation.second) && relation.second->resource != nullptr &&
                        relation.second->resource->primitive();
    if (!forces || !glides(*relation.first)) return false;
    relation.first->resource->migrating = false;
    return true;
}

// True: the relation changed one of its ends.
bool spread(Relation& relation) {
    Action& first = *relation.first;
    Action& second = *relation.second;
    bool changed = call_off_migration(relation);
    if ((relation.kind & relation::kForcesSecond) != 0 && first.needed && !second.needed &&
        !unnoticed(first, second)) {
        need(second, name_of(first) + " has to " + std::string(to_string(first.task)));
        changed = true;
    }
    if ((relation.kind & relation::kForcesFirst) != 0 && second.needed && !first.needed &&
        !unnoticed(second, first)) {
        need(first, name_of(second) + " has to " + std::string(to_string(second.task)));
        changed = true;
    }
    const bool enables = (relation.kind & relation::kEnables) != 0 ||
                         ((relation.kind & relation::kIfNeeded) != 0 && second.needed);
    if (enables && !first.possible && second.possible) {
        forbid(second, name_of(first) + " cannot " + std::string(to_string(first.task)));
        changed = true;
    }
    return changed;
}

bool lacks_quota(const Action& action) {
    int possible = 0;
    int all = 0;
    for (const Relation* relation : action.before) {
        if ((relation->kind & relation::kOneOf) == 0) continue;
        ++all;
        if (relation->first->possible) ++possible;
    }
    return all > 0 && possible < action.quota;
}

}  // namespace

void settle(Cluster& cluster) {
    std::deque<Action*> work;
    for (const auto& action : cluster.actions) work.push_back(action.get());
    while (!work.empty()) {
        Action& action = *work.front();
        work.pop_front();
        const auto revisit = [&](Relation* relation) {
            if (!spread(*relation)) return;
            work.push_back(relation->first);
            work.push_back(relation->second);
        };
        for (Relation* relation : action.before) revisit(relation);
        for (Relation* relation : action.after) {
            revisit(relation);
            if ((relation->kind & relation::kOneOf) == 0 || action.possible) continue;
            if (!relation->second->possible || !lacks_quota(*relation->second)) continue;
            forbid(*relation->second, "too few of what it needs can run");
            work.push_back(relation->second);
        }
        if (action.resource != nullptr && action.resource->primitive() &&
            settle_resource(cluster, *action.resource)) {
            for (Action* other : action.resource->actions) work.push_back(other);
        }
    }
}

namespace {

bool set_needed(Action& action, bool when, const std::string& reason) {
    if (!when || action.needed) return false;
    need(action, reason);
    return true;
}

bool set_impossible(Action& action, bool when, const std::string& reason) {
    if (!when || !action.possible) return false;
    forbid(action, reason);
    return true;
}

bool settle_promotion(Resource& resource, const Action& start) {
    bool changed = false;
    Action* promote = action_of(resource, Task::promote);
    const bool promotes = resource.next_role == Role::promoted && promote != nullptr;
    if (promotes) {
        changed |= set_impossible(*promote, !start.possible, "it cannot be started");
        changed |= set_needed(*promote, start.needed, "it is started anew");
    }
    for (Action* demote : actions_of(resource, Task::demote)) {
        Action* stop = action_of(resource, Task::stop, demote->node);
        changed |= set_needed(*demote, stop != nullptr && stop->needed, "it is stopped");
        if (stop != nullptr)
            changed |= set_impossible(*stop, demote->needed && !demote->possible, "it cannot be demoted");
        if (!promotes) continue;
        if (demote->node == resource.assigned) {
            changed |= set_needed(*demote, !promote->possible, "it cannot stay promoted");
            changed |= set_needed(*promote, demote->needed, "it was demoted");
        }
        changed |= set_impossible(*promote, demote->needed && !demote->possible, "it cannot be demoted");
    }
    return changed;
}

}  // namespace

bool settle_resource(Cluster& /*cluster*/, Resource& resource) {
    if (!resource.managed) return false;
    bool changed = false;
    Action& start = *action_of(resource, Task::start);
    if (resource.migrating && !start.possible) {
        resource.migrating = false;
        changed = true;
    }
    const bool keeps_one =
        resource.multiple_active == MultipleActive::stop_unexpected && resource.running_on.size() > 1;
    for (Action* stop : actions_of(resource, Task::stop)) {
        const bool here = stop->node == resource.assigned;
        const bool renews = start.needed && !(here && keeps_one);
        changed |= set_needed(*stop, renews, "it is started anew");
        changed |= set_needed(*stop, !start.possible, start.reason);
        changed |= set_needed(start, stop->needed && here, "it was stopped");
        changed |= set_impossible(start, stop->needed && !stop->possible,
                                  "it cannot be stopped on " + stop->node->name);
    }
    // What is started anew has its new parameters already.
    for (Action* arrive : actions_of(resource, Task::migrate_from))
        changed |= set_impossible(*arrive, start.needed, "it is restarted");
    for (Action* reload : actions_of(resource, Task::reload))
        changed |= set_impossible(*reload, start.needed, "it is restarted");
    return settle_promotion(resource, start) || changed;
}

}  // namespace manager::planner

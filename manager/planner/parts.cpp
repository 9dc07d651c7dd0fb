// How groups and clones hold their parts together, and what fencing means for actions.
#include "manager/planner/action.hpp"

namespace manager::planner {
namespace {

using relation::kEnables;
using relation::kForcesFirst;
using relation::kForcesSecond;
using relation::kOneOf;
using relation::kSequence;

// The moments around a part's task, up the tree: begin -> part -> end. What starts is forced from the front
// to the back, what stops from the back to the front.
void wrap(Cluster& cluster, Resource& whole, Resource& part, Task task, bool any) {
    const bool ups = task == Task::start || task == Task::promote;
    Action* begin = action_of(whole, task);
    Action* end = action_of(whole, end_of(task));
    if (begin == nullptr || end == nullptr) return;
    for (Action* action : actions_of(part, task))
        relate(cluster, *begin, *action, (ups ? kForcesSecond : kForcesFirst) | kEnables, whole.id);
    const Task last = part.primitive() ? task : end_of(task);
    for (Action* action : actions_of(part, last)) {
        const std::uint32_t enables = ups && any ? kOneOf : kEnables;
        relate(cluster, *action, *end, (ups ? kForcesSecond : kForcesFirst) | enables, whole.id);
    }
}

void chain(Cluster& cluster, Resource& first, Resource& second, const std::string& cause) {
    for (Action* a : actions_of(first, Task::start)) {
        for (Action* b : actions_of(second, Task::start))
            relate(cluster, *a, *b, kForcesSecond | kEnables, cause);
    }
    for (Action* b : actions_of(second, Task::stop)) {
        for (Action* a : actions_of(first, Task::stop))
            relate(cluster, *b, *a, kForcesFirst | kEnables, cause);
    }
    for (Action* a : actions_of(first, Task::promote)) {
        for (Action* b : actions_of(second, Task::promote))
            relate(cluster, *a, *b, kForcesSecond | kEnables, cause);
    }
    for (Action* b : actions_of(second, Task::demote)) {
        for (Action* a : actions_of(first, Task::demote))
            relate(cluster, *b, *a, kSequence, cause);  // each is demoted for its own sake
    }
}

void sequence(Cluster& cluster, Resource& resource) {
    for (Action* start : actions_of(resource, Task::start)) {
        for (Action* stop : actions_of(resource, Task::stop)) relate(cluster, *stop, *start, kSequence, "");
        for (Action* promote : actions_of(resource, Task::promote))
            relate(cluster, *start, *promote, kSequence, "");
    }
    for (Action* demote : actions_of(resource, Task::demote)) {
        for (Action* stop : actions_of(resource, Task::stop)) relate(cluster, *demote, *stop, kSequence, "");
        for (Action* promote : actions_of(resource, Task::promote))
            relate(cluster, *demote, *promote, kSequence, "");
    }
}

}  // namespace

void relate_parts(Cluster& cluster) {
    for (const auto& resource : cluster.store) {
        if (resource->primitive()) {
            sequence(cluster, *resource);
            continue;
        }
        for (Resource* part : resource->children) {
            for (const Task task : {Task::start, Task::stop, Task::promote, Task::demote})
                wrap(cluster, *resource, *part, task, resource->clone());
        }
        if (resource->clone()) {
            for (Action* running : actions_of(*resource, Task::running)) running->quota = 1;
            for (Action* promoted : actions_of(*resource, Task::promoted)) promoted->quota = 1;
        }
        const bool ordered =
            resource->group() ? get(resource->meta, "ordered") != "false" : resource->ordered;
        for (std::size_t i = 1; ordered && resource->group() && i < resource->children.size(); ++i)
            chain(cluster, *resource->children[i - 1], *resource->children[i], resource->id);
    }
}

void relate_fencing(Cluster& cluster) {
    std::vector<Action*> fences;
    for (const auto& action : cluster.actions) {
        if (action->task == Task::fence) fences.push_back(action.get());
    }
    for (Action* fence : fences) {
        for (const auto& resource : cluster.store) {
            if (!resource->primitive()) continue;
            for (Action* action : resource->actions) {
                const bool ends = action->task == Task::stop || action->task == Task::demote;
                const bool waits = action->task == Task::start && (resource->required == Requires::fencing ||
                                                                   resource->required == Requires::unfencing);
                if ((ends && action->node == fence->node) || waits)
                    relate(cluster, *fence, *action, kEnables, "fencing");
            }
        }
    }
}

}  // namespace manager::planner

// The actions of every resource and node, and what is needed and possible by itself.
#include <algorithm>
#include <array>

#include "manager/planner/action.hpp"
#include "manager/planner/digest.hpp"

namespace manager::planner {
namespace {

bool contains(const std::vector<Node*>& nodes, const Node* node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Whether the lack of a quorum forbids to start it (or to promote it).
bool lacks_quorum(const Options& options, const Resource& resource, bool promotion) {
    if (options.have_quorum || resource.required == Requires::nothing) return false;
    switch (options.no_quorum) {
        case QuorumPolicy::ignore:
            return false;
        case QuorumPolicy::freeze:
            return promotion ? resource.role != Role::promoted : resource.running_on.empty();
        case QuorumPolicy::demote:
            return promotion || !resource.promotable;
        case QuorumPolicy::stop:
        case QuorumPolicy::fence:
            return true;
    }
    return true;
}

// The node lets nothing be done on it, and nothing on it ends by fencing.
bool unreachable(const Node& node) {
    return (!node.online || node.unclean || node.pending) && !node.fence_wanted;
}

void create_stops(Cluster& cluster, Resource& resource) {
    for (Node* node : resource.running_on) {
        Action& stop = add_action(cluster, Task::stop, &resource, node);
        stop.pseudo = node->fence_wanted;
        if (unreachable(*node)) forbid(stop, node->name + " can neither be reached nor fenced");
        if (!resource.managed) forbid(stop, "it is not managed");
        if (resource.role != Role::promoted && !resource.demote_wanted_on.contains(node->index)) continue;
        Action& demote = add_action(cluster, Task::demote, &resource, node);
        demote.pseudo = stop.pseudo;
        demote.possible = stop.possible;
    }
}

// Where a migration left it behind, it is stopped although nobody reported it.
void create_dangling_stops(Cluster& cluster, Resource& resource) {
    for (Node* node : resource.dangling) {
        if (contains(resource.running_on, node) || !node->online || node->unclean || !resource.managed)
            continue;
        need(add_action(cluster, Task::stop, &resource, node), "a migration may have left it there");
    }
}

void create_starts(Cluster& cluster, Resource& resource) {
    Node* node = resource.assigned;
    if (node != nullptr && node == resource.migration_target)
        add_action(cluster, Task::migrate_from, &resource, node);
    Action& start = add_action(cluster, Task::start, &resource, node);
    const bool active = !resource.running_on.empty();
    start.pseudo = !resource.managed;  // it is active or not; nobody starts it
    if (node == nullptr) forbid(start, "no node may run it");
    if (!resource.managed && (!active || resource.blocked)) forbid(start, "it is not managed");
    if (!resource.managed && node != nullptr && !node->online) forbid(start, node->name + " is gone");
    if (lacks_quorum(cluster.options, resource, false) && resource.managed) forbid(start, "no quorum");
    if (!resource.promotable) return;
    const bool promoted = resource.next_role == Role::promoted;
    Action& promote = add_action(cluster, Task::promote, &resource, promoted ? node : nullptr);
    promote.pseudo = !resource.managed;
    if (!promoted) forbid(promote, "it is not to be promoted");
    if (lacks_quorum(cluster.options, resource, true)) forbid(promote, "no quorum");
}

// Where it is active as far as that matters: a node that is gone counts only where fencing has to prove it.
std::size_t active_places(const Resource& resource) {
    const bool proven = resource.required == Requires::fencing || resource.required == Requires::unfencing;
    return static_cast<std::size_t>(std::count_if(resource.running_on.begin(), resource.running_on.end(),
                                                  [&](const Node* node) { return proven || node->online; }));
}

// What the difference between where it is and where it is to be asks for.
void need_changes(Resource& resource) {
    if (!resource.managed) return;
    Node* next = resource.assigned;
    Action& start = *action_of(resource, Task::start);
    const std::vector<Action*> stops = actions_of(resource, Task::stop);
    const bool arrives = resource.migration_target != nullptr && resource.migration_target == next;
    const bool several = active_places(resource) > 1 && !arrives;
    const bool keeps_one = several && resource.multiple_active == MultipleActive::stop_unexpected;
    bool moves = next != nullptr && !contains(resource.running_on, next);
    for (Action* stop : stops) {
        if (stop->node != next) need(*stop, next == nullptr ? "it is to be stopped" : "it moves");
        // Of several places the one that is kept goes on undisturbed, unless it failed there.
        const bool undisturbed = keeps_one && !resource.stop_wanted_on.contains(stop->node->index);
        if (stop->node == next && (several || resource.stop_wanted) && !undisturbed) {
            need(*stop, several ? "it is active in several places" : "it failed");
            moves = true;
        }
        if (stop->node == next && stop->node->fence_wanted) moves = true;
    }
    if (moves) need(start, "it is to be started");
    if (arrives) need(*action_of(resource, Task::migrate_from), "it is on its way there");
    if (next != nullptr && resource.start_pending && resource.pending_node == next) start.resumed = true;
    if (!resource.promotable) return;
    Action& promote = *action_of(resource, Task::promote);
    const bool promoted = resource.role == Role::promoted && contains(resource.running_on, next);
    if (resource.next_role == Role::promoted && !promoted) need(promote, "it is to be promoted");
    for (Action* demote : actions_of(resource, Task::demote)) {
        if (resource.next_role != Role::promoted || demote->node != next)
            need(*demote, "it is to be demoted");
        if (resource.demote_wanted_on.contains(demote->node->index)) need(*demote, "it failed");
    }
}

// Parameters that changed ask for a restart, or for a reload where the agent can.
void need_renewal(Cluster& cluster, Resource& resource) {
    if (!resource.managed || resource.running_on.size() != 1) return;
    Node* node = resource.running_on.front();
    if (node != resource.assigned) return;
    const Change change = changed_parameters(cluster, resource, *node);
    if (change == Change::none) return;
    Action* start = action_of(resource, Task::start);
    if (change == Change::reload && !start->needed && !start->resumed) {
        need(add_action(cluster, Task::reload, &resource, node), "its parameters changed");
        return;
    }
    need(*action_of(resource, Task::stop, node), "its parameters changed");
    need(*start, "its parameters changed");
}

void create_fencing(Cluster& cluster) {
    // Where nothing is managed (maintenance of the whole cluster), fencing waits as well.
    const bool any_managed = std::any_of(cluster.store.begin(), cluster.store.end(),
                                         [](const auto& resource) { return resource->managed; });
    for (const auto& node : cluster.nodes) {
        const std::string unfenced = get(node->attributes, "#node-unfenced", "0");
        if (cluster.options.unfencing && node->online && !node->unclean && unfenced == "0" &&
            cluster.can_fence(node.get()))
            need(add_action(cluster, Task::unfence, nullptr, node.get()), "a fence device has to let it in");
        if (!node->fence_wanted || !any_managed) continue;
        need(add_action(cluster, Task::fence, nullptr, node.get()), node->fence_reason);
    }
}

void create_moments(Cluster& cluster, Resource& resource) {
    constexpr std::array kPlain = {Task::start, Task::running, Task::stop, Task::stopped};
    constexpr std::array kPromotable = {Task::promote, Task::promoted, Task::demote, Task::demoted};
    for (const Task task : kPlain) add_action(cluster, task, &resource, nullptr).pseudo = true;
    if (!resource.promotable) return;
    for (const Task task : kPromotable) add_action(cluster, task, &resource, nullptr).pseudo = true;
}

}  // namespace

std::string_view to_string(Task task) {
    switch (task) {
        case Task::stop:
            return "stop";
        case Task::stopped:
            return "stopped";
        case Task::start:
            return "start";
        case Task::running:
            return "running";
        case Task::demote:
            return "demote";
        case Task::demoted:
            return "demoted";
        case Task::promote:
            return "promote";
        case Task::promoted:
            return "promoted";
        case Task::migrate_to:
            return "migrate_to";
        case Task::migrate_from:
            return "migrate_from";
        case Task::reload:
            return "reload-agent";
        case Task::fence:
            return "fence";
        case Task::unfence:
            return "fence:on";
        case Task::gate:
            return "gate";
    }
    return "";
}

namespace {

// Tasks that take time and can be undone.
struct Course {
    Task task, end, opposite;
};
constexpr std::array kCourses = {
    Course{Task::stop, Task::stopped, Task::start}, Course{Task::start, Task::running, Task::stop},
    Course{Task::demote, Task::demoted, Task::promote}, Course{Task::promote, Task::promoted, Task::demote}};

// Other tasks are their own end and opposite.
Course course_of(Task task) {
    const auto* const found =
        std::find_if(kCourses.begin(), kCourses.end(), [&](const Course& c) { return c.task == task; });
    return found == kCourses.end() ? Course{task, task, task} : *found;
}

}  // namespace

Task end_of(Task task) {
    return course_of(task).end;
}

Task opposite(Task task) {
    return course_of(task).opposite;
}

Action& add_action(Cluster& cluster, Task task, Resource* resource, Node* node) {
    cluster.actions.push_back(std::make_unique<Action>());
    Action& out = *cluster.actions.back();
    out.task = task;
    out.resource = resource;
    out.node = node;
    if (resource != nullptr) resource->actions.push_back(&out);
    return out;
}

void relate(Cluster& cluster, Action& first, Action& second, std::uint32_t kind, const std::string& cause) {
    cluster.relations.push_back(std::make_unique<Relation>(
        Relation{.first = &first, .second = &second, .kind = kind, .cause = cause}));
    first.after.push_back(cluster.relations.back().get());
    second.before.push_back(cluster.relations.back().get());
}

std::vector<Action*> actions_of(const Resource& resource, Task task) {
    std::vector<Action*> out;
    for (Action* action : resource.actions) {
        if (action->task == task) out.push_back(action);
    }
    return out;
}

Action* action_of(const Resource& resource, Task task, const Node* node) {
    for (Action* action : resource.actions) {
        if (action->task == task && (node == nullptr || action->node == node)) return action;
    }
    return nullptr;
}

void need(Action& action, const std::string& reason) {
    if (action.needed) return;
    action.needed = true;
    if (action.possible) action.reason = reason;
}

void forbid(Action& action, const std::string& reason) {
    if (!action.possible) return;
    action.possible = false;
    action.reason = reason;
}

void create_actions(Cluster& cluster) {
    create_fencing(cluster);
    for (const auto& resource : cluster.store) {
        if (!resource->primitive()) {
            create_moments(cluster, *resource);
            continue;
        }
        create_stops(cluster, *resource);
        create_dangling_stops(cluster, *resource);
        create_starts(cluster, *resource);
        need_changes(*resource);
        need_renewal(cluster, *resource);
    }
}

}  // namespace manager::planner

// Live migration: a resource that can moves without being stopped, unless something asks for its stop.
#include "manager/planner/action.hpp"

namespace manager::planner {
namespace {

bool can_migrate(const Resource& resource) {
    if (!resource.migratable || !resource.managed || resource.failed || resource.stop_wanted ||
        resource.start_pending)
        return false;
    if (resource.running_on.size() != 1 || resource.assigned == nullptr) return false;
    const Node& from = *resource.running_on.front();
    if (&from == resource.assigned || from.unclean || !from.online) return false;
    if (!resource.dangling.empty() || resource.role != Role::started) return false;
    return action_of(resource, Task::start)->possible && action_of(resource, Task::stop)->possible;
}

}  // namespace

void choose_migrations(Cluster& cluster) {
    for (const auto& resource : cluster.store) {
        if (resource->primitive() && can_migrate(*resource)) resource->migrating = true;
    }
}

// Called once nothing can call a migration off any more.
void create_migrations(Cluster& cluster) {
    for (const auto& resource : cluster.store) {
        if (!resource->migrating) continue;
        Node* from = resource->running_on.front();
        Action& start = *action_of(*resource, Task::start);
        Action& stop = *action_of(*resource, Task::stop);
        start.pseudo = true;
        Action& leave = add_action(cluster, Task::migrate_to, resource.get(), from);
        Action& arrive = add_action(cluster, Task::migrate_from, resource.get(), resource->assigned);
        need(leave, stop.reason);
        need(arrive, stop.reason);
        relate(cluster, leave, arrive, relation::kEnables, resource->id);
        relate(cluster, arrive, stop, relation::kEnables, resource->id);
        relate(cluster, stop, start, relation::kEnables, resource->id);
    }
}

}  // namespace manager::planner

// Capacities of nodes and what resources take of them.
#include <algorithm>

#include "manager/planner/assign.hpp"

namespace manager::planner {
namespace {

bool fits(const Capacity& load, const Node& node) {
    return std::all_of(load.begin(), load.end(), [&](const auto& entry) {
        const auto free = node.free.find(entry.first);
        return entry.second <= (free == node.free.end() ? 0 : free->second);
    });
}

void add(Capacity& load, const Resource& resource) {
    for (const auto& [name, amount] : resource.utilization) load[name] += amount;
}

// What must be on one node with the resource and is not placed yet, the resource itself included.
// NOLINTNEXTLINE(misc-no-recursion): `seen` bounds it
void collect(Resource& resource, std::set<Resource*>& seen) {
    if (resource.clone() || !resource.provisional || !seen.insert(&resource).second) return;
    for (Resource* part : resource.children) collect(*part, seen);
    if (resource.parent != nullptr && resource.parent->group()) collect(*resource.parent, seen);
    const auto together = [](const Colocation& colocation) {
        return colocation.score >= Score::infinity() && colocation.attribute == "#uname";
    };
    for (const Colocation* colocation : resource.with) {
        if (together(*colocation)) collect(*colocation->primary, seen);
    }
    for (const Colocation* colocation : resource.followers) {
        if (together(*colocation)) collect(*colocation->dependent, seen);
    }
}

}  // namespace

int compare_free(const Node& left, const Node& right) {
    int out = 0;
    for (const auto& [name, amount] : left.free) {
        const auto other = right.free.find(name);
        const std::int64_t there = other == right.free.end() ? 0 : other->second;
        out += amount > there ? 1 : amount < there ? -1 : 0;
    }
    for (const auto& [name, amount] : right.free) {
        if (!left.free.contains(name)) out += amount > 0 ? -1 : amount < 0 ? 1 : 0;
    }
    return out;
}

// Of the nodes that may run it the one with most room; of equal ones that where it runs, then the first.
Node* Assigner::roomiest(const Resource& resource) const {
    Node* out = nullptr;
    for (const auto& [index, standing] : resource.allowed) {
        Node* node = cluster_.nodes[index].get();
        if (standing.score.value < 0 || !node->usable()) continue;
        const bool runs = std::find(resource.running_on.begin(), resource.running_on.end(), node) !=
                          resource.running_on.end();
        const int order = out == nullptr ? 1 : compare_free(*node, *out);
        if (order > 0 || (order == 0 && runs)) out = node;
    }
    return out;
}

// A node without room is no candidate: without room for all that has to be together, if any node has that. If
// none has, the roomiest is returned, to be preferred where scores are equal.
Node* Assigner::apply_utilization(Resource& resource) {
    if (cluster_.options.strategy == Strategy::standard) return nullptr;
    std::set<Resource*> together;
    collect(resource, together);
    Capacity all;
    for (const auto& owned : cluster_.store) {  // in the sequence of the configuration
        if (together.contains(owned.get())) add(all, *owned);
    }
    if (all.empty()) return nullptr;
    const auto possible = [&](const auto& entry) {
        return entry.second.score.value >= 0 && cluster_.nodes[entry.first]->usable();
    };
    const bool some = std::any_of(resource.allowed.begin(), resource.allowed.end(), [&](const auto& entry) {
        return possible(entry) && fits(all, *cluster_.nodes[entry.first]);
    });
    const Capacity& load = some ? all : resource.utilization;
    for (auto& [node, standing] : resource.allowed) {
        if (fits(load, *cluster_.nodes[node]) || standing.score.value < 0) continue;
        standing.score = Score::minus_infinity();
        resource.contributions.push_back({"utilization: no room", node, Score::minus_infinity()});
    }
    return some || together.size() < 2 ? nullptr : roomiest(resource);
}

}  // namespace manager::planner

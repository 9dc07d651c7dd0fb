#include "manager/planner/criteria.hpp"

#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

// A colour counts by the strategy, a number as it is.
Score health_score(const Options& options, std::string_view value) {
    const std::string word = lower(value);
    const bool fixed = options.health_strategy == "migrate-on-red" || options.health_strategy == "only-green";
    if (word == "red") return fixed ? Score::minus_infinity() : options.health_red;
    if (word == "yellow") {
        if (!fixed) return options.health_yellow;
        return options.health_strategy == "only-green" ? Score::minus_infinity() : Score{};
    }
    if (word == "green") return fixed ? Score{} : options.health_green;
    const auto score = parse_score(value);
    return score ? *score : Score{};
}

// What a node's health attributes say, by the strategy.
Score health_of(const Options& options, const Node& node) {
    const std::string& strategy = options.health_strategy;
    Score sum = strategy == "progressive" ? options.health_base : Score{};
    Score worst = Score::infinity();
    bool any = false;
    for (const auto& [name, value] : node.attributes) {
        if (!name.starts_with("#health")) continue;
        any = true;
        const Score score = health_score(options, value);
        worst = std::min(worst, score);
        sum = sum + score;
    }
    if (strategy == "progressive" || strategy == "custom") return sum;
    return any ? worst : Score{};
}

void apply_health(Cluster& cluster) {
    if (cluster.options.health_strategy == "none" || cluster.options.health_strategy.empty()) return;
    for (const auto& node : cluster.nodes) {
        const Score score = health_of(cluster.options, *node);
        if (score.value == 0) continue;
        for (Resource* resource : cluster.resources) {
            if (is_true(get(resource->meta, "allow-unhealthy-nodes"))) continue;
            add_score(*resource, node->index, score, "health of the node");
        }
    }
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3
void apply_stickiness(const Cluster& cluster, Resource& resource) {
    for (Resource* child : resource.children) apply_stickiness(cluster, *child);
    if (!resource.children.empty() || !resource.managed || resource.stickiness.value < 1 ||
        resource.running_on.size() != 1)
        return;
    const std::size_t node = resource.running_on.front()->index;
    if (!cluster.options.symmetric && !resource.allowed.contains(node)) return;
    add_score(resource, node, resource.stickiness, "stickiness");
}

std::string times(int count) {
    if (count >= Score::kInfinity) return "for good";
    return count == 1 ? "once" : std::to_string(count) + " times";
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3
void apply_failures(const Cluster& cluster, Resource& resource) {
    for (Resource* child : resource.children) apply_failures(cluster, *child);
    if (!resource.children.empty() || resource.migration_threshold == 0 || resource.failure_ignored) return;
    for (const auto& node : cluster.nodes) {
        const int failures = fail_count(cluster, resource, *node, true);
        if (failures <= 0 || failures < resource.migration_threshold) continue;
        Resource* banned = &resource;
        if (resource.top()->clone() && !resource.top()->unique) banned = resource.top();
        const int limit = resource.migration_threshold;
        add_score(*banned, node->index, Score::minus_infinity(),
                  "failed " + times(failures) +
                      (limit >= Score::kInfinity ? "" : ", migration-threshold " + std::to_string(limit)));
    }
}

// Where one resource is told to be looked for exclusively, it may run nowhere else.
void apply_discovery(Resource& top) {
    for_each_part(top, [&](Resource& resource) {
        if (!resource.exclusive_discovery && !top.exclusive_discovery) return;
        for (auto& [node, standing] : resource.allowed) {
            if (standing.discovery == Discovery::exclusive) continue;
            standing.score = Score::minus_infinity();
            resource.contributions.push_back(
                {"resource-discovery is exclusive to others", node, Score::minus_infinity()});
        }
    });
}

// What a node that was shut down keeps starts nowhere else.
void apply_lock(const Cluster& cluster, Resource& resource) {
    if (resource.locked_to == nullptr) return;
    for (const auto& node : cluster.nodes) {
        if (node.get() != resource.locked_to)
            add_score(resource, node->index, Score::minus_infinity(), "shutdown-lock");
    }
}

void join_group(Cluster& cluster, Resource& group) {
    if (scattered(group)) return;
    for (std::size_t i = 1; i < group.children.size(); ++i) {
        add_colocation(cluster, {.id = "group " + group.id,
                                 .dependent = group.children[i],
                                 .primary = group.children[i - 1],
                                 .dependent_role = Role::unknown,
                                 .primary_role = Role::unknown,
                                 .attribute = "#uname",
                                 .score = Score::infinity(),
                                 .influence = group.children[i]->critical});
    }
}

}  // namespace

std::vector<Resource*> named(Cluster& cluster, const std::string& id) {
    if (Resource* resource = cluster.find(id); resource != nullptr) {
        // A constraint that names what a clone copies means the clone; where the instances differ it means
        // none of them.
        Resource* top = resource->top();
        if (top->clone() && resource->number >= 0 && !top->unique) return {top};
        if (top->clone() && resource->id != id) return {};
        return {resource};
    }
    std::vector<Resource*> out;
    const auto tag = cluster.document->tags.find(id);
    if (tag == cluster.document->tags.end()) return out;
    for (const auto& member : tag->second) {
        if (Resource* resource = cluster.find(member); resource != nullptr) out.push_back(resource);
    }
    return out;
}

std::vector<Resource*> members_of(Cluster& cluster, const cib::ResourceSet& set) {
    std::vector<Resource*> out;
    for (const auto& id : set.members) {
        for (Resource* resource : named(cluster, id)) out.push_back(resource);
    }
    return out;
}

Colocation& add_colocation(Cluster& cluster, Colocation colocation) {
    cluster.colocations.push_back(std::make_unique<Colocation>(std::move(colocation)));
    Colocation& out = *cluster.colocations.back();
    out.dependent->with.push_back(&out);
    out.primary->followers.push_back(&out);
    return out;
}

Cluster apply_criteria(Cluster cluster) {
    apply_health(cluster);
    tie_locations(cluster);
    tie_colocations(cluster);
    for (Resource* top : cluster.resources) {
        apply_stickiness(cluster, *top);
        apply_failures(cluster, *top);
        apply_discovery(*top);
        for_each_part(*top, [&](Resource& resource) {
            apply_lock(cluster, resource);
            if (resource.group()) join_group(cluster, resource);
        });
    }
    tie_tickets(cluster);
    return cluster;
}

}  // namespace manager::planner

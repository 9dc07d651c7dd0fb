#include "manager/planner/blockers.hpp"

#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

constexpr int kDepth = 4;  // how far from the resource a cause is looked for

class Search {
  public:
    Search(const Cluster& cluster, const Node* node) : cluster_(cluster), node_(node) {}

    // NOLINTNEXTLINE(misc-no-recursion): bounded by `depth`
    void visit(const Resource& resource, int depth) {
        if (depth == 0 || std::find(seen_.begin(), seen_.end(), &resource) != seen_.end()) return;
        seen_.push_back(&resource);
        of_state(resource);
        for (const auto& node : cluster_.nodes) {
            if (node_ == nullptr || node_ == node.get()) of_node(resource, *node);
        }
        follow(resource, depth);
        if (depth == kDepth) of_constraints(resource);
    }
    std::vector<Hypothesis> result() {
        state_.insert(state_.end(), configured_.begin(), configured_.end());
        return std::move(state_);
    }

  private:
    static void add(std::vector<Hypothesis>& list, Hypothesis next) {
        const bool there = std::any_of(list.begin(), list.end(),
                                       [&](const Hypothesis& each) { return each.words == next.words; });
        if (!there) list.push_back(std::move(next));
    }

    void of_state(const Resource& resource) {
        const Options& options = cluster_.options;
        for (const Resource* at = &resource; at != nullptr; at = at->parent) {
            if (at->target == Role::stopped) add(state_, started(at->base));
        }
        if (options.stop_all) add(state_, no_stop_all());
        if (!options.have_quorum) add(state_, quorum());
        for (const auto& object : cluster_.document->ticket_constraints) {
            const auto cause = "ticket " + object.ticket;
            const bool concerns = std::any_of(resource.contributions.begin(), resource.contributions.end(),
                                              [&](const Contribution& each) { return each.cause == cause; });
            if (concerns) add(state_, granted(object.ticket));
        }
        for (const NodeHistory& history : resource.history) {
            const bool failed = std::any_of(history.entries.begin(), history.entries.end(),
                                            [](const cib::HistoryEntry* entry) {
                                                return entry->rc != 0 && entry->rc != entry->expected;
                                            });
            if (failed) add(state_, cleaned(resource.base, cluster_.nodes[history.node]->name));
        }
        if (!resource.managed && !resource.blocked) add(state_, managed(resource.base));
        if (!resource.utilization.empty() && options.strategy != Strategy::standard)
            add(configured_, weightless(resource.base));
    }

    void of_node(const Resource& resource, const Node& node) {
        if (node.standby && !node.pending) add(state_, standby(node.name, false));
        if (node.maintenance) add(state_, no_maintenance(node.name));
        if (!node.online || node.shutdown || node.unclean || node.pending) add(state_, up(node.name));
        if (fail_count(cluster_, resource, node, true) > 0) add(state_, cleaned(resource.base, node.name));
    }

    // What it must be with, or come after, may be what cannot run.
    // NOLINTNEXTLINE(misc-no-recursion): bounded by `depth`
    void follow(const Resource& resource, int depth) {
        for (const Resource* at = &resource; at != nullptr; at = at->parent) {
            for (const Colocation* colocation : at->with) {
                if (colocation->score >= Score::infinity()) visit(*colocation->primary, depth - 1);
            }
            const Action* start = action_of(*at, Task::start);
            if (start == nullptr || start->possible) continue;
            for (const Relation* relation : start->before) {
                const Resource* first = relation->first->resource;
                if (!relation->first->possible && first != nullptr) visit(*first, depth - 1);
            }
        }
        for (const Resource* child : resource.children) visit(*child, depth - 1);
    }

    void of_constraints(const Resource& resource) {
        for (const Resource* at = &resource; at != nullptr; at = at->parent) {
            for (const auto& object : cluster_.document->locations) {
                if (speaks_against(*at, "location " + object.id))
                    add(configured_, without("location", object.id));
            }
            for (const auto& object : cluster_.document->colocations) {
                if (speaks_against(*at, "colocation " + object.id))
                    add(configured_, without("colocation", object.id));
            }
            const Action* start = action_of(*at, Task::start);
            if (start == nullptr || start->possible) continue;
            for (const Relation* relation : start->before) {
                for (const auto& object : cluster_.document->orders) {
                    if (relation->cause == object.id && !relation->first->possible)
                        add(configured_, without("order", object.id));
                }
            }
        }
    }

    // Something that begins so has a negative score, on the node in question if there is one.
    [[nodiscard]] bool speaks_against(const Resource& resource, const std::string& cause) const {
        return std::any_of(resource.contributions.begin(), resource.contributions.end(),
                           [&](const Contribution& each) {
                               return each.amount.value < 0 &&
                                      (each.cause == cause || each.cause.rfind(cause + " with ", 0) == 0) &&
                                      (node_ == nullptr || node_->index == each.node);
                           });
    }

    const Cluster& cluster_;
    const Node* node_;
    std::vector<const Resource*> seen_;
    std::vector<Hypothesis> state_, configured_;
};

}  // namespace

std::vector<Hypothesis> blockers(const Cluster& cluster, const Resource& resource, const Node* node) {
    Search search(cluster, node);
    search.visit(resource, kDepth);
    return search.result();
}

std::string bar_of(const Node& node) {
    if (node.unclean) return "to be fenced: " + node.fence_reason;
    if (node.pending) return "not ready yet";
    if (!node.online) return "offline";
    if (node.shutdown) return "shutting down";
    if (node.standby_on_fail) return "in standby since a failure";
    if (node.standby) return "in standby";
    return node.maintenance ? "in maintenance" : "";
}

}  // namespace manager::planner

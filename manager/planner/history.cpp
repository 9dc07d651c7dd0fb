// From what nodes reported to where resources run: reports are joined to resources here; judging single
// operations is in judge.cpp.
#include "manager/planner/history.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "manager/planner/action.hpp"

namespace manager::planner {
namespace {

std::string_view without_number(std::string_view id) {
    const std::size_t colon = id.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == id.size()) return id;
    const bool digits = id.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    return digits ? id.substr(0, colon) : id;
}

// The part of an instance that is called `base`.
Resource* part_of(Resource& instance, std::string_view base) {
    if (instance.base == base) return &instance;
    for (Resource* child : instance.children) {
        if (child->base == base) return child;
    }
    return nullptr;
}

// The instance of an anonymous clone that a report of `base` on `node` is about: the one that is active
// there, else the first that nobody has.
Resource* anonymous_instance(Cluster& cluster, Resource& clone, std::string_view base, Node& node) {
    Resource* inactive = nullptr;
    Resource* found = nullptr;
    bool taken = false;
    for (Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, false);
        if (!at.empty()) {
            if (at.front() != &node) continue;
            found = part_of(*child, base);
            if (found != nullptr && !found->running_on.empty()) {
                found = nullptr;
                taken = true;
            } else if (found != nullptr) {
                break;
            }
        } else if (!taken && inactive == nullptr && !child->blocked) {
            inactive = part_of(*child, base);
            if (inactive != nullptr && inactive->pending_node != nullptr && inactive->pending_node != &node)
                inactive = nullptr;
        }
    }
    if (found == nullptr && !taken) found = inactive;
    const bool waits =
        found != nullptr && (found->required == Requires::fencing || found->required == Requires::unfencing);
    const bool everywhere = clone.clone_max >= static_cast<int>(cluster.nodes.size());
    if (found != nullptr && !waits && node.unclean && !everywhere) found = nullptr;
    if (found == nullptr) found = part_of(add_instance(cluster, clone), base);
    return found;
}

// Which resource a report is about. Clusters have thousands of reports, so the names are looked up.
class Names {
  public:
    explicit Names(Cluster& cluster) : cluster_(cluster) {
        for (const auto& resource : cluster.store) add(*resource);
    }
    void add(Resource& resource) {
        if (!resource.primitive()) return;
        Resource* top = resource.top();
        const bool anonymous = top->clone() && !top->unique;
        // Of several with one name the first counts.
        const std::string& name = anonymous ? resource.base : resource.id;
        named_[anonymous ? 1 : 0].try_emplace(name, ++count_, &resource);
    }
    // Nothing: no resource has that name (any more).
    [[nodiscard]] Resource* find(const cib::ResourceHistory& report, Node& node) const {
        const std::string_view base = without_number(report.id);
        const auto single = named_[0].find(report.id), cloned = named_[1].find(base);
        const bool is_single = single != named_[0].end(), is_cloned = cloned != named_[1].end();
        if (is_single && (!is_cloned || single->second.first < cloned->second.first))
            return single->second.second;
        if (!is_cloned) return nullptr;
        Resource* found = anonymous_instance(cluster_, *cloned->second.second->top(), base, node);
        if (found != nullptr) found->history_name = report.id;
        return found;
    }

  private:
    Cluster& cluster_;
    std::size_t count_{0};
    // By id those that are there once, by base the members of anonymous clones; with their place in the
    // order. Hashed, because nobody goes through them. The resources own the names.
    std::array<std::unordered_map<std::string_view, std::pair<std::size_t, Resource*>>, 2> named_;
};

// Whether `a` happened before `b`.
bool before(const cib::HistoryEntry& a, const cib::HistoryEntry& b) {
    if (a.call_id >= 0 && b.call_id >= 0) {
        return a.call_id != b.call_id ? a.call_id < b.call_id : a.changed < b.changed;
    }
    if (a.planner != b.planner || a.transition == b.transition) return a.call_id >= 0 && b.call_id < 0;
    if (b.transition < 0) return true;
    return a.transition >= 0 && a.transition < b.transition;
}

decltype(NodeHistory::entries) in_order(const cib::ResourceHistory& report) {
    decltype(NodeHistory::entries) out;
    for (const auto& entry : report.entries) {  // insertion: the relation above need not be transitive
        auto at = out.end();
        while (at != out.begin() && before(entry, **(at - 1))) --at;
        out.insert(at, &entry);
    }
    return out;
}

void block_all(Resource& resource) {
    resource.managed = false;
    resource.blocked = true;
}

// Active in more than one place: what the administrator wants then.
void judge_multiple(const Cluster& cluster, Resource& resource) {
    if (resource.multiple_active == MultipleActive::stop_only)
        ban_everywhere(cluster, resource, "it was active in several places");
    if (resource.multiple_active != MultipleActive::block) return;
    block_all(resource);
    if (resource.parent != nullptr && resource.parent->group() &&
        resource.parent->multiple_active == MultipleActive::block) {
        for (Resource* sibling : resource.parent->children) block_all(*sibling);
    }
}

void apply_failure(Cluster& cluster, Resource& resource, Node& node, OnFail what) {
    const bool active = resource.role > Role::stopped;
    switch (what) {
        case OnFail::ignore:
            break;
        case OnFail::demote:
            resource.failed = true;
            break;
        case OnFail::fence:
            want_fence(cluster, node, resource.id + " failed there");
            break;
        case OnFail::standby:
            node.standby = node.standby_on_fail = true;
            break;
        case OnFail::block:
            block_all(resource);
            break;
        case OnFail::ban:
            add_score(resource, node.index, Score::minus_infinity(), "it failed there");
            break;
        case OnFail::stop:
            resource.next_role = Role::stopped;
            break;
        case OnFail::restart:
            if (active) resource.failed = resource.stop_wanted = true;
            break;
    }
}

void settle(Cluster& cluster, Resource& resource, Node& node, OnFail failure) {
    if (resource.role == Role::started && resource.promotable) resource.role = Role::unpromoted;
    if (resource.role != Role::unknown) {
        for (Resource* at = &resource; at != nullptr; at = at->parent) {
            at->known_on.insert(node.index);
            if (at->unique) break;
        }
    }
    if (resource.role > Role::stopped && !node.online && !node.maintenance && resource.managed &&
        cluster.options.fencing)
        want_fence(cluster, node, resource.id + " is thought to be active there");
    if (node.unclean) failure = OnFail::ignore;
    apply_failure(cluster, resource, node, failure);
    if (resource.role <= Role::stopped) {
        resource.history_name.clear();
        return;
    }
    add_running(cluster, resource, node);
    if (failure == OnFail::ignore) return;
    resource.failed = true;
    if (failure == OnFail::demote) resource.demote_wanted_on.insert(node.index);
    if (failure == OnFail::demote || failure == OnFail::block) return;
    resource.stop_wanted = true;
    resource.stop_wanted_on.insert(node.index);
}

void unpack_one(Cluster& cluster, Names& names, const cib::ResourceHistory& report, Node& node) {
    if (report.entries.empty()) return;
    Resource* resource = names.find(report, node);
    if (resource == nullptr) {
        resource = &add_orphan(cluster, report);
        names.add(*resource);
    }
    if (resource->history.empty()) resource->history.reserve(cluster.nodes.size());
    resource->history.push_back({.node = node.index, .report = &report, .entries = in_order(report)});
    const Role saved = resource->role;
    resource->role = Role::unknown;
    Judgement judgement{.cluster = cluster, .resource = *resource, .node = node};
    for (const auto* entry : resource->history.back().entries) judge(judgement, *entry);
    settle(cluster, *resource, node, judgement.failure);
    const Role limit = resource->target;
    if (limit != Role::unknown && (resource->next_role == Role::unknown ||
                                   resource->next_role == Role::started || limit < resource->next_role))
        resource->next_role = limit;
    resource->history.back().active = resource->role > Role::stopped;
    resource->role = std::max(saved, resource->role);
}

}  // namespace

void add_running(const Cluster& cluster, Resource& resource, Node& node) {
    if (std::find(resource.running_on.begin(), resource.running_on.end(), &node) != resource.running_on.end())
        return;
    resource.running_on.push_back(&node);
    node.running.push_back(&resource);
    if (node.maintenance) {
        resource.managed = false;
        resource.maintenance = true;
    }
    if (!resource.managed) {
        add_score(resource, node.index, Score::infinity(), "it is not managed");
    } else if (resource.running_on.size() > 1) {
        judge_multiple(cluster, resource);
    }
}

bool lock_holds(const Options& options, std::int64_t since) {
    return options.shutdown_lock_limit <= 0 || options.now < since + options.shutdown_lock_limit;
}

// A node that was shut down in an orderly manner keeps its resources until it is back, if the administrator
// wants that; so does one that is shutting down.
void lock_to_nodes(Cluster& cluster) {
    if (!cluster.options.shutdown_lock) return;
    for (const auto& report : cluster.document->reports) {
        Node* node = cluster.node(report.id);
        if (node == nullptr || node->unclean) continue;
        for (const auto& history : report.history) {
            Resource* resource = cluster.find(history.id);
            if (resource == nullptr || history.locked == 0 || resource->top()->clone()) continue;
            const bool free = resource->running_on.empty() && lock_holds(cluster.options, history.locked);
            if (free && (!node->online || node->shutdown)) resource->locked_to = node;
        }
    }
    for (const auto& resource : cluster.store) {
        if (!resource->primitive() || resource->top()->clone() || resource->orphan) continue;
        if (resource->running_on.size() != 1 || resource->fence_device) continue;
        Node* node = resource->running_on.front();
        const std::int64_t since = std::atoll(get(node->attributes, "shutdown").c_str());
        if (node->shutdown && !node->unclean && lock_holds(cluster.options, since))
            resource->locked_to = node;
    }
}

// Members first; nodes that are out only where fencing or a shutdown lock must know what they may still run.
void unpack_history(Cluster& cluster) {
    Names names(cluster);
    for (const bool online : {true, false}) {
        if (!online && !cluster.options.fencing && !cluster.options.shutdown_lock) break;
        for (const auto& report : cluster.document->reports) {
            Node* node = cluster.node(report.id);
            if (node == nullptr) node = cluster.node(report.name);
            if (node == nullptr || node->online != online) continue;
            for (const auto& resource : report.history) unpack_one(cluster, names, resource, *node);
        }
    }
    for (const auto& resource : cluster.store) {
        const Role limit = resource->target;
        if (resource->primitive() && limit != Role::unknown && resource->next_role == Role::unknown)
            resource->next_role = limit;
    }
    lock_to_nodes(cluster);
}

}  // namespace manager::planner

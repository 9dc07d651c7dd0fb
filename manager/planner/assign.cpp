#include "manager/planner/assign.hpp"

#include <algorithm>

#include "manager/planner/action.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

// Where it runs; of several places one that is still there, unless fencing has to free the first one.
Node* current_node(const Resource& resource) {
    const bool proven = resource.required == Requires::fencing || resource.required == Requires::unfencing;
    for (Node* node : resource.running_on) {
        if (proven || (node->online && !node->unclean)) return node;
    }
    return resource.running_on.empty() ? nullptr : resource.running_on.front();
}

int rank_of(const Resource& resource) {
    if (resource.clone()) return resource.promotable ? 3 : 2;
    return resource.group() ? 1 : 0;
}

}  // namespace

std::vector<Colocation*> in_sequence(const std::vector<Colocation*>& colocations, bool primaries) {
    std::vector<Colocation*> out(colocations.rbegin(), colocations.rend());
    std::stable_sort(out.begin(), out.end(), [&](const Colocation* left, const Colocation* right) {
        const Resource& a = primaries ? *left->primary : *left->dependent;
        const Resource& b = primaries ? *right->primary : *right->dependent;
        if (a.priority != b.priority) return a.priority > b.priority;
        if (rank_of(a) != rank_of(b)) return rank_of(a) > rank_of(b);
        return a.id < b.id;
    });
    return out;
}

bool Assigner::any_usable(const Standings& standings) const {
    return std::any_of(standings.begin(), standings.end(), [&](const auto& entry) {
        return entry.second.score.value >= 0 && cluster_.nodes[entry.first]->usable();
    });
}

std::string_view Assigner::attribute_of(std::size_t node, const std::string& name) const {
    const Attributes& attributes = cluster_.nodes[node]->attributes;
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::string_view{} : found->second;
}

std::pair<bool, Choice> Assigner::compare(const Resource& resource, std::size_t a, std::size_t b,
                                          const Node* current) const {
    const Node& left = *cluster_.nodes[a];
    const Node& right = *cluster_.nodes[b];
    const Score low = Score::minus_infinity();
    const Score of_left = left.usable() ? score_on(resource.allowed, a) : low;
    const Score of_right = right.usable() ? score_on(resource.allowed, b) : low;
    if (of_left != of_right) return {of_left > of_right, Choice::score};
    if (cluster_.options.strategy == Strategy::balanced) {
        const int balance = compare_free(left, right);
        if (balance != 0) return {balance > 0, Choice::capacity};
    }
    if (cluster_.options.strategy != Strategy::minimal) {
        if (left.assigned != right.assigned) return {left.assigned < right.assigned, Choice::load};
        if (&left == current) return {true, Choice::current};
        if (&right == current) return {false, Choice::current};
    }
    return {left.name < right.name, Choice::name};
}

bool Assigner::better(const Resource& resource, std::size_t a, std::size_t b, const Node* current) const {
    return compare(resource, a, b, current).first;
}

std::vector<std::size_t> Assigner::ranked(const Resource& resource, std::size_t most) const {
    const Node* current = current_node(resource);
    std::vector<std::size_t> out;
    out.reserve(resource.allowed.size());
    for (const auto& [node, standing] : resource.allowed) out.push_back(node);
    const auto end = out.begin() + static_cast<std::ptrdiff_t>(std::min(most, out.size()));
    std::partial_sort(out.begin(), end, out.end(),
                      [&](std::size_t a, std::size_t b) { return better(resource, a, b, current); });
    out.erase(end, out.end());
    return out;
}

void Assigner::unplace(Resource& resource) {
    resource.provisional = true;
    if (resource.assigned == nullptr) return;
    --resource.assigned->assigned;
    for (const auto& [name, amount] : resource.utilization) {
        const auto free = resource.assigned->free.find(name);
        if (free != resource.assigned->free.end()) free->second += amount;
    }
    resource.assigned = nullptr;
}

void Assigner::place(Resource& resource, Node* node, bool force) {
    if (!force && node != nullptr && (!node->usable() || score_on(resource.allowed, node->index).value < 0))
        node = nullptr;
    unplace(resource);
    resource.provisional = false;
    if (node == nullptr) {
        resource.next_role = Role::stopped;
        return;
    }
    resource.assigned = node;
    ++node->assigned;
    for (const auto& [name, amount] : resource.utilization) {
        const auto free = node->free.find(name);
        if (free != node->free.end()) free->second -= amount;
    }
}

bool Assigner::choose(Resource& resource, Node* prefer) {
    Node* roomy = apply_utilization(resource);
    if (prefer == nullptr) prefer = roomy;
    const std::vector<std::size_t> nodes = ranked(resource, 2);
    Node* chosen = nullptr;
    if (prefer != nullptr && !nodes.empty()) {
        const Score score = score_on(resource.allowed, prefer->index);
        if (score.value >= 0 && score >= score_on(resource.allowed, nodes.front()) && prefer->usable())
            chosen = prefer;
        if (chosen != nullptr) resource.choice = Choice::preferred;
    }
    if (chosen == nullptr && !nodes.empty()) {
        if (nodes.size() > 1)
            resource.choice = compare(resource, nodes[0], nodes[1], current_node(resource)).second;
        chosen = cluster_.nodes[nodes.front()].get();
        const Score best = score_on(resource.allowed, chosen->index);
        const Resource* parent = resource.parent;
        const bool unique_instance = parent != nullptr && parent->clone() && parent->unique;
        Node* current = current_node(resource);
        if (!unique_instance && best.value > 0 && chosen->usable() && current != nullptr &&
            current->usable() && score_on(resource.allowed, current->index) == best && chosen != current) {
            chosen = current;
            resource.choice = Choice::current;
        }
    }
    place(resource, chosen, false);
    return resource.assigned != nullptr;
}

// What it must or wants to be with is placed first, and draws it there or drives it away.
// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
void Assigner::follow(Resource& resource) {
    for (const Colocation* colocation : in_sequence(resource.with, true)) {
        const bool wish = colocation->dependent_role >= Role::promoted ||
                          (colocation->score.value < 0 && colocation->score > Score::minus_infinity());
        const Standings before = resource.allowed;
        const std::size_t contributions = resource.contributions.size();
        assign(*colocation->primary);
        colocate(resource, *colocation->primary, *colocation);
        if (!wish || any_usable(resource.allowed)) continue;
        resource.allowed = before;
        resource.contributions.resize(contributions);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `merging` bounds it
void Assigner::hear_followers(Resource& resource, bool positive_only) {
    voices_ = 0;
    for (const Colocation* colocation : in_sequence(resource.followers, false)) {
        if (!colocation->influence && !places(*colocation->dependent, false).empty()) continue;
        const Standings before = resource.allowed;
        resource.allowed = lend(*colocation->dependent, resource.allowed, colocation->attribute,
                                colocation->score.value, true, positive_only);
        for (const auto& [node, standing] : resource.allowed) {
            const auto was = before.find(node);
            if (was == before.end() || was->second.score == standing.score) continue;
            const Score amount{standing.score.value - was->second.score.value};
            resource.contributions.push_back({"wishes of " + colocation->dependent->id, node, amount});
        }
    }
}

void Assigner::limit_role(Resource& resource) const {
    if (resource.next_role == Role::stopped) {
        const bool wanted = resource.target == Role::stopped;
        ban_everywhere(cluster_, resource, wanted ? "target-role Stopped" : "stopped after a failure");
    } else if (resource.next_role > resource.role && !cluster_.options.have_quorum &&
               cluster_.options.no_quorum == QuorumPolicy::freeze) {
        resource.next_role = resource.role;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
Node* Assigner::assign_primitive(Resource& resource, Node* prefer) {
    resource.assigning = true;
    follow(resource);
    hear_followers(resource, false);
    limit_role(resource);
    if (!resource.managed) {
        resource.next_role = resource.role;
        place(resource, resource.running_on.empty() ? nullptr : resource.running_on.front(), true);
    } else if (cluster_.options.stop_all) {
        place(resource, nullptr, true);
    } else {
        choose(resource, prefer);
    }
    resource.assigning = false;
    return resource.assigned;
}

// What the group is to be with, its first member is to be with; the others follow. A member that is not
// managed stays where it is, so those behind it are held to what the group must be with themselves. What is
// to be with the group is to be with its last member.
void Assigner::hand_down(Resource& group) {
    bool held = false;
    for (Resource* child : group.children) {
        const bool is_first = child == group.children.front();
        for (Colocation* colocation : group.with) {
            if (is_first || (held && colocation->score >= Score::infinity()))
                child->with.push_back(colocation);
        }
        held = held || !child->managed;
    }
    Resource& last = *group.children.back();
    last.followers.insert(last.followers.end(), group.followers.begin(), group.followers.end());
    group.with.clear();
    group.followers.clear();
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
Node* Assigner::assign_group(Resource& group, Node* prefer) {
    group.assigning = true;
    group.role = group.children.front()->role;
    Resource& first = *group.children.front();
    hand_down(group);
    Node* out = nullptr;
    for (Resource* child : group.children) {
        Node* node = assign(*child, prefer);
        if (out == nullptr) out = node;
    }
    group.next_role = first.next_role;
    group.assigning = false;
    group.provisional = false;
    return out;
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
Node* Assigner::assign(Resource& resource, Node* prefer) {
    if (resource.parent != nullptr && !resource.parent->assigning && resource.parent->provisional)
        assign(*resource.parent, prefer);
    if (!resource.provisional) return resource.assigned;
    if (resource.assigning) return nullptr;
    if (resource.clone()) return assign_clone(resource);
    if (resource.group()) return assign_group(resource, prefer);
    return assign_primitive(resource, prefer);
}

// The scores of a resource and of what it is to be with, before anything is placed.
// NOLINTNEXTLINE(misc-no-recursion): `merging` bounds it
Standings Assigner::outlook(Resource& resource) {
    Standings out = resource.allowed;
    if (resource.merging || ++voices_ > kMostVoices) return out;
    resource.merging = true;
    const auto score_there = [&](const Standings& there, std::size_t node) {
        return cluster_.nodes[node]->usable() ? score_on(there, node) : Score::minus_infinity();
    };
    if (resource.group()) {
        out = outlook(*resource.children.front());
        for (std::size_t i = 1; i < resource.children.size(); ++i) {
            for (auto& [node, standing] : out)
                standing.score = standing.score + score_there(resource.children[i]->allowed, node);
        }
    }
    for (const Colocation* colocation : resource.with) {
        if (colocation->primary->top() == resource.top()) continue;
        const Standings there = outlook(*colocation->primary);
        for (auto& [node, standing] : out)
            standing.score = standing.score + share(score_there(there, node), colocation->score.value);
    }
    resource.merging = false;
    return out;
}

namespace {

struct Rank {
    Resource* resource;
    Score current;
    std::vector<Score> scores;  // node by node
};

}  // namespace

// With capacities in play: priority, then the score where it runs, then those of the nodes one by one.
void Assigner::sort_by_scores() {
    std::vector<std::size_t> nodes;
    Resource nobody;
    for (const auto& node : cluster_.nodes) {
        nodes.push_back(node->index);
        nobody.allowed[node->index];
    }
    std::sort(nodes.begin(), nodes.end(),
              [&](std::size_t a, std::size_t b) { return better(nobody, a, b, nullptr); });
    std::vector<Rank> ranks;
    for (Resource* resource : cluster_.resources) {
        voices_ = 0;
        Standings scores = outlook(*resource);
        const std::vector<Node*> at = places(*resource, false);
        Rank rank{resource, at.empty() ? Score::minus_infinity() : scores[at.front()->index].score, {}};
        for (const std::size_t node : nodes)
            rank.scores.push_back(scores.contains(node) ? scores[node].score : Score::minus_infinity());
        ranks.push_back(std::move(rank));
    }
    std::stable_sort(ranks.begin(), ranks.end(), [](const Rank& a, const Rank& b) {
        if (a.resource->priority != b.resource->priority) return a.resource->priority > b.resource->priority;
        if (a.current != b.current) return a.current > b.current;
        return a.scores > b.scores;
    });
    std::transform(ranks.begin(), ranks.end(), cluster_.resources.begin(),
                   [](const Rank& rank) { return rank.resource; });
}

Cluster assign(Cluster cluster) {
    // Who asks for fencing and has no device for it gets nothing started, moved or stopped.
    const bool helpless = cluster.options.fencing && !cluster.options.fence_device;
    for (const auto& resource : cluster.store) resource->managed = resource->managed && !helpless;
    Assigner assigner(cluster);
    if (cluster.options.strategy != Strategy::standard) assigner.sort_by_scores();
    for (Resource* resource : cluster.resources) assigner.assign(*resource);
    return cluster;
}

}  // namespace manager::planner

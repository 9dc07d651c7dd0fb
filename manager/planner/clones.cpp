// Instances of clones and their places.
#include <algorithm>

#include "manager/planner/action.hpp"
#include "manager/planner/assign.hpp"

namespace manager::planner {
namespace {

bool failed(const Resource& resource) {
    bool out = false;
    for_each_part(const_cast<Resource&>(resource), [&](const Resource& part) { out = out || part.failed; });
    return out;
}

// Nobody may stop it where it is.
bool stuck(const Resource& resource) {
    bool out = false;
    for_each_part(const_cast<Resource&>(resource), [&](const Resource& part) {
        out = out || (part.primitive() && !part.managed && !part.running_on.empty());
    });
    return out;
}

}  // namespace

void Assigner::inherit_wishes(const Resource& clone, Resource& instance, bool all) {
    const auto add = [](std::vector<Colocation*>& list, Colocation* colocation) {
        if (std::find(list.begin(), list.end(), colocation) == list.end()) list.push_back(colocation);
    };
    for (Colocation* colocation : clone.with) {
        if (all || colocation->score.value < 0 || colocation->score >= Score::infinity())
            add(instance.with, colocation);
    }
    for (Colocation* colocation : clone.followers) {
        if (!colocation->influence && !places(instance, false).empty()) continue;
        if (all || colocation->score.value < 0) add(instance.followers, colocation);
    }
}

void Assigner::ban_full_nodes(const Resource& clone, Resource& instance) {
    for (const auto& node : cluster_.nodes) {
        const auto standing = clone.allowed.find(node->index);
        const bool full = standing == clone.allowed.end() || standing->second.count >= clone.clone_node_max ||
                          standing->second.score.value < 0;
        if (!full && !instance.orphan) continue;
        for_each_part(instance, [&](Resource& part) {
            const auto own = part.allowed.find(node->index);
            if (own == part.allowed.end()) return;
            own->second.score = Score::minus_infinity();
            part.contributions.push_back(
                {"clone " + clone.id + " takes no more there", node->index, Score::minus_infinity()});
        });
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
bool Assigner::place_instance(Resource& clone, Resource& instance, Node* prefer, bool all_wishes) {
    if (!instance.provisional) return places(instance, true).empty() ? false : true;
    inherit_wishes(clone, instance, all_wishes);
    if (prefer != nullptr) {
        const auto there = instance.allowed.find(prefer->index);
        if (there == instance.allowed.end() || there->second.score.value < 0) return false;
    }
    struct Before {
        Resource* part;
        Standings allowed;
        std::size_t contributions;
    };
    std::vector<Before> before;
    for_each_part(instance, [&](Resource& part) {
        before.push_back({&part, part.allowed, part.contributions.size()});
    });
    ban_full_nodes(clone, instance);
    const Node* chosen = assign(instance, prefer);
    if (prefer != nullptr && chosen != prefer) {
        for (auto& [part, allowed, contributions] : before) {
            unplace(*part);
            part->allowed = allowed;
            part->contributions.resize(contributions);
        }
        return false;
    }
    if (chosen != nullptr) ++clone.allowed[chosen->index].count;
    return chosen != nullptr;
}

// Negative: `a` is placed before `b`.
int Assigner::compare_instances(Resource& clone, Resource& a, Resource& b, Standings& wishes) {
    const auto order = [](auto left, auto right) { return left < right ? -1 : left > right ? 1 : 0; };
    const std::vector<Node*> at_a = places(a, false);
    const std::vector<Node*> at_b = places(b, false);
    if (!at_a.empty() && !at_b.empty() && at_a.size() != at_b.size()) return order(at_a.size(), at_b.size());
    const auto allowed_node = [](const Resource& instance, const std::vector<Node*>& at) -> const Node* {
        if (at.empty()) return nullptr;
        const auto found = instance.allowed.find(at.front()->index);
        return found == instance.allowed.end() || found->second.score.value < 0 ? nullptr : at.front();
    };
    const Node* node_a = allowed_node(a, at_a);
    const Node* node_b = allowed_node(b, at_b);
    const bool lost_a = !at_a.empty() && node_a == nullptr;
    const bool lost_b = !at_b.empty() && node_b == nullptr;
    if (lost_a != lost_b) return lost_a ? 1 : -1;
    if (a.priority != b.priority) return order(b.priority, a.priority);
    if (node_a == nullptr && node_b == nullptr) return order(a.number, b.number);
    if (node_a == nullptr || node_b == nullptr) return node_a == nullptr ? 1 : -1;
    if (node_a->usable() != node_b->usable()) return node_a->usable() ? -1 : 1;
    const int count = order(clone.allowed[node_a->index].count, clone.allowed[node_b->index].count);
    if (count != 0) return count;
    if (failed(a) != failed(b)) return failed(a) ? 1 : -1;
    const Score score_a = wishes[node_a->index].score;
    const Score score_b = wishes[node_b->index].score;
    if (score_a != score_b) return order(score_b, score_a);
    return order(a.number, b.number);
}

// What those that want to be with the clone like, and what those that it is to be with or away from say of
// the nodes. (Who wants to be away from the clone has no say in which of its instances comes first.)
Standings Assigner::wishes_about(Resource& clone) {
    voices_ = 0;
    Standings out;
    for (const auto& node : cluster_.nodes) out[node->index];
    for (const Colocation* colocation : in_sequence(clone.with, true))
        out = lend(*colocation->primary, out, colocation->attribute, colocation->score.value, true, false);
    for (const Colocation* colocation : in_sequence(clone.followers, false)) {
        if (!colocation->influence || colocation->score.value < 0) continue;
        out = lend(*colocation->dependent, out, colocation->attribute, colocation->score.value, true, true);
    }
    return out;
}

void Assigner::sort_instances(Resource& clone) {
    Standings wishes = wishes_about(clone);
    std::vector<Resource*>& list = clone.children;  // insertion: the relation need not be transitive
    for (std::size_t i = 1; i < list.size(); ++i) {
        for (std::size_t j = i; j > 0 && compare_instances(clone, *list[j], *list[j - 1], wishes) < 0; --j)
            std::swap(list[j], list[j - 1]);
    }
}

// First the instances stay where they are, those that must and then others up to an even share of each node;
// then the rest. NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
void Assigner::distribute(Resource& clone) {
    int usable = 0;
    for (auto& [node, standing] : clone.allowed) {
        standing.count = 0;
        if (standing.score.value >= 0 && cluster_.nodes[node]->usable()) ++usable;
    }
    const int share = usable > 0 ? std::max(1, clone.clone_max / usable) : 1;
    const bool all_wishes = clone.clone_max < usable;
    int placed = 0;
    for (Resource* child : clone.children) {
        if (!child->provisional || !stuck(*child)) continue;
        // One too many takes its node, but not the place of another elsewhere.
        if (place_instance(clone, *child, nullptr, all_wishes) && !child->orphan) ++placed;
    }
    for (Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, false);
        if (placed >= clone.clone_max || at.empty() || !child->provisional || failed(*child)) continue;
        if (!at.front()->usable() || clone.allowed[at.front()->index].count >= share) continue;
        if (place_instance(clone, *child, at.front(), all_wishes)) ++placed;
    }
    for (Resource* child : clone.children) {
        if (!child->provisional) continue;
        if (placed >= clone.clone_max) ban_everywhere(cluster_, *child, "clone-max is reached");
        if (place_instance(clone, *child, nullptr, all_wishes)) ++placed;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
Node* Assigner::assign_clone(Resource& clone) {
    if (clone.promotable) add_promotion_scores(clone);
    clone.assigning = true;
    for (const Colocation* colocation : in_sequence(clone.with, true)) assign(*colocation->primary);
    hear_followers(clone, true);
    sort_instances(clone);
    distribute(clone);
    clone.provisional = false;
    if (clone.promotable) promote(clone);
    clone.assigning = false;
    return nullptr;
}

}  // namespace manager::planner

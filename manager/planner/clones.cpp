// Instances of clones, and which of them are promoted.
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

bool runs_on(const Resource& instance, const Node& node) {
    const std::vector<Node*> at = places(instance, false);
    return std::find(at.begin(), at.end(), &node) != at.end();
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
            if (own != part.allowed.end()) own->second.score = Score::minus_infinity();
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
    std::vector<std::pair<Resource*, Standings>> before;
    for_each_part(instance, [&](Resource& part) { before.emplace_back(&part, part.allowed); });
    ban_full_nodes(clone, instance);
    const Node* chosen = assign(instance, prefer);
    if (prefer != nullptr && chosen != prefer) {
        for (auto& [part, allowed] : before) {
            unplace(*part);
            part->allowed = allowed;
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

// What those that are to be with the clone, and those that it is to be with, say of the nodes.
Standings Assigner::wishes_about(Resource& clone) {
    Standings out;
    for (const auto& node : cluster_.nodes) out[node->index];
    for (const Colocation* colocation : clone.with)
        out = lend(*colocation->primary, out, colocation->attribute, colocation->score.value, true, false);
    for (const Colocation* colocation : clone.followers) {
        if (colocation->influence)
            out = lend(*colocation->dependent, out, colocation->attribute, colocation->score.value, true,
                       false);
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

// First the instances stay where they are, up to an even share of each node; then the rest.
// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
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
        const std::vector<Node*> at = places(*child, false);
        if (placed >= clone.clone_max || at.empty() || !child->provisional || failed(*child)) continue;
        if (!at.front()->usable() || clone.allowed[at.front()->index].count >= share) continue;
        if (place_instance(clone, *child, at.front(), all_wishes)) ++placed;
    }
    for (Resource* child : clone.children) {
        if (!child->provisional) continue;
        if (placed >= clone.clone_max) ban_everywhere(*child, "clone-max is reached");
        if (place_instance(clone, *child, nullptr, all_wishes)) ++placed;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `assigning` bounds it
Node* Assigner::assign_clone(Resource& clone) {
    if (clone.promotable) add_promotion_scores(clone);
    clone.assigning = true;
    for (const Colocation* colocation : clone.with) assign(*colocation->primary);
    hear_followers(clone, true);
    sort_instances(clone);
    distribute(clone);
    clone.provisional = false;
    if (clone.promotable) promote(clone);
    clone.assigning = false;
    return nullptr;
}

// The wish of the agent on that node to be promoted; nothing: it has none.
std::optional<Score> Assigner::promotion_score(const Resource& resource, const Node& node) const {
    if (!resource.children.empty()) {
        Score sum;
        bool any = false;
        for (const Resource* child : resource.children) {
            const auto score = promotion_score(*child, node);
            any = any || score.has_value();
            sum = sum + score.value_or(Score{});
        }
        return any ? std::optional(sum) : std::nullopt;
    }
    bool active_here = false;
    if (resource.parent != nullptr) {
        for (const Resource* child : resource.top()->children)
            active_here = active_here || runs_on(*child, node);
    }
    const bool own = runs_on(resource, node) || resource.assigned == &node;
    if (active_here && !own && !resource.unique) return std::nullopt;
    if (!own && !resource.top()->known_on.contains(node.index) && !resource.known_on.contains(node.index) &&
        resource.assigned != &node)
        return std::nullopt;
    for (const std::string& name :
         {resource.history_name, resource.unique ? resource.id : resource.base, resource.id, resource.base}) {
        const auto found = node.attributes.find("master-" + name);
        if (name.empty() || found == node.attributes.end()) continue;
        const auto score = parse_score(found->second);
        return score ? *score : Score{};
    }
    return std::nullopt;
}

void Assigner::add_promotion_scores(Resource& clone) {
    for (Resource* child : clone.children) {
        for (auto& [node, standing] : child->allowed) {
            if (!cluster_.nodes[node]->usable()) continue;
            const Score score = promotion_score(*child, *cluster_.nodes[node]).value_or(Score{});
            if (score.value <= 0) continue;
            standing.score = standing.score + score;
            child->contributions.push_back({"promotion score", node, score});
            child->priority = std::max(child->priority, score.value);
        }
    }
}

// What a constraint of a role says of promoting an instance: at any price with another, or not with it.
void Assigner::draw_promotion(Resource& instance, const Colocation& colocation, const Node& at) const {
    const Resource& primary = *colocation.primary;
    if (primary.provisional) return;
    const bool here = role_here(primary, colocation, at);
    Score score = colocation.score;
    if (colocation.dependent_role == Role::unpromoted) score.value = -score.value;
    if (score.value < 0) {
        if (here) instance.promotion = instance.promotion + score;
    } else if (score >= Score::infinity() && !primary.clone()) {
        instance.promotion = here ? instance.promotion + score : Score::minus_infinity();
    }
}

// How much the nodes are liked for the clone as a whole: by its locations, by what is to be with it, and by
// what it is to be with.
Standings Assigner::liking(const Resource& clone) const {
    Standings out = clone.allowed;
    for (const Colocation* colocation : clone.with) {
        if (colocation->score.value <= 0 || colocation->dependent_role != Role::promoted) continue;
        const Resource& primary = *colocation->primary;
        const Resource& end = primary.group() ? *primary.children.back() : primary;
        for (auto& [node, standing] : out) {
            const auto there = end.allowed.find(node);
            if (there == end.allowed.end()) continue;
            const bool never = there->second.score <= Score::minus_infinity();
            standing.score = standing.score + (never ? there->second.score
                                                     : share(there->second.score, colocation->score.value));
        }
    }
    return out;
}

// Whether the primary is planned at that node, or one that counts as it, in the role that is asked for.
// NOLINTNEXTLINE(misc-no-recursion): depth 3
bool Assigner::role_here(const Resource& primary, const Colocation& colocation, const Node& at) const {
    if (primary.clone()) {
        return std::any_of(primary.children.begin(), primary.children.end(),
                           [&](const Resource* child) { return role_here(*child, colocation, at); });
    }
    const Role wanted = colocation.primary_role;
    if (wanted != Role::unknown && wanted != Role::started && state_of(primary, false) != wanted)
        return false;
    const std::vector<Node*> nodes = places(primary, true);
    return std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
        return attribute_of(node->index, colocation.attribute) ==
               attribute_of(at.index, colocation.attribute);
    });
}

// How much each instance is to be promoted where it was placed.
void Assigner::rank_promotable(Resource& clone) {
    const Standings likes = liking(clone);
    for (Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, true);
        child->promotion = Score::minus_infinity();
        for_each_part(*child, [](Resource& part) {
            if (part.role == Role::started) part.role = Role::unpromoted;
        });
        const Role next = state_of(*child, false);
        if (at.empty() || next == Role::unpromoted || next == Role::stopped) {
            child->sort_key = child->promotion;
            continue;
        }
        const Score own = promotion_score(*child, *at.front()).value_or(Score{-1});
        child->promotion = own;
        const auto liked = likes.find(at.front()->index);
        // Where the agent itself does not want to be promoted, liking does not make up for that.
        if (own.value >= 0 && liked != likes.end()) child->promotion = own + liked->second.score;
        for (const Location& location : clone.locations) {
            const auto score = location.scores.find(at.front()->index);
            if (location.role == Role::promoted && score != location.scores.end())
                child->promotion = child->promotion + score->second;
        }
        for (const Colocation* colocation : clone.with) {
            if (colocation->dependent_role >= Role::unpromoted)
                draw_promotion(*child, *colocation, *at.front());
        }
        child->sort_key = child->promotion;
    }
    hear_of_promoted(clone);
}

// Those that want to be with a promoted instance have a say in which it is to be.
void Assigner::hear_of_promoted(Resource& clone) {
    Standings scores;
    for (const Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, true);
        if (!at.empty()) scores[at.front()->index].score = child->sort_key;
    }
    for (const Colocation* colocation : clone.followers) {
        if (colocation->primary_role != Role::promoted || !colocation->influence) continue;
        scores =
            lend(*colocation->dependent, scores, colocation->attribute, colocation->score.value, true, true);
    }
    for (Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, true);
        if (!at.empty() && child->promotion.value >= 0) child->sort_key = scores[at.front()->index].score;
    }
}

void Assigner::promote(Resource& clone) {
    rank_promotable(clone);
    std::vector<Resource*> ranked = clone.children;
    std::stable_sort(ranked.begin(), ranked.end(), [](const Resource* a, const Resource* b) {
        if (a->sort_key != b->sort_key) return a->sort_key > b->sort_key;
        return state_of(*a, true) > state_of(*b, true);
    });
    std::map<std::size_t, int> promoted;
    int count = 0;
    for (Resource* child : ranked) {
        const std::vector<Node*> at = places(*child, true);
        bool managed = true;
        for_each_part(*child, [&](const Resource& part) { managed = managed && part.managed; });
        const bool possible = !at.empty() && child->promotion.value >= 0 && at.front()->usable() &&
                              promoted[at.front()->index] < clone.promoted_node_max;
        const bool stays = !managed && state_of(*child, true) == Role::promoted;
        const bool freeze = !cluster_.options.have_quorum &&
                            cluster_.options.no_quorum == QuorumPolicy::freeze &&
                            state_of(*child, true) != Role::promoted;
        const bool chosen =
            !at.empty() && count < clone.promoted_max && !freeze && (managed ? possible : stays);
        if (chosen) {
            ++count;
            ++promoted[at.front()->index];
        }
        for_each_part(*child, [&](Resource& part) {
            if (part.managed && part.assigned != nullptr && part.next_role != Role::stopped)
                part.next_role = chosen ? Role::promoted : Role::unpromoted;
        });
        child->next_role = state_of(*child, false);
    }
}

}  // namespace manager::planner

// Which instances of a promotable clone are promoted.
#include <algorithm>

#include "manager/planner/assign.hpp"

namespace manager::planner {
namespace {

bool runs_on(const Resource& instance, const Node& node) {
    const std::vector<Node*> at = places(instance, false);
    return std::find(at.begin(), at.end(), &node) != at.end();
}

}  // namespace

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
    const bool own = runs_on(resource, node);
    if (active_here && !own && !resource.unique) return std::nullopt;  // the wish is that of the one there
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

// What a constraint of a role says of promoting an instance: at any price with another, or not with it. With
// a whole group means with its last member, away from it away from its first. (Of a group that is cloned the
// places follow such a constraint, but not the promotion.)
void Assigner::draw_promotion(Resource& instance, const Colocation& colocation, const Node& at) const {
    const Resource& primary = *colocation.primary;
    if (primary.provisional || instance.group()) return;
    Score score = colocation.score;
    const bool must = score >= Score::infinity();
    const Resource& end = !primary.group() ? primary
                          : must           ? *primary.children.back()
                                           : *primary.children.front();
    const bool here = role_here(end, colocation, at);
    if (colocation.dependent_role == Role::unpromoted) score.value = -score.value;
    const bool of_role = colocation.primary_role > Role::started;
    if (score.value < 0) {
        if (here) instance.promotion = instance.promotion + score;
    } else if (score >= Score::infinity() && (!primary.clone() || of_role)) {
        instance.promotion = here ? instance.promotion + score : Score::minus_infinity();
    }
}

// How much the nodes are liked for the clone as a whole: by its locations, by what is to be with it, and by
// what it is to be with.
Standings Assigner::liking(Resource& clone) {
    Standings out = clone.allowed;
    clone.merging = true;
    voices_ = 0;
    for (const Colocation* colocation : in_sequence(clone.with, true)) {
        if (colocation->dependent_role != Role::promoted) continue;
        const Resource& primary = *colocation->primary;
        if (!primary.clone() && places(primary, true).empty()) {
            if (colocation->score.value < 0) continue;
            for (auto& [node, standing] : out)
                standing.score = standing.score + Score{-colocation->score.value};
            continue;
        }
        out = lend(*colocation->primary, out, colocation->attribute, colocation->score.value, true, false);
    }
    clone.merging = false;
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
        bool limited = next == Role::stopped;  // by target-role, if only of a member
        for_each_part(*child, [&](const Resource& part) { limited |= part.next_role == Role::unpromoted; });
        if (at.empty() || limited) {
            child->sort_key = child->promotion;
            continue;
        }
        const Score own = promotion_score(*child, *at.front()).value_or(Score{-1});
        child->promotion = own;
        for (const Location& location : clone.locations) {
            const auto score = location.scores.find(at.front()->index);
            if (location.role == Role::promoted && score != location.scores.end())
                child->promotion = child->promotion + score->second;
        }
        for (const Colocation* colocation : in_sequence(clone.with, true)) {
            if (colocation->dependent_role >= Role::unpromoted)
                draw_promotion(*child, *colocation, *at.front());
        }
        // What nobody may demote comes first, so that no second one is promoted beside it.
        if (!child->managed && state_of(*child, true) == Role::promoted) child->promotion = Score::infinity();
        child->sort_key = child->promotion;
        // Liking puts those that may be promoted in sequence; it does not make up for what forbids it,
        // and dislike forbids.
        const auto liked = likes.find(at.front()->index);
        if (child->promotion.value >= 0 && liked != likes.end())
            child->sort_key = child->sort_key + liked->second.score;
        if (child->sort_key.value < 0) child->promotion = child->sort_key;
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
    voices_ = 0;
    for (const Colocation* colocation : in_sequence(clone.followers, false)) {
        if (colocation->primary_role != Role::promoted || !colocation->influence) continue;
        scores =
            lend(*colocation->dependent, scores, colocation->attribute, colocation->score.value, true, true);
    }
    for (Resource* child : clone.children) {
        const std::vector<Node*> at = places(*child, true);
        const bool held = child->promotion >= Score::infinity() && !child->managed;
        if (!at.empty() && child->promotion.value >= 0 && !held)
            child->sort_key = scores[at.front()->index].score;
    }
}

void Assigner::promote(Resource& clone) {
    rank_promotable(clone);
    std::vector<Resource*>& ranked = clone.children;  // followers look at them in this sequence from here on
    std::stable_sort(ranked.begin(), ranked.end(), [](const Resource* a, const Resource* b) {
        if (a->sort_key != b->sort_key) return a->sort_key > b->sort_key;
        return state_of(*a, true) > state_of(*b, true);
    });
    std::map<std::size_t, int> promoted;
    int count = 0;
    for (Resource* child : ranked) {
        const std::vector<Node*> at = places(*child, true);
        const bool managed = child->managed;  // of a group: the group itself, whatever holds for members
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

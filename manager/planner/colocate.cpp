// How colocations move scores.
#include <algorithm>
#include <utility>

#include "manager/planner/action.hpp"
#include "manager/planner/assign.hpp"

namespace manager::planner {
namespace {

Score negative(Score score) {
    return {-score.value};
}

bool clones_pair(const Resource& dependent, const Resource& clone) {
    const Resource* top = dependent.top();
    return top->clone() && top->interleave && top != &clone && &dependent != top;
}

}  // namespace

Score share(Score score, std::int32_t factor) {
    const std::int64_t product = std::int64_t{score.value} * factor;
    const std::int64_t half = product < 0 ? -Score::kInfinity / 2 : Score::kInfinity / 2;
    const std::int64_t rounded = (product + half) / Score::kInfinity;
    if (rounded == 0 && product != 0) return {factor > 0 ? 1 : -1};
    return {static_cast<std::int32_t>(rounded)};
}

// The most that the resource likes a usable node of which the attribute is the same.
Score Assigner::best_alike(const Resource& resource, std::size_t node, const std::string& attribute) const {
    if (attribute == "#uname")
        return cluster_.nodes[node]->usable() ? score_on(resource.allowed, node) : Score::minus_infinity();
    Score best = Score::minus_infinity();
    const std::string_view value = attribute_of(node, attribute);
    for (const auto& [other, there] : resource.allowed) {
        if (attribute_of(other, attribute) == value && cluster_.nodes[other]->usable())
            best = std::max(best, there.score);
    }
    return best;
}

void Assigner::lend_matching(const Resource& dependent, Standings& scores, const std::string& attribute,
                             std::int32_t factor, bool positive_only) const {
    for (auto& [node, standing] : scores) {
        const Score best = best_alike(dependent, node, attribute);
        if (factor < 0 && best.value < 0) continue;
        if (standing.outweighed) continue;
        const Score sum = share(best, factor) + standing.score;
        if (positive_only && sum.value < 0 && standing.score.value > 0) {
            standing.outweighed = true;
            standing.score = sum;
        } else if (!positive_only || sum.value >= 0 || standing.score.value != 0) {
            standing.score = sum;
        }
    }
}

// NOLINTNEXTLINE(misc-no-recursion): `merging` bounds it
Standings Assigner::lend(Resource& dependent, const Standings& scores, const std::string& attribute,
                         std::int32_t factor, bool roll_back, bool positive_only) {
    if (dependent.merging || ++voices_ > kMostVoices) return scores;
    dependent.merging = true;
    Standings work = scores;
    if (dependent.group()) {
        work = lend(*dependent.children.front(), scores, attribute, factor, roll_back, positive_only);
    } else {
        lend_matching(dependent, work, attribute, factor, positive_only);
    }
    if (any_usable(work)) {
        const std::int32_t sign = factor < 0 ? -1 : 1;
        const Resource& end = dependent.group() ? *dependent.children.back() : dependent;
        for (const Colocation* colocation : in_sequence(end.followers, false)) {
            if (!colocation->influence && !places(*colocation->dependent, false).empty()) continue;
            work = lend(*colocation->dependent, work, colocation->attribute, sign * colocation->score.value,
                        true, positive_only);
        }
    } else if (roll_back) {
        dependent.merging = false;
        return scores;
    }
    for (auto& [node, standing] : work) {
        if (std::exchange(standing.outweighed, false)) standing.score.value = 1;
    }
    dependent.merging = false;
    return work;
}

void Assigner::colocate_with_primitive(Resource& dependent, Resource& primary, const Colocation& colocation) {
    if (primary.provisional || !dependent.provisional) return;
    const Role wanted = colocation.primary_role;
    const Role own = colocation.dependent_role;
    if (wanted != Role::unknown && wanted != primary.next_role) return;
    if (colocation.score.value > 0 && own != Role::unknown && own != dependent.next_role) return;
    if (primary.assigned == nullptr && colocation.score.value < 0) return;
    Standings work = dependent.allowed;
    const bool placed = primary.assigned != nullptr;
    const std::string_view value =
        placed ? attribute_of(primary.assigned->index, colocation.attribute) : std::string_view{};
    for (auto& [node, standing] : work) {
        const bool here = placed && attribute_of(node, colocation.attribute) == value;
        if (!here && (!placed || colocation.score >= Score::infinity())) {
            standing.score = standing.score + negative(colocation.score);
        } else if (here && colocation.score < Score::infinity()) {
            standing.score = standing.score + colocation.score;
        }
    }
    const bool must = colocation.score <= Score::minus_infinity() || colocation.score >= Score::infinity();
    if (!must && !any_usable(work)) return;
    for (auto& [node, standing] : work) {
        const Score was = dependent.allowed[node].score;
        if (was == standing.score) continue;
        dependent.contributions.push_back({"colocation " + colocation.id + " with " + primary.id,
                                           node,
                                           {standing.score.value - was.value}});
    }
    dependent.allowed = std::move(work);
}

// The instance of the clone that the dependent, an instance of an interleaved clone, is paired with.
Resource* Assigner::compatible(Resource& dependent, Resource& clone, Role role) {
    std::vector<std::size_t> nodes;
    if (dependent.assigned != nullptr) {
        nodes.push_back(dependent.assigned->index);
    } else {
        for (const std::size_t node : ranked(dependent)) nodes.push_back(node);
    }
    for (const std::size_t node : nodes) {
        for (Resource* child : clone.children) {
            if (role != Role::unknown && state_of(*child, false) != role) continue;
            for (const Node* at : places(*child, true)) {
                if (at->index == node) return child;
            }
        }
    }
    return nullptr;
}

// NOLINTNEXTLINE(misc-no-recursion): from clone to instance to member
void Assigner::colocate_with_clone(Resource& dependent, Resource& clone, const Colocation& colocation) {
    if (clone.provisional) return;
    if (clone.promotable && colocation.primary_role != Role::unknown)
        return colocate_with_promoted(dependent, clone, colocation);
    if (clones_pair(dependent, clone) && colocation.score > Score::minus_infinity()) {
        if (Resource* instance = compatible(dependent, clone, Role::unknown); instance != nullptr) {
            colocate(dependent, *instance, colocation);
        } else if (colocation.score >= Score::infinity()) {
            place(dependent, nullptr, true);
        }
        return;
    }
    if (colocation.score < Score::infinity()) {
        for (Resource* child : clone.children) colocate(dependent, *child, colocation);
        return;
    }
    std::set<std::string_view> values;
    for (Resource* child : clone.children) {
        bool blocked = false;
        for_each_part(*child, [&](const Resource& part) { blocked = blocked || part.blocked; });
        if (blocked) continue;
        for (const Node* node : places(*child, true))
            values.insert(attribute_of(node->index, colocation.attribute));
    }
    for (auto& [node, standing] : dependent.allowed) {
        if (values.contains(attribute_of(node, colocation.attribute))) continue;
        standing.score = Score::minus_infinity();
        dependent.contributions.push_back(
            {"colocation " + colocation.id + " with " + clone.id, node, Score::minus_infinity()});
    }
}

// NOLINTNEXTLINE(misc-no-recursion): from clone to instance to member
void Assigner::colocate_with_promoted(Resource& dependent, Resource& clone, const Colocation& colocation) {
    if (!dependent.provisional) return;
    if (clones_pair(dependent, clone)) {
        if (Resource* instance = compatible(dependent, clone, colocation.primary_role); instance != nullptr) {
            colocate(dependent, *instance, colocation);
        } else if (colocation.score >= Score::infinity()) {
            place(dependent, nullptr, true);
        }
        return;
    }
    std::set<std::string_view> values;
    for (Resource* child : clone.children) {
        if (state_of(*child, false) != colocation.primary_role) continue;
        if (colocation.score < Score::infinity()) colocate(dependent, *child, colocation);
        for (const Node* node : places(*child, true))
            values.insert(attribute_of(node->index, colocation.attribute));
    }
    if (colocation.score < Score::infinity()) return;
    for (auto& [node, standing] : dependent.allowed) {
        if (values.contains(attribute_of(node, colocation.attribute))) continue;
        standing.score = Score::minus_infinity();
        dependent.contributions.push_back(
            {"colocation " + colocation.id + " with promoted " + clone.id, node, Score::minus_infinity()});
    }
}

// NOLINTNEXTLINE(misc-no-recursion): from clone to instance to member
void Assigner::colocate(Resource& dependent, Resource& primary, const Colocation& colocation) {
    if (dependent.clone()) return;  // its instances inherit the colocation
    if (dependent.group()) {
        colocate(*dependent.children.front(), primary, colocation);
    } else if (primary.clone()) {
        colocate_with_clone(dependent, primary, colocation);
    } else if (primary.group()) {
        if (primary.provisional) return;
        if (scattered(primary)) {  // nothing can be with all of them, if it must
            const bool must = colocation.score >= Score::infinity();
            for (Resource* member : primary.children) {
                if (!must) colocate_with_primitive(dependent, *member, colocation);
            }
            return;
        }
        Resource& end =
            colocation.score >= Score::infinity() ? *primary.children.back() : *primary.children.front();
        colocate_with_primitive(dependent, end, colocation);
    } else {
        colocate_with_primitive(dependent, primary, colocation);
    }
}

}  // namespace manager::planner

// What colocation does to the scores of a resource: its partners' places pull or push it, and the wishes of
// those that follow it are taken over.
#pragma once

#include <optional>
#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/scores.hpp"

namespace manager::scheduling {

// A colocation between resources that exist.
struct Link {
    ResourceIndex resource{0}, with{0};
    Score score;
    const Colocation* constraint{nullptr};
};
[[nodiscard]] std::vector<Link> colocation_links(const Facts& facts);

// Adds what `link` says when its partner was placed on `node` (none: nowhere). A finite score that would
// leave no usable node is taken back.
void add_partner(const Facts& facts, const Link& link, std::optional<NodeIndex> node, Table& table);

// Adds the wishes of resources that are to be placed with `resource` and are not placed yet, along chains:
// each one's own scores times score/INFINITY, rounded half away from zero and never to zero. Several
// colocations of the same two count as one with the sum of their scores. Wishes that would leave no usable
// node are taken back.
void add_wishes(const Facts& facts, const std::vector<Table>& own, const std::vector<Link>& links,
                ResourceIndex resource, const std::vector<bool>& placed, Table& table);

}  // namespace manager::scheduling

// In which sequence resources are started (and, backwards, stopped): the order constraints as a relation
// without loops.
#pragma once

#include <string>
#include <vector>

#include "manager/scheduler/facts.hpp"

namespace manager::scheduling {

struct OrderArc {
    ResourceIndex first{0}, then{0};
    const Order* constraint{nullptr};
    [[nodiscard]] bool mandatory() const { return constraint->kind == OrderKind::mandatory; }
    [[nodiscard]] bool symmetrical() const { return constraint->symmetrical; }
};

struct Sequence {
    std::vector<OrderArc> arcs;         // mandatory and optional
    std::vector<OrderArc> serialized;   // no direction: starts and stops of the two never overlap
    std::vector<ResourceIndex> ranked;  // each resource after those that come first; else by index
    std::vector<std::string> notes;     // orders that were left out because they close a loop
};

// Mandatory orders are taken before optional ones, each in configuration order; one that would close a loop
// is left out.
[[nodiscard]] Sequence make_sequence(const Facts& facts);

}  // namespace manager::scheduling

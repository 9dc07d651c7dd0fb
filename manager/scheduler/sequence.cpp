#include "manager/scheduler/sequence.hpp"

#include <set>

namespace manager::scheduling {
namespace {

bool leads_to(const std::vector<OrderArc>& arcs, ResourceIndex from, ResourceIndex to) {
    std::set<ResourceIndex> reached{from};
    std::vector<ResourceIndex> open{from};
    while (!open.empty()) {
        const ResourceIndex at = open.back();
        open.pop_back();
        if (at == to) return true;
        for (const OrderArc& arc : arcs) {
            if (arc.first == at && reached.insert(arc.then).second) open.push_back(arc.then);
        }
    }
    return false;
}

void take(const Facts& facts, OrderKind kind, Sequence& sequence) {
    for (const Order& order : facts.config->orders) {
        if (order.kind != kind) continue;
        const auto first = facts.by_id.find(order.first);
        const auto then = facts.by_id.find(order.then);
        if (first == facts.by_id.end() || then == facts.by_id.end()) continue;
        const OrderArc arc{first->second, then->second, &order};
        if (kind == OrderKind::serialize) {
            sequence.serialized.push_back(arc);
        } else if (leads_to(sequence.arcs, arc.then, arc.first)) {
            sequence.notes.push_back("order " + order.id + " (" + order.first + " before " + order.then +
                                     ") is ignored: other orders demand the reverse");
        } else {
            sequence.arcs.push_back(arc);
        }
    }
}

}  // namespace

Sequence make_sequence(const Facts& facts) {
    Sequence sequence;
    take(facts, OrderKind::mandatory, sequence);
    take(facts, OrderKind::optional, sequence);
    take(facts, OrderKind::serialize, sequence);

    // Kahn's algorithm, lowest index first.
    std::vector<std::size_t> waiting(facts.resources.size());
    for (const OrderArc& arc : sequence.arcs) ++waiting[arc.then];
    std::set<ResourceIndex> ready;
    for (ResourceIndex r = 0; r < waiting.size(); ++r) {
        if (waiting[r] == 0) ready.insert(r);
    }
    while (!ready.empty()) {
        const ResourceIndex r = *ready.begin();
        ready.erase(ready.begin());
        sequence.ranked.push_back(r);
        for (const OrderArc& arc : sequence.arcs) {
            if (arc.first == r && --waiting[arc.then] == 0) ready.insert(arc.then);
        }
    }
    return sequence;
}

}  // namespace manager::scheduling

#include "membership/lease/clearing.hpp"

#include <algorithm>
#include <utility>

namespace membership {

Clearing::Clearing(ClearingView view) : view_(std::move(view)), missing_(view_.members) {
    for (const base::NodeId node : view_.roster.minus(view_.members)) outside_[node];
}

void Clearing::hello(base::Instant now, base::NodeId member, const std::vector<Promise>& promises) {
    if (!missing_.erase(member)) return;
    for (const Promise& promise : promises) {
        const auto at = outside_.find(promise.node);
        if (at == outside_.end()) continue;
        Node& node = at->second;
        node.told.insert(member);
        node.last_ring = std::max(node.last_ring, promise.last_ring);
        if (promise.left.ns <= 0) continue;
        node.out_when_told = false;
        node.out = std::max(node.out, now + promise.left);
    }
}

void Clearing::fact(const ClearingFact& fact) {
    const auto at = outside_.find(fact.node);
    if (at == outside_.end()) return;
    for (ClearingFact& known : at->second.facts) {
        if (known.how != fact.how) continue;
        known.ring = std::max(known.ring, fact.ring);
        return;
    }
    at->second.facts.push_back(fact);
}

// All members have promised, so that it does not matter which of them was among those that granted.
bool Clearing::by_lease(base::NodeId id, const Node& node) const {
    return view_.leasable && view_.obeying.contains(id) && node.told == view_.members;
}

std::optional<Proof> Clearing::cleared(base::NodeId id) const {
    const auto at = outside_.find(id);
    if (at == outside_.end() || !complete()) return {};
    const Node& node = at->second;
    std::optional<Proof> best;
    if (by_lease(id, node) && node.out_when_told) best = Proof::lease;
    for (const ClearingFact& fact : node.facts) {
        // A lease that was out before may have been granted anew since; a proof is void if the node was in a
        // ring after it.
        const bool counts = fact.how == Proof::lease ? by_lease(id, node) && fact.ring == view_.ring
                                                     : fact.ring >= node.last_ring;
        if (counts && (!best || *best < fact.how)) best = fact.how;
    }
    return best;
}

base::NodeSet Clearing::uncleared() const {
    base::NodeSet out = missing_;
    for (const auto& [id, node] : outside_) {
        if (!cleared(id)) out.insert(id);
    }
    return out;
}

std::vector<ClearingFact> Clearing::due(base::Instant now) const {
    std::vector<ClearingFact> out;
    if (!complete()) return out;
    for (const auto& [id, node] : outside_) {
        if (by_lease(id, node) && !cleared(id) && now >= node.out)
            out.push_back({id, Proof::lease, view_.ring});
    }
    return out;
}

base::Instant Clearing::next_deadline() const {
    base::Instant next = base::Instant::never();
    if (!complete()) return next;
    for (const auto& [id, node] : outside_) {
        if (by_lease(id, node) && !cleared(id)) next = std::min(next, node.out);
    }
    return next;
}

std::vector<ClearingFact> Clearing::facts() const {
    std::vector<ClearingFact> out;
    for (const auto& [id, node] : outside_) {
        for (const ClearingFact& fact : node.facts) {
            if (fact.how != Proof::lease) out.push_back(fact);
        }
    }
    return out;
}

}  // namespace membership

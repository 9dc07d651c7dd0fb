#include "membership/lease/granter.hpp"

#include <algorithm>

namespace membership {

std::vector<Promise> Promises::at(base::Instant now) const {
    std::vector<Promise> out;
    for (const One& one : about)
        out.push_back({one.node, std::max(one.until - now, base::Duration{}), one.last_ring});
    return out;
}

Granter::Granter(const base::NodeSet& roster, base::NodeId self, base::Duration term,
                 base::Duration known_past, base::Instant start)
    : self_(self),
      term_(term),
      durable_(known_past) {
    for (const base::NodeId node : roster) {
        if (node != self) peers_[node] = {start + stretched(known_past), 0, {}};
    }
}

void Granter::set_roster(base::Instant now, const base::NodeSet& roster) {
    std::erase_if(peers_, [&](const auto& peer) { return !roster.contains(peer.first); });
    for (const base::NodeId node : roster) {
        if (node != self_) peers_.try_emplace(node, Peer{now + stretched(durable_), ring_, {}});
    }
}

void Granter::installed(const base::RingId& ring, const std::vector<totem::Member>& members) {
    ring_ = ring.seq;
    for (auto& [node, peer] : peers_) {
        peer.granted.reset();
        if (first_ring_) peer.last_ring = ring.seq;
    }
    for (const totem::Member& member : members) {
        const auto peer = peers_.find(member.node);
        if (peer == peers_.end()) continue;
        peer->second.granted = member.incarnation;
        peer->second.last_ring = ring.seq;
    }
    first_ring_ = false;
}

base::Duration Granter::grant(base::Instant heard_at, const totem::Member& peer) {
    const auto known = peers_.find(peer.node);
    if (known == peers_.end() || known->second.granted != peer.incarnation) return {};
    const base::Duration term = std::min({term_, durable_, kLongestTerm});
    known->second.until = std::max(known->second.until, heard_at + stretched(term));
    return term;
}

Promises Granter::promises() const {
    Promises out;
    for (const auto& [node, peer] : peers_) out.about.push_back({node, peer.until, peer.last_ring});
    return out;
}

std::optional<base::Duration> Granter::take_persist(base::Instant now) {
    if (term_ == persisting_.value_or(durable_)) return {};
    if (term_ < durable_) {
        const base::Instant counted = now + stretched(term_);
        for (const auto& [node, peer] : peers_) {
            if (peer.until > counted) return {};
        }
        durable_ = term_;  // what the disk says from some moment on is never below what is granted
    }
    persisting_ = term_;
    return term_;
}

void Granter::persisted(base::Duration term) {
    if (persisting_ != term) return;  // another one is on its way
    durable_ = term;
    persisting_.reset();
}

}  // namespace membership

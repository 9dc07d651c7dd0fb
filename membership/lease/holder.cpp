#include "membership/lease/holder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace membership {

Holder::Holder(base::NodeId self, Leasable leasable, LeaseTiming timing)
    : self_(self),
      leasable_(std::move(leasable)),
      timing_(timing),
      alone_(leasable_({self})) {}

void Holder::set_rules(Leasable leasable) {
    leasable_ = std::move(leasable);
    alone_ = leasable_({self_});
    find_end();
}

void Holder::acknowledged(base::Instant now, base::NodeId peer, base::Instant sent, base::Duration term,
                          std::uint16_t ring) {
    if (peer == self_ || term <= timing_.drop) return;
    if (told_ <= now && ring != ring_mark(installed_.seq)) return;
    const base::Instant end = sent + (term - timing_.drop);
    base::Instant& known = ends_[peer];
    if (end <= known) return;
    known = end;
    find_end();
}

// The latest moment up to which this node and peers whose grants reach so far are leasable. With equal terms
// that is T + term - drop, where T is the latest send time that such a set has acknowledged.
void Holder::find_end() {
    std::vector<std::pair<base::Instant, base::NodeId>> by_end;
    for (const auto& [peer, end] : ends_) by_end.emplace_back(end, peer);
    std::sort(by_end.rbegin(), by_end.rend());
    base::NodeSet granting{self_};
    for (const auto& [end, peer] : by_end) {
        granting.insert(peer);
        if (!leasable_(granting)) continue;
        until_ = std::max(until_, end);
        return;
    }
}

void Holder::declare(base::Instant now, const base::RingId& ring) {
    ring_ = ring;
    declared_at_ = now;
}

void Holder::withdraw() {
    ring_.reset();
}

// A declaration that is too old is none, nor is one of a ring that was left with the right out.
bool Holder::declared(base::Instant now) {
    if (!ring_) return false;
    const bool hangs = now - declared_at_ > timing_.patience;
    const bool left = *ring_ < installed_ && told_ <= now;
    if (hangs || left) ring_.reset();
    return ring_.has_value();
}

std::optional<Renewal> Holder::renew(base::Instant now) {
    if (!declared(now)) return {};
    if (alone_) until_ = std::max(until_, now + right());
    if (until_ <= now) return {};
    const bool worth_it = until_ - told_ >= right() / 4 || (until_ > told_ && told_ - now <= right() / 2);
    if (told_ring_ == *ring_ && !worth_it) return {};
    told_ = until_;
    told_ring_ = *ring_;
    return Renewal{*ring_, now, until_};
}

bool Holder::urgent(base::Instant now) {
    if (!declared(now) || alone_ || until_ - now >= timing_.urgent) return false;
    if (asked_at_ && now - *asked_at_ < timing_.again) return false;
    asked_at_ = now;
    return true;
}

base::Instant Holder::next_deadline() const {
    if (!ring_) return base::Instant::never();
    base::Instant next = declared_at_ + timing_.patience + base::nanoseconds(1);
    if (alone_ || until_ > told_) next = std::min(next, told_ + (base::Duration{} - right() / 2));
    if (alone_) return next;
    const base::Instant low = until_ + (base::nanoseconds(1) - timing_.urgent);
    return std::min(next, asked_at_ ? std::max(low, *asked_at_ + timing_.again) : low);
}

}  // namespace membership

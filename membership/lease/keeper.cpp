#include "membership/lease/keeper.hpp"

#include <algorithm>
#include <utility>

namespace membership {

Keeper::Keeper(const KeeperConfig& config, std::function<void(const Renewal&)> tell_guard)
    : holder_(config.self, config.leasable, config.timing),
      granter_(config.roster, config.self, config.timing.term, config.known_past, config.start),
      again_(config.timing.again),
      stepped_(config.start),
      tell_guard_(std::move(tell_guard)) {}

std::uint32_t Keeper::word(base::NodeId peer, base::Incarnation process, base::Instant heard) {
    static_assert(kLongestTerm.ms() <= 0xffff);
    const auto term = static_cast<std::uint32_t>(granter_.grant(heard, {peer, process}).ms());
    return term == 0 ? 0 : std::uint32_t{ring_mark(granter_.ring())} << 16U | term;
}

void Keeper::acknowledged(base::Instant now, base::NodeId peer, base::Instant sent, std::uint32_t word) {
    // Nobody grants more; whoever says so is not believed.
    holder_.acknowledged(now, peer, sent, std::min(base::milliseconds(word & 0xffffU), kLongestTerm),
                         static_cast<std::uint16_t>(word >> 16U));
    step(now);
}

bool Keeper::urgent(base::Instant now) {
    step(now);
    return holder_.urgent(now);
}

base::Instant Keeper::next_deadline() const {
    const base::Instant next = holder_.next_deadline();
    return next > stepped_ ? next : stepped_ + again_;
}

Promises Keeper::installed(const base::RingId& ring, const std::vector<totem::Member>& members) {
    granter_.installed(ring, members);
    holder_.installed(ring);
    return granter_.promises();
}

void Keeper::declare(base::Instant now, const base::RingId& ring) {
    holder_.declare(now, ring);
    step(now);
}

void Keeper::set_roster(base::Instant now, const base::NodeSet& roster, Leasable leasable) {
    granter_.set_roster(now, roster);
    holder_.set_rules(std::move(leasable));
    step(now);
}

void Keeper::step(base::Instant now) {
    stepped_ = std::max(stepped_, now);
    if (const auto renewal = holder_.renew(now)) tell_guard_(*renewal);
}

}  // namespace membership

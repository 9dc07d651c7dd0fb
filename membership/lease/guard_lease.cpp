#include "membership/lease/guard_lease.hpp"

#include <algorithm>
#include <utility>

namespace membership {

void GuardLease::entered(const base::RingId& ring) {
    entered_ = std::max(entered_, ring);
    // A new core: what is gone it says itself, and "dropped" would shut it out of this ring for good.
    if (core_back_by_ != base::Instant::never()) say_dropped_ = false;
    core_back_by_ = base::Instant::never();
}

void GuardLease::expire(base::Instant now) {
    if (until_ != base::Instant{} && now >= until_) dropping_ = true;
}

LeaseVerdict GuardLease::renew(base::Instant now, const Renewal& renewal) {
    if (renewal.ring < renewed_ || renewal.ring <= said_) return LeaseVerdict::older_ring;
    renewed_ = renewal.ring;
    core_back_by_ = base::Instant::never();
    // Also by the moment at which the core found the renewal: `now` may have been read before that.
    const bool was_dropping = dropping_;
    expire(std::max(now, renewal.at));
    if (dropping_) return was_dropping ? LeaseVerdict::dropping : LeaseVerdict::expired;
    until_ = renewal.until;
    return LeaseVerdict::taken;
}

LeaseVerdict GuardLease::admit(base::Instant now, const base::RingId& ring) {
    if (ring < std::max(entered_, renewed_) || ring <= said_) return LeaseVerdict::older_ring;
    if (dropping_) return LeaseVerdict::dropping;
    expire(now);
    return may_hold(now) ? LeaseVerdict::taken : LeaseVerdict::expired;
}

void GuardLease::give_up() {
    dropping_ = true;
}

void GuardLease::core_ended(base::Instant now) {
    statement_ = GuardStatement{GuardStatement::Kind::daemon_dead, entered_};
    core_back_by_ = now + patience_;
}

void GuardLease::leave() {
    dropping_ = say_dropped_ = true;
}

void GuardLease::dropped() {
    dropping_ = false;
    until_ = {};
    if (!say_dropped_ && core_back_by_ == base::Instant::never()) return;
    say_dropped_ = false;
    core_back_by_ = base::Instant::never();
    said_ = std::max(said_, std::max(entered_, renewed_));
    statement_ = GuardStatement{GuardStatement::Kind::dropped, said_};
}

void GuardLease::advance(base::Instant now) {
    expire(now);
    if (now >= core_back_by_) dropping_ = true;
}

std::optional<GuardStatement> GuardLease::take_statement() {
    return std::exchange(statement_, std::nullopt);
}

base::Instant GuardLease::next_deadline() const {
    if (dropping_) return base::Instant::never();
    const base::Instant end = until_ == base::Instant{} ? base::Instant::never() : until_;
    return std::min(end, core_back_by_);
}

}  // namespace membership

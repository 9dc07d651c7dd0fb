// The main thread: who runs what, in the ring's order, with the cleared set in force.
#include <algorithm>
#include <utility>

#include "tests/sim/lease/cluster.hpp"

namespace sim {

using membership::ClearingFact;
using membership::Proof;

MainThread::MainThread(Machine& machine, const totem::Member& self, Holdings adopted)
    : m_(machine),
      self_(self),
      mine_(std::move(adopted)) {}

void MainThread::start() {
    keep_declaring();
    plan();
}

void MainThread::send(const ManagerMessage& message, bool safe) {
    World& world = m_.cluster.world;
    world.post(to_ring_, m_.ring_thread, world.upto(base::milliseconds(2)),
               [&m = m_, message, safe] { m.cluster.rings.submit(m.id, message, safe); });
}

bool MainThread::acting() const {
    return synced_ && leasable(m_.cluster)(members_);
}

base::NodeSet MainThread::uncleared() const {
    return clearing_ ? clearing_->uncleared() : members_;
}

void MainThread::regular(const base::RingId& ring, const std::vector<totem::Member>& members,
                         const membership::Promises& promises) {
    ring_ = ring;
    members_.clear();
    for (const totem::Member& m : members) members_.insert(m.node);
    m_.cluster.note(m_.id, "view " + base::to_string(ring) + " of " + base::to_string(members_));
    membership::ClearingView view;
    view.ring = ring.seq;
    view.members = members_;
    view.roster = view.obeying = m_.cluster.roster();
    view.leasable = leasable(m_.cluster)(members_);
    clearing_.emplace(view);
    synced_ = false;
    where_.clear();
    planned_.clear();
    said_out_.clear();
    taken_for_cleared_.clear();
    if (!view.leasable && declared_) {
        declared_.reset();
        m_.cluster.world.post(m_.ring_thread, {}, [&m = m_] { m.ring->withdraw(); });
    }
    m_.tell_guard(to_guard_, [ring](Guard& guard) { guard.entered(ring); });
    // What is left of the promises is found when it is said, and nothing is promised to outsiders meanwhile.
    m_.cluster.world.preempted(m_.main_thread, [this, ring, promises] {
        send(Hello{ring, promises.at(m_.now()), mine_, facts_, took_for_cleared_});
    });
}

void MainThread::delivered(const base::RingId& ring, const totem::Member& sender,
                           const ManagerMessage& message) {
    if (ring != ring_) return;
    std::visit([&](const auto& m) { take(sender.node, m); }, message);
}

void MainThread::take(base::NodeId sender, const Hello& hello) {
    if (hello.ring != ring_ || synced_) return;
    clearing_->hello(m_.now(), sender, hello.promises);
    for (const ClearingFact& fact : hello.facts) clearing_->fact(fact);
    for (const auto& [resource, operation] : hello.holds) where_[resource][sender.value] = operation;
    taken_for_cleared_.insert(hello.took_for_cleared);
    if (clearing_->complete()) synchronised();
}

void MainThread::synchronised() {
    synced_ = true;
    facts_ = clearing_->facts();
    for (const base::NodeId member : members_) took_for_cleared_.erase(member);
    if (taken_for_cleared_.contains(m_.id)) {
        m_.cluster.note(m_.id, "was taken for cleared");
        m_.tell_guard(to_guard_, [](Guard& guard) { guard.give_up(); });
    }
    if (acting()) declared_ = ring_;
    for (auto& [resource, holders] : where_) {
        // Found at a merge; with the lease in force it does not happen.
        if (holders.size() < 2 || holders.begin()->first == m_.id.value || holders.count(m_.id.value) == 0)
            continue;
        m_.tell_guard(to_guard_, [r = resource](Guard& guard) { guard.stop_resource(r); });
    }
    keep_declaring();
    note_cleared();
    say_due();
    say_dropped();
}

void MainThread::take(base::NodeId /*sender*/, const Plan& plan) {
    planned_.erase(plan.resource);
    if (plan.ring != ring_ || !acting()) return;
    Holdings& holders = where_[plan.resource];
    if (!plan.start) {
        if (plan.target == m_.id && holders.count(plan.target.value) != 0) {
            m_.tell_guard(to_guard_, [r = plan.resource](Guard& guard) { guard.stop_resource(r); });
        }
        return;
    }
    if (!holders.empty() || !uncleared().empty()) return;
    holders[plan.target.value] = plan.operation;
    if (plan.target != m_.id) return;
    mine_[plan.resource] = plan.operation;
    m_.cluster.world.preempted(m_.main_thread, [this, plan, view = members_] {
        m_.tell_guard(to_guard_, [plan, view](Guard& guard) {
            guard.start_resource(plan.resource, plan.operation, plan.ring, view);
        });
    });
}

void MainThread::take(base::NodeId sender, const Stopped& stopped) {
    const auto at = where_.find(stopped.resource);
    if (at == where_.end()) return;
    const auto holder = at->second.find(sender.value);
    if (holder != at->second.end() && holder->second == stopped.operation) at->second.erase(holder);
}

void MainThread::take(base::NodeId /*sender*/, const ClearingFact& fact) {
    if (!clearing_) return;
    const bool before = clearing_->cleared(fact.node).has_value();
    clearing_->fact(fact);
    if (synced_) facts_ = clearing_->facts();
    note_cleared();
    const bool counts = !before && clearing_->cleared(fact.node).has_value();
    if (counts) {
        ++(fact.how == Proof::lease ? m_.cluster.tally.by_lease : m_.cluster.tally.by_proof);
        m_.cluster.note(m_.id, "n" + base::to_string(fact.node) +
                                   " is cleared: " + (fact.how == Proof::lease ? "lease" : "proof"));
    } else if (!before && synced_ && !members_.contains(fact.node)) {
        ++m_.cluster.tally.void_facts;
    }
}

void MainThread::note_cleared() {
    if (!synced_) return;
    for (const auto& [node, machine] : m_.cluster.machines) {
        if (!members_.contains(node) && clearing_->cleared(node)) took_for_cleared_.insert(node);
    }
}

void MainThread::gone(const Holdings& what) {
    for (const auto& [resource, operation] : what) {
        const auto at = mine_.find(resource);
        if (at != mine_.end() && at->second == operation) mine_.erase(at);
        send(Stopped{resource, operation});
    }
}

void MainThread::statement(base::NodeId node, const membership::GuardStatement& statement) {
    if (statement.kind != membership::GuardStatement::Kind::dropped) return;
    dropped_[node] = std::max(dropped_[node], statement.ring);
    say_dropped();
}

void MainThread::fact(const ClearingFact& fact) {
    send(fact);
}

void MainThread::say_dropped() {
    if (!acting()) return;
    for (auto at = dropped_.begin(); at != dropped_.end();) {
        if (members_.contains(at->first)) {
            ++at;
            continue;
        }
        send(ClearingFact{at->first, Proof::dropped, at->second.seq});
        at = dropped_.erase(at);
    }
}

// By whoever's clock says so first.
void MainThread::say_due() {
    if (!acting()) return;
    const Instant now = m_.now();
    for (const ClearingFact& fact : clearing_->due(now)) {
        if (said_out_.insert(fact.node)) send(fact);
    }
    Instant next = clearing_->next_deadline();
    if (next <= now) next = now + base::milliseconds(100);
    m_.arm(m_.main_thread, next, [this, life = ++due_timer_] {
        if (life == due_timer_) say_due();
    });
}

void MainThread::keep_declaring() {
    if (declared_) {
        m_.cluster.world.post(m_.ring_thread, {},
                              [&m = m_, now = m_.now(), ring = *declared_] { m.ring->declare(now, ring); });
    }
    m_.arm(m_.main_thread, m_.now() + m_.cluster.timing.patience / 4, [this, life = ++declare_timer_] {
        if (life == declare_timer_) keep_declaring();
    });
}

// The lowest member plans, now and then also a move.
void MainThread::plan() {
    World& world = m_.cluster.world;
    world.post(m_.main_thread, base::milliseconds(10) + world.upto(base::milliseconds(10)),
               [this] { plan(); });
    if (!acting() || members_.front() != m_.id || !uncleared().empty()) return;
    for (Resource resource = 0; resource < m_.cluster.setup.resources; ++resource) {
        const Holdings& holders = where_[resource];
        if (planned_.count(resource) != 0) continue;
        Plan next{ring_, resource, {}, world.rng.next(), holders.empty()};
        if (holders.empty()) {
            const auto pick = static_cast<std::ptrdiff_t>(world.rng.below(members_.size()));
            next.target = *(members_.begin() + pick);
        } else {
            if (!m_.cluster.setup.moves || !world.rng.chance(2)) continue;
            next.target = {holders.begin()->first};
        }
        planned_.insert(resource);
        send(next, true);  // when it is delivered, all members were in this view after somebody was cleared
    }
}

}  // namespace sim

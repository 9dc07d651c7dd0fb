// guard: holds, and drops what it may no longer hold.
#include <algorithm>
#include <utility>

#include "tests/sim/lease/cluster.hpp"

namespace sim {

Guard::Guard(Machine& machine, bool leftovers)
    : m_(machine),
      lease_(machine.cluster.timing.patience, leftovers) {}

void Guard::start() {
    settle();
}

bool Guard::may_hold() const {
    return lease_.may_hold(m_.now());
}

void Guard::entered(const base::RingId& ring) {
    lease_.entered(ring);
    settle();
}

void Guard::start_resource(Resource resource, std::uint64_t operation, const base::RingId& ring,
                           const base::NodeSet& view) {
    if (lease_.admit(m_.now(), ring) == membership::LeaseVerdict::taken) {
        held_[resource] = operation;
        m_.active[resource] = operation;
        m_.cluster.started(m_, resource, ring, view);
    } else {
        tell({{resource, operation}});
    }
    settle();
}

void Guard::stop_resource(Resource resource) {
    const auto at = held_.find(resource);
    if (at == held_.end() || dropping_) return;
    m_.cluster.note(m_.id, "stops r" + std::to_string(resource));
    const Holdings gone{*at};
    held_.erase(resource);
    m_.active.erase(resource);
    tell(gone);
    settle();
}

void Guard::renew(const membership::Renewal& renewal) {
    if (lease_.renew(m_.now(), renewal) == membership::LeaseVerdict::taken) m_.cluster.renewed(m_);
    settle();
}

void Guard::give_up() {
    lease_.give_up();
    settle();
}

// Nothing that the old core has sent is read after this.
void Guard::core_ended() {
    ++m_.cores;
    lease_.core_ended(m_.now());
    if (held_.empty()) lease_.give_up();
    World& world = m_.cluster.world;
    const Duration pause = world.upto(world.rng.chance(100) ? base::seconds(3) : base::milliseconds(300));
    world.post(m_.guard_thread, pause, [&m = m_] { m.launch_core(); });
    settle();
}

void Guard::abandon_core() {
    lease_.leave();
    settle();
}

void Guard::tell(const Holdings& gone) {
    World& world = m_.cluster.world;
    if (!m_.main || gone.empty()) return;
    world.post(to_main_, m_.main_thread, world.upto(base::milliseconds(2)),
               [&m = m_, gone] { m.main->gone(gone); });
}

// Everything goes within D, by this machine's clock.
void Guard::settle() {
    lease_.advance(m_.now());
    World& world = m_.cluster.world;
    if (lease_.dropping() && !dropping_) {
        dropping_ = true;
        const Instant until = lease_.view().until;
        if (until != Instant{} && m_.now() >= until) ++m_.cluster.tally.lapses;
        m_.cluster.note(m_.id, "drops " + std::to_string(held_.size()) + " resources");
        const Duration most = m_.cluster.timing.drop * 9 / 10;
        const Duration took = m_.active.empty()         ? Duration{}
                              : m_.cluster.slowest_drop ? most
                                                        : world.upto(most);
        m_.arm(m_.guard_thread, m_.now() + took, [this] { done(); });
    }
    while (const auto said = lease_.take_statement()) {
        for (const auto& [node, other] : m_.cluster.machines) {
            if (node == m_.id) continue;
            world.send(m_.id, node, other->main_thread,
                       [&other = *other, id = m_.id, s = *said] { other.main->statement(id, s); });
        }
    }
    m_.arm(m_.guard_thread, std::max(lease_.next_deadline(), m_.now()), [this, life = ++timer_] {
        if (life == timer_) settle();
    });
}

void Guard::done() {
    m_.active.clear();
    dropping_ = false;
    const Holdings gone = std::exchange(held_, {});
    lease_.dropped();
    tell(gone);
    settle();
}

}  // namespace sim

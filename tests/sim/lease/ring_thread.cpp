// The ring's thread: heartbeats with grants, and what the ring says of its phases.
#include <algorithm>
#include <utility>

#include "tests/sim/lease/cluster.hpp"

namespace sim {

membership::Leasable leasable(const Cluster& cluster) {
    return [votes = cluster.setup.votes, breaker = cluster.setup.tie_breaker](const base::NodeSet& nodes) {
        unsigned all = 0;
        unsigned here = 0;
        for (const auto& [node, count] : votes) {
            all += count;
            here += nodes.contains(node) ? count : 0;
        }
        return here * 2 > all || (here * 2 == all && nodes.contains(breaker));
    };
}

RingThread::RingThread(Machine& machine, const totem::Member& self)
    : m_(machine),
      self_(self),
      holder_(self.node, leasable(machine.cluster), machine.cluster.timing),
      granter_(machine.cluster.roster(), self.node, machine.term, machine.known_past, machine.now()) {
    for (const base::NodeId node : machine.cluster.roster()) {
        if (node != self.node) peers_[node];
    }
}

void RingThread::start() {
    next_beat_ = m_.now() + m_.cluster.world.upto(m_.cluster.setup.interval);
    persist(m_.now());
    arm(m_.now());
}

void RingThread::arm(Instant now) {
    const Instant next = std::max(std::min(next_beat_, holder_.next_deadline()), now);
    m_.arm(m_.ring_thread, next, [this, life = ++timer_] {
        if (life == timer_) step(m_.now());
    });
}

void RingThread::step(Instant now) {
    const bool regular = now >= next_beat_;
    const bool urgent = holder_.urgent(now);
    if (regular) next_beat_ = now + m_.cluster.setup.interval;
    if (regular || urgent) beat_all(urgent, now);
    persist(now);
    if (const auto renewal = holder_.renew(now)) {
        ++m_.cluster.tally.renewals;
        m_.tell_guard(m_.to_guard, [r = *renewal](Guard& guard) { guard.renew(r); });
    }
    arm(now);
}

void RingThread::persist(Instant now) {
    const auto term = granter_.take_persist(now);
    if (!term) return;
    World& world = m_.cluster.world;
    // The disk takes a while; what it has done stays done if the process ends meanwhile.
    world.at(world.upto(base::milliseconds(200)), [&m = m_, life = m_.ring_thread.life, t = *term] {
        if (m.ring_thread.life != life) return;
        m.known_past = t;
        m.cluster.world.post(m.ring_thread, {}, [&m, t] { m.ring->persisted(t); });
    });
}

void RingThread::persisted(Duration term) {
    granter_.persisted(term);
    persist(m_.now());
}

void RingThread::set_term(Duration term) {
    granter_.set_term(term);
    persist(m_.now());
}

void RingThread::beat_all(bool ask, Instant now) {
    for (const auto& [node, peer] : peers_) beat(node, ask, now);
}

void RingThread::beat(base::NodeId to, bool ask, Instant now) {
    Peer& peer = peers_.at(to);
    Beat beat;
    beat.from = self_;
    beat.number = ++peer.sent;  // also when it is urgent: no number gets a second time
    peer.sent_at[beat.number % kKept] = now;
    beat.of = peer.incarnation;
    beat.heard = peer.heard;
    beat.ask = ask;
    if (peer.heard > 0) beat.term = granter_.grant(peer.heard_at, {to, peer.incarnation});
    beat.ring = membership::ring_mark(granter_.ring());
    World& world = m_.cluster.world;
    const auto transmit = [&m = m_, to, beat] {
        Machine& other = *m.cluster.machines.at(to);
        m.cluster.world.send(m.id, to, other.ring_thread, [&other, beat] { other.ring->receive(beat); });
    };
    // Between the clock and the socket a thread may stop for any time; here the others' frames go on.
    if (!world.rng.chance(world.stall_per_mille)) return transmit();
    world.post(m_.ring_thread, world.upto(world.longest_stall), transmit);
}

// The clock is read after the frame was.
void RingThread::receive(const Beat& beat) {
    m_.cluster.world.preempted(m_.ring_thread, [this, beat] { take(beat, m_.now()); });
}

void RingThread::take(const Beat& beat, Instant now) {
    Peer& peer = peers_.at(beat.from.node);
    if (beat.from.incarnation < peer.incarnation) return;
    if (beat.from.incarnation > peer.incarnation) {
        peer.incarnation = beat.from.incarnation;
        peer.heard = 0;
    }
    if (beat.number > peer.heard) {
        peer.heard = beat.number;
        peer.heard_at = now;
    }
    const bool kept = beat.heard > 0 && beat.heard <= peer.sent && peer.sent - beat.heard < kKept;
    if (beat.of == self_.incarnation && kept && beat.term.ns > 0)
        holder_.acknowledged(now, beat.from.node, peer.sent_at[beat.heard % kKept], beat.term, beat.ring);
    if (beat.ask) this->beat(beat.from.node, false, now);
    step(now);
}

void RingThread::declare(Instant at, const base::RingId& ring) {
    holder_.declare(at, ring);
    step(m_.now());
}

void RingThread::withdraw() {
    holder_.withdraw();
}

void RingThread::installed(const base::RingId& ring, const std::vector<totem::Member>& members) {
    granter_.installed(ring, members);
    holder_.installed(ring);
    World& world = m_.cluster.world;
    world.post(m_.to_main, m_.main_thread, world.upto(base::milliseconds(2)),
               [&m = m_, ring, members, promises = granter_.promises()] {
                   m.main->regular(ring, members, promises);
               });
    beat_all(true, m_.now());
}

void RingThread::delivered(const base::RingId& ring, const totem::Member& sender, const Payload& payload,
                           bool transitional) {
    if (transitional) return;  // in this manager nothing needs them: the next hellos say it all
    World& world = m_.cluster.world;
    world.post(m_.to_main, m_.main_thread, world.upto(base::milliseconds(2)),
               [&m = m_, ring, sender, payload] {
                   m.main->delivered(ring, sender, std::any_cast<ManagerMessage>(payload));
               });
}

}  // namespace sim

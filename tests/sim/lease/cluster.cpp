#include "tests/sim/lease/cluster.hpp"

#include <utility>

#include "totem/base/check.hpp"

namespace sim {

using base::seconds;

Instant Machine::now() const {
    return clock.at(cluster.world.now());
}

base::Rng& Machine::rng() const {
    return cluster.world.rng;
}

// A timer of the kernel: it fires a little late.
void Machine::arm(Thread& thread, Instant local, const Step& step) {
    if (local == Instant::never()) return;
    const Instant now = cluster.world.now();
    cluster.world.post(thread, clock.truth(now, local) - now + cluster.world.upto(base::milliseconds(2)),
                       step);
}

void Machine::launch_core() {
    const totem::Member self{id, {++incarnations}};
    ASSERT(!ring && guard);
    ring_thread.begin();
    main_thread.begin();
    ring = std::make_unique<RingThread>(*this, self);
    main = std::make_unique<MainThread>(*this, self, guard->held());
    cluster.rings.join(self, ring_thread, *ring);
    ring->start();
    main->start();
}

void Machine::tell_guard(Channel& channel, const std::function<void(Guard&)>& what) {
    World& world = cluster.world;
    world.post(channel, guard_thread, world.upto(base::milliseconds(2)), [this, what, core = cores] {
        if (core == cores) what(*guard);
    });
}

void Machine::end_core() {
    cluster.rings.gone(id);
    ring_thread.end();
    main_thread.end();
    ring.reset();
    main.reset();
}

Cluster::Cluster(Setup given, std::uint64_t seed, bool trace)
    : world(seed, trace),
      setup(std::move(given)),
      timing(membership::lease_timing(setup.token)),
      rings(world, RingMoods{setup.token}) {
    for (const auto& [node, votes] : setup.votes) {
        machines[node] = std::make_unique<Machine>(*this, node);
        machines[node]->term = machines[node]->known_past = timing.term;
    }
}

Cluster::~Cluster() = default;

base::NodeSet Cluster::roster() const {
    base::NodeSet out;
    for (const auto& [node, machine] : machines) out.insert(node);
    return out;
}

void Cluster::note(base::NodeId node, const std::string& text) const {
    if (world.tracing()) world.note("n" + base::to_string(node) + "  " + text);
}

void Cluster::power_on(base::NodeId node) {
    Machine& m = *machines.at(node);
    if (!m.on) {
        m.on = true;
        m.clock.boot(world.now());
    }
    if (m.guard) return;
    note(node, "begins");
    m.guard_thread.begin();
    m.guard = std::make_unique<Guard>(m, !m.active.empty());
    m.guard->start();
    m.launch_core();
}

void Cluster::crash(base::NodeId node) {
    Machine& m = *machines.at(node);
    note(node, "crashes");
    if (m.ring) m.end_core();
    m.guard_thread.end();
    m.guard.reset();
    m.active.clear();
    m.on = false;
}

void Cluster::kill_core(base::NodeId node) {
    Machine& m = *machines.at(node);
    if (!m.ring) return;
    note(node, "core is killed");
    m.end_core();
    world.post(m.guard_thread, world.upto(base::milliseconds(20)), [&m] { m.guard->core_ended(); });
}

void Cluster::abandon_core(base::NodeId node) {
    Machine& m = *machines.at(node);
    if (!m.ring || !m.guard) return;
    note(node, "core is given up");
    world.post(m.guard_thread, {}, [&m] { m.guard->abandon_core(); });
    world.at(world.upto(seconds(1)), [this, node, life = m.ring_thread.life] {
        const Machine& then = *machines.at(node);
        if (then.ring && then.ring_thread.life == life) kill_core(node);
    });
}

// The core dies with it; what it held stays where it is until a new guard comes.
void Cluster::kill_guard(base::NodeId node) {
    Machine& m = *machines.at(node);
    if (!m.guard) return;
    note(node, "guard is killed");
    if (m.ring) m.end_core();
    m.guard_thread.end();
    m.guard.reset();
}

void Cluster::stop_all(base::NodeId node, Duration length) {
    Machine& m = *machines.at(node);
    note(node, "stands still for " + std::to_string(length.ms()) + " ms");
    for (Thread* const thread : {&m.guard_thread, &m.ring_thread, &m.main_thread}) {
        if (thread->alive) world.stop(*thread, length);
    }
}

void Cluster::pause_machine(base::NodeId node, Duration length) {
    Machine& m = *machines.at(node);
    stop_all(node, length);
    m.clock.stop(world.now());
    world.at(length, [this, &m] {
        m.clock.go(world.now());
        if (m.guard) m.guard->rearm();
    });
}

// By the view that the fencing node is in when it orders it; done, and told, a good while later.
void Cluster::fence(base::NodeId victim, base::NodeId by) {
    const Machine& orders = *machines.at(by);
    if (!orders.main || !orders.main->acting() || orders.main->members().contains(victim)) return;
    const membership::ClearingFact fact{victim, membership::Proof::fenced, orders.main->ring().seq};
    note(by, "fences n" + base::to_string(victim));
    world.at(world.upto(seconds(3)), [this, victim, by, fact] {
        crash(victim);
        world.at(seconds(1) + world.upto(seconds(3)), [this, victim] { power_on(victim); });
        world.at(world.upto(seconds(1)), [this, by, fact] {
            Machine& m = *machines.at(by);
            if (m.main) world.post(m.main_thread, {}, [&m, fact] { m.main->fact(fact); });
        });
    });
}

// An administrator sees that the machine is off, and says so to a node of that moment.
void Cluster::confirm(base::NodeId victim) {
    if (machines.at(victim)->on) return;
    for (const auto& [node, machine] : machines) {
        if (!machine->main || !machine->main->acting() || machine->main->members().contains(victim)) continue;
        const membership::ClearingFact fact{victim, membership::Proof::confirmed, machine->main->ring().seq};
        note(node, "is told that n" + base::to_string(victim) + " is off");
        world.post(machine->main_thread, {}, [&m = *machine, fact] { m.main->fact(fact); });
        return;
    }
}

void Cluster::run(Duration length) {
    const Instant end = world.now() + length;
    while (world.now() < end && verdict_.empty()) {
        world.run_until(std::min(end, world.now() + base::milliseconds(10)));
        rings.tick();
    }
    tally.views = rings.views();
}

std::set<base::NodeId> Cluster::where(Resource resource) const {
    std::set<base::NodeId> out;
    for (const auto& [node, machine] : machines) {
        if (machine->active.count(resource) != 0) out.insert(node);
    }
    return out;
}

void Cluster::broken(const std::string& what) {
    if (verdict_.empty()) verdict_ = what;
    world.note("BROKEN: " + what);
}

// A guard that was stopped or dead when it should have dropped: what it held may outlive the takeover, the
// right to hold it does not.
bool Cluster::excused(const Machine& m) const {
    if (!m.guard || m.guard->held().empty()) return true;
    const Duration over = m.now() - m.guard->lease().view().until;
    return m.guard_thread.stopped_until + over + over / 4 >= world.now();
}

// The right to hold goes on: if it did so without a break, nobody else has it.
void Cluster::renewed(Machine& m) {
    if (setup.lenient) return;
    for (const auto& [node, other] : machines) {
        if (node == m.id || !other->guard || !other->guard->may_hold()) continue;
        for (const auto& [resource, operation] : m.guard->held()) {
            if (other->guard->held().count(resource) == 0) continue;
            broken("Q2: the lease of n" + base::to_string(m.id) + " is renewed while n" +
                   base::to_string(node) + " has the right to hold r" + std::to_string(resource));
        }
    }
}

void Cluster::started(Machine& m, Resource resource, const base::RingId& ring, const base::NodeSet& view) {
    ++tally.starts;
    const std::string what = "n" + base::to_string(m.id) + " starts r" + std::to_string(resource) +
                             " in ring " + base::to_string(ring);
    for (const auto& [node, other] : machines) {
        if (node == m.id) continue;
        const std::string whose = "n" + base::to_string(node);
        const bool right = other->guard && other->guard->may_hold();
        const bool moved_on = m.main && m.main->ring() != ring;
        if (right && other->guard->held().count(resource) != 0) {
            ++tally.overlaps;
            if (!setup.lenient) broken("Q2: " + what + " while " + whose + " has the right to hold it");
        } else if (right && !view.contains(node) && !moved_on && !other->guard->held().empty()) {
            if (!setup.lenient)
                broken("Q3: " + what + " while " + whose + " outside its view holds something by right");
        } else if (other->active.count(resource) != 0) {
            ++tally.outlived;
            if (!setup.lenient && !excused(*other)) broken("M1: " + what + " while it runs on " + whose);
        }
    }
    note(m.id, "starts r" + std::to_string(resource) + " in " + base::to_string(ring));
}

}  // namespace sim

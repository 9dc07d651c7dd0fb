// The lease in the simulated cluster: heartbeats, the keeper of each daemon, the guard of each machine, and
// what must hold (docs/safety.md): Q3, nothing is started while a node outside the view holds by right.
#include <algorithm>

#include "tests/sim/cluster/process.hpp"

namespace sim {

using base::milliseconds;

namespace {

membership::LeaseTiming timing() {
    return membership::lease_timing(milliseconds(1000));
}

}  // namespace

Duration Cluster::lease_term() {
    return timing().term;
}

// As tools/daemon/nodes.cpp: who grants, and the node file.
void Cluster::follow_nodes(Process& p) {
    const manager::State& state = p.node->state();
    base::NodeSet roster = state.nodes.ids();
    if (state.next_nodes) roster.insert(state.next_nodes->ids());
    p.keeper->set_roster(world_->now(), roster, p.node->leasable());
    watch_keeper(p);
    if (state.nodes.counted && state.nodes.find(p.who.node) != nullptr) files_[p.who.node] = state.nodes;
    if (state.nodes.counted) files_[p.who.node].counted = false;
}

void Cluster::begin_lease(Process& p) {
    membership::KeeperConfig config;
    config.roster = p.node->state().nodes.ids();
    config.self = p.who.node;
    config.leasable = p.node->leasable();
    config.timing = timing();
    config.known_past = config.timing.term;
    config.start = world_->now();
    p.keeper = std::make_unique<membership::Keeper>(
        config, [this, node = p.who.node](const membership::Renewal& renewal) {
            tell_guard(node, [this, renewal](Guard& guard) {
                static_cast<void>(guard.lease.renew(world_->now(), renewal));
            });
        });
    beat_on(p.who);
    lease_tick(p);
}

// --- heartbeats

void Cluster::partition(const std::vector<base::NodeSet>& groups) {
    groups_ = groups;
    world_->partition(groups);
}

void Cluster::heal() {
    groups_.clear();
    world_->heal();
}

void Cluster::beat_on(const Member& who) {
    for (const auto& [id, name] : names_) {
        if (Process* p = process(who); p != nullptr && id != who.node) beat(*p, id, false);
    }
    later(who, timing().term / 4, [this](Process& self) { beat_on(self.who); });
}

void Cluster::beat(Process& p, NodeId to, bool urgent) {
    Beat beat{p.who, {}, world_->now(), {}, 0, urgent};
    if (const auto heard = p.heard.find(to); heard != p.heard.end()) {
        beat.of = heard->second.from;
        beat.heard = heard->second.sent;
        beat.word = p.keeper->word(to, beat.of.incarnation, heard->second.at);
    }
    const bool cut =
        !groups_.empty() && std::none_of(groups_.begin(), groups_.end(), [&](const base::NodeSet& group) {
            return group.contains(p.who.node) && group.contains(to);
        });
    if (cut || rng_.chance(world_->weather.loss)) return;
    world_->at(world_->now() + hop(), [this, to, beat] {
        const auto at = processes_.find(to);
        if (at != processes_.end()) hear(*at->second, beat);
    });
}

void Cluster::hear(Process& p, const Beat& beat) {
    Process::Heard& heard = p.heard[beat.from.node];
    if (beat.from.incarnation < heard.from.incarnation) return;
    if (beat.from != heard.from || beat.sent > heard.sent) heard.sent = beat.sent;
    heard.from = beat.from;
    heard.at = world_->now();
    if (beat.of == p.who && beat.word != 0)
        p.keeper->acknowledged(world_->now(), beat.from.node, beat.heard, beat.word);
    if (beat.urgent) this->beat(p, beat.from.node, false);
    watch_keeper(p);
}

void Cluster::watch_keeper(Process& p) {
    const Instant next = p.keeper->next_deadline();
    if (next == Instant::never()) return;
    world_->at(std::max(next, world_->now()), [this, who = p.who, life = ++p.keeper_timer] {
        Process* self = process(who);
        if (self == nullptr || self->keeper_timer != life) return;
        if (self->keeper->urgent(world_->now())) {
            for (const auto& [id, name] : names_) {
                if (id != who.node) beat(*self, id, true);
            }
        }
        watch_keeper(*self);
    });
}

// --- what the daemon does about it (tools/daemon/lease.cpp)

void Cluster::follow_lease(Process& p) {
    const manager::NodeLease lease = p.node->lease();
    const std::optional<base::RingId> declared = lease.enforced ? lease.declared : std::nullopt;
    if (lease.enforced == p.enforced && declared == p.declared) return;
    p.enforced = lease.enforced;
    p.declared = declared;
    lease_tick(p);
}

void Cluster::lease_tick(Process& p) {
    const Instant now = world_->now();
    if (!p.enforced) {
        p.node->guard_obeys(moment(), false);
        tell_guard(p.who.node, [now, ring = p.node->view().ring](Guard& guard) {
            static_cast<void>(guard.lease.renew(now, {ring, now, Instant::never()}));
        });
    } else {
        p.node->guard_obeys(moment(), guards_[p.who.node].lease.view().until != Instant::never());
    }
    if (p.declared) {
        p.keeper->declare(now, *p.declared);
    } else {
        p.keeper->withdraw();
    }
    watch_keeper(p);
    world_->at(now + timing().patience / 4, [this, who = p.who, life = ++p.tick_timer] {
        Process* self = process(who);
        if (self == nullptr || self->tick_timer != life) return;
        lease_tick(*self);
        pump(*self);
    });
}

// --- guard

void Cluster::tell_guard(NodeId node, std::function<void(Guard&)> what) {
    world_->at(world_->now() + hop() / 10, [this, node, what = std::move(what)] {
        what(guards_[node]);
        watch_guard(node);
    });
}

void Cluster::watch_guard(NodeId node) {
    Guard& guard = guards_[node];
    const Instant next = guard.lease.dropping() ? world_->now() : guard.lease.next_deadline();
    if (next == Instant::never() || bug == ClusterBug::unnoticed_end) return;
    // It is late by almost all of what it may be.
    const Duration late = base::microseconds(static_cast<std::int64_t>(rng_.below(240'000)));
    world_->at(std::max(next, world_->now()) + late, [this, node, life = ++guard.timer] {
        const auto at = guards_.find(node);
        if (at == guards_.end() || at->second.timer != life) return;
        at->second.lease.advance(world_->now());
        if (at->second.lease.dropping()) drop(node);
        watch_guard(node);
    });
}

void Cluster::drop(NodeId node) {
    bool held = false;
    for (const std::string& resource : machines_.on(node)) {
        if (!native(resource)) continue;
        machines_.deactivate(node, resource);
        held = true;
    }
    guards_[node].lease.dropped();
    if (!held) return;
    ++drops;
    const auto at = processes_.find(node);
    if (at == processes_.end()) return;
    say(at->second->who, "guard has dropped everything");
    later(at->second->who, hop(), [this](Process& self) {
        self.node->dropped(moment());
        pump(self);
    });
}

void Cluster::start_native(const Member& who, const manager::OperationRequest& request, base::RingId ring,
                           Instant give_up) {
    tell_guard(who.node, [this, who, request, ring, give_up](Guard& guard) {
        Process* p = process(who);
        if (p == nullptr) return;
        membership::LeaseVerdict verdict = guard.lease.admit(world_->now(), ring);
        if (bug == ClusterBug::unasked_start) verdict = membership::LeaseVerdict::taken;
        if (verdict == membership::LeaseVerdict::taken) {
            ++moves;
            check_start(*p, request.resource);
            machines_.activate(who.node, request.resource);
            check_doubles();
            finish(*p, request);
            return;
        }
        if (verdict != membership::LeaseVerdict::older_ring && world_->now() < give_up) {
            world_->at(world_->now() + milliseconds(5),
                       [this, who, request, ring, give_up] { start_native(who, request, ring, give_up); });
            return;
        }
        p->node->operation_finished(moment(), {request.id, manager::kOcfUnknown, "no lease", {}});
        pump(*p);
    });
}

void Cluster::check_start(const Process& p, const std::string& resource) {
    if (!proof) return;
    const base::NodeSet members = p.node->view().nodes();
    bool leased = false;
    for (const auto& [id, name] : names_) {
        if (members.contains(id)) continue;
        const auto& nodes = p.node->state().status.nodes;
        if (const auto at = nodes.find(id); at != nodes.end()) {
            leased =
                leased || (at->second.clearance == manager::Clearance::uncleared && at->second.lease_out);
        }
        const auto guard = guards_.find(id);
        if (guard == guards_.end() || !guard->second.lease.may_hold(world_->now())) continue;
        fail("Q3: " + resource + " is started on " + names_.at(p.who.node) + " while " + name +
             " holds by right");
    }
    if (leased) ++by_lease;
}

}  // namespace sim

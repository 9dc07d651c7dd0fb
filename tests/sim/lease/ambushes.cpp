// The stories that take aim: each brings about, again and again, the moment that one rule of the lease is
// there for.
#include "tests/sim/lease/story.hpp"

namespace sim {

using base::milliseconds;
using base::seconds;

// Whoever has the first resource.
NodeId Story::holder() {
    const auto holders = c_->where(0);
    return holders.empty() ? someone() : *holders.begin();
}

// Its clock slow, the others' fast.
void Story::slow_down(NodeId holder) {
    for (auto& [node, m] : c_->machines) {
        m->clock.set_rate(c_->world.now(), node == holder ? -kSlewMost : kSlewMost);
        if (m->guard) c_->world.post(m->guard_thread, {}, [&m = *m] { m.guard->rearm(); });
    }
}

void Story::grant(Machine& m, Duration term) {
    m.term = term;
    if (m.ring) c_->world.post(m.ring_thread, {}, [&m] { m.ring->set_term(m.term); });
}

// The others notice at once.
void Story::isolate_for(NodeId node, Duration length) {
    isolate({node});
    c_->rings.suspect();
    c_->world.at(length, [this] { c_->world.heal(); });
}

// Again and again a holder with a fresh lease is cut off, while those who granted it are started anew, in
// moments, or grant another term than before; the others know of the cut sooner than any token could.
void Story::ambush() {
    World& world = c_->world;
    draw_clocks();
    c_->rings.moods().words_per_mille = 1000;
    c_->slowest_drop = draw_.chance(500);
    const bool terms = draw_.chance(500);
    const bool slow = draw_.chance(400);
    for (int i = 0; i < 6 && c_->verdict().empty(); ++i) {
        c_->run(seconds(4) + world.upto(seconds(5)));
        const NodeId holder = this->holder();
        world.note("ambush of n" + base::to_string(holder));
        if (slow) slow_down(holder);
        for (auto& [node, m] : c_->machines) {
            if (!terms || node == holder || !draw_.chance(700)) continue;
            ++out_.counts.terms;
            m->term = c_->timing.term * static_cast<std::int64_t>(1 + draw_.below(9)) / 2;
            if (m->ring && draw_.chance(700))
                world.post(m->ring_thread, {}, [&m = *m] { m.ring->set_term(m.term); });
        }
        c_->run(world.upto(draw_.chance(500) ? milliseconds(300) : c_->setup.token));
        for (const NodeId node : c_->roster()) {
            if (node != holder && draw_.chance(600)) c_->kill_core(node);
        }
        if (draw_.chance(200)) c_->abandon_core(holder);
        if (draw_.chance(200)) world.stop(some_thread(*c_->machines.at(holder)), world.upto(seconds(4)));
        isolate({holder});
        c_->rings.suspect();
        world.at(seconds(1) + world.upto(seconds(4)), [this] { c_->world.heal(); });
    }
    settle_and_judge(seconds(40));
}

// Two nodes are fenced, come back to others than those who know that, and are lost again together with what
// these know.
void Story::come_back() {
    World& world = c_->world;
    for (auto& [node, m] : c_->machines) c_->power_on(node);
    c_->rings.moods().words_per_mille = 1000;
    c_->run(seconds(5));
    const base::NodeSet back{{4}, {5}};
    const NodeId witness{3};
    isolate(back);
    c_->rings.suspect();
    c_->run(seconds(5));
    for (const NodeId node : back) c_->fence(node, {1});
    c_->run(seconds(4));  // done and told; they are about to be on again
    world.heal();
    isolate({{3}, {4}, {5}});
    c_->rings.suspect();
    c_->run(seconds(6) + world.upto(seconds(4)));
    c_->kill_core(witness);
    world.heal();
    isolate(back);
    c_->rings.suspect();
    c_->run(seconds(5));
    settle_and_judge(seconds(40));
}

// A holder is cut off, and is back with the others before its right is over, in a view that one of them does
// not know of: that one stands still with the token of the view without the holder, and goes on in there.
void Story::stale() {
    World& world = c_->world;
    for (auto& [node, m] : c_->machines) c_->power_on(node);
    c_->rings.moods().words_per_mille = 1000;
    for (int i = 0; i < 4 && c_->verdict().empty(); ++i) {
        c_->run(seconds(8) + world.upto(seconds(2)));
        const auto holders = c_->where(0);
        if (holders.size() != 1) continue;
        const NodeId holder = *holders.begin();
        isolate({holder});
        c_->rings.shun(holder);
        c_->rings.suspect();
        for (auto& [node, m] : c_->machines) {
            m->term = c_->timing.term * static_cast<std::int64_t>(2 + draw_.below(3));
            if (node != holder && m->ring)
                world.post(m->ring_thread, {}, [&m = *m] { m.ring->set_term(m.term); });
        }
        c_->run(c_->setup.token * 9 / 20);
        const NodeId behind = c_->roster().minus({holder}).front();
        world.heal();
        c_->rings.shun({});
        c_->rings.keep_token(behind);
        c_->stop_all(behind, c_->setup.token + world.upto(c_->setup.token));
        c_->rings.suspect();
        for (auto& [node, m] : c_->machines) {
            m->term = c_->timing.term;
            world.at(seconds(4), [&m = *m] {
                if (m.ring) m.cluster.world.post(m.ring_thread, {}, [&m] { m.ring->set_term(m.term); });
            });
        }
    }
    settle_and_judge(seconds(40));
}

// Heartbeats pass, the ring's frames do not: whoever is left out of the view hears the others all the while.
void Story::shunned() {
    for (auto& [node, m] : c_->machines) c_->power_on(node);
    c_->rings.moods().words_per_mille = 1000;
    for (int i = 0; i < 4 && c_->verdict().empty(); ++i) {
        c_->run(seconds(6) + c_->world.upto(seconds(4)));
        c_->rings.shun(holder());
        c_->rings.suspect();
        c_->run(c_->setup.token * 4 + c_->world.upto(seconds(2)));
        c_->rings.shun({});
    }
    settle_and_judge(seconds(40));
}

// A core is given up, which its guard says, and goes on for a while: in the ring, with a right, and told to
// start what was just dropped. Then its node is lost.
void Story::leaver() {
    World& world = c_->world;
    draw_clocks();
    for (int i = 0; i < 10 && c_->verdict().empty(); ++i) {
        c_->run(seconds(5) + world.upto(seconds(2)));
        const NodeId node = holder();
        c_->abandon_core(node);
        c_->run(c_->timing.drop + world.upto(milliseconds(600)));
        isolate_for(node, seconds(2));
    }
    settle_and_judge(seconds(40));
}

// The holder is granted terms so short that its heartbeats go out of turn all the time.
void Story::always_urgent() {
    World& world = c_->world;
    draw_clocks();
    c_->rings.moods().words_per_mille = 1000;
    c_->rings.moods().consensus = milliseconds(150);
    const Duration term = c_->timing.drop + c_->timing.urgent * 19 / 20;
    for (int i = 0; i < 8 && c_->verdict().empty(); ++i) {
        c_->run(seconds(6) + world.upto(seconds(1)));
        const NodeId node = holder();
        slow_down(node);
        for (auto& [other, m] : c_->machines) grant(*m, other == node ? c_->timing.term : term);
        c_->run(seconds(6));
        isolate_for(node, seconds(3));
    }
    for (auto& [node, m] : c_->machines) grant(*m, c_->timing.term);
    settle_and_judge(seconds(40));
}

// All who grant stand still between their clock and the socket, for less than the ring would notice, and the
// holder is lost as soon as they go on and have answered its latest heartbeat.
void Story::granters_asleep() {
    World& world = c_->world;
    draw_clocks();
    for (int i = 0; i < 8 && c_->verdict().empty(); ++i) {
        c_->run(seconds(6) + world.upto(seconds(1)));
        const NodeId node = holder();
        slow_down(node);
        c_->run(seconds(1));
        const Duration length = c_->setup.token * static_cast<std::int64_t>(40 + draw_.below(40)) / 100;
        for (auto& [other, m] : c_->machines) {
            if (other != node && m->ring) world.stop(m->ring_thread, length);
        }
        c_->run(length + world.upto(milliseconds(15)));
        isolate_for(node, seconds(3));
    }
    settle_and_judge(seconds(40));
}

}  // namespace sim

#include "tests/sim/lease/run.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "tests/sim/lease/story.hpp"

namespace sim {

using base::milliseconds;
using base::seconds;

// What a seed may tell: the part of a hundred seeds up to which it is drawn, and how many nodes it needs.
const Story::Kind Story::kKinds[] = {
    {54, "chaos", &Story::chaos, &Counts::chaos, 1},
    {55, "shunned", &Story::shunned, &Counts::aimed, 3},
    {56, "leaver", &Story::leaver, &Counts::aimed, 3},
    {57, "always urgent", &Story::always_urgent, &Counts::aimed, 3},
    {60, "granters asleep", &Story::granters_asleep, &Counts::aimed, 3},
    {75, "ambush", &Story::ambush, &Counts::ambush, 3},
    {78, "return", &Story::come_back, &Counts::come_back, 5},
    {81, "stale", &Story::stale, &Counts::stale, 3},
    {86, "clean loss", &Story::clean_loss, &Counts::clean, 3},
    {93, "calm", &Story::calm, &Counts::calm, 2},
    {100, "beyond", &Story::beyond, &Counts::beyond, 3},
};

Setup Story::setup() {
    Setup setup;
    const std::uint64_t kind = draw_.below(100);
    kind_ = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return kind < k.upto; });
    setup.kind = kind_->name;
    setup.nodes = std::max(static_cast<unsigned>(1 + draw_.below(7)), kind_->nodes);
    if (setup.kind == "return" || setup.kind == "leaver" || setup.kind == "always urgent")
        setup.nodes = kind_->nodes;
    setup.resources = static_cast<unsigned>(1 + draw_.below(3));
    unsigned all = 0;
    const bool odd = setup.kind == "chaos" && draw_.chance(150);
    for (std::uint32_t n = 1; n <= setup.nodes; ++n) {
        setup.votes[{n}] = odd ? static_cast<unsigned>(draw_.below(3)) : 1;
        all += setup.votes[{n}];
    }
    if (all == 0) setup.votes[{1}] = all = 1;
    if (all % 2 == 0 && setup.kind != "return" && draw_.chance(500))
        setup.tie_breaker = {static_cast<std::uint32_t>(1 + draw_.below(setup.nodes))};
    const Duration tokens[] = {milliseconds(500), seconds(1), seconds(1), seconds(2)};
    setup.token = tokens[draw_.below(4)];
    if (setup.kind == "always urgent") setup.token = seconds(2);
    setup.interval = setup.token / 4;
    if ((setup.kind == "chaos" || setup.kind == "ambush") && draw_.chance(300))
        setup.interval = setup.token / static_cast<std::int64_t>(4 + draw_.below(30));
    setup.lenient = setup.kind == "beyond";
    return setup;
}

NodeId Story::someone() {
    return {static_cast<std::uint32_t>(1 + draw_.below(c_->setup.nodes))};
}

Thread& Story::some_thread(Machine& m) {
    Thread* const threads[] = {&m.guard_thread, &m.ring_thread, &m.main_thread};
    return *threads[draw_.below(3)];
}

void Story::crash(NodeId node) {
    ++out_.counts.crashes;
    c_->crash(node);
    const Duration off = milliseconds(300) + c_->world.upto(draw_.chance(200) ? seconds(12) : seconds(3));
    c_->world.at(off, [this, node] { c_->power_on(node); });
}

void Story::cut() {
    ++out_.counts.cuts;
    World& world = c_->world;
    const NodeId a = someone();
    const NodeId b = someone();
    std::string text = "cut: ";
    switch (draw_.below(4)) {
        case 0:
            world.cut(a, b);
            break;
        case 1:
            world.cut(a, b);
            world.cut(b, a);
            break;
        case 2:  // one node's way out, or in
            for (const auto& [node, machine] : c_->machines) {
                if (draw_.chance(500)) world.cut(a, node);
                if (draw_.chance(500)) world.cut(node, a);
            }
            break;
        default: {  // two halves
            base::NodeSet half;
            for (const auto& [node, machine] : c_->machines) {
                if (draw_.chance(500)) half.insert(node);
            }
            text += base::to_string(half);
            isolate(half);
        }
    }
    world.note(text);
    world.at(milliseconds(100) + world.upto(seconds(8)), [this] {
        c_->world.note("healed");
        c_->world.heal();
    });
}

void Story::fault() {
    unsigned sum = 0;
    for (const unsigned w : weights_) sum += w;
    std::uint64_t pick = draw_.below(sum);
    std::size_t kind = 0;
    while (pick >= weights_[kind]) pick -= weights_[kind++];
    World& world = c_->world;
    Machine& m = *c_->machines.at(someone());
    const Duration lengths[] = {milliseconds(100), seconds(1), seconds(3), seconds(10)};
    const Duration length = world.upto(lengths[draw_.below(4)]);
    switch (kind) {
        case 0:
            return crash(m.id);
        case 1:  // neighbours that vanish together
            for (const auto& [node, machine] : c_->machines) {
                if (draw_.chance(400)) crash(node);
            }
            return;
        case 2:
            return c_->kill_core(m.id);
        case 3:
            c_->kill_guard(m.id);
            return world.at(milliseconds(100) + length, [this, id = m.id] { c_->power_on(id); });
        case 4: {
            Thread& thread = some_thread(m);
            if (!thread.alive) return;
            c_->note(m.id, "a thread stands still for " + std::to_string(length.ms()) + " ms");
            return world.stop(thread, length);
        }
        case 5:
            ++out_.counts.suspends;
            return c_->stop_all(m.id, length);
        case 6:
            return cut();
        case 7:
            m.clock.set_rate(world.now(),
                             static_cast<std::int64_t>(draw_.below(2 * kSlewMost + 1)) - kSlewMost);
            if (m.guard) world.post(m.guard_thread, {}, [&m] { m.guard->rearm(); });
            return;
        case 8:
            m.wall_offset = seconds(static_cast<std::int64_t>(draw_.below(20)) - 10);
            return;
        case 9: {  // another length of the lease, as of the next start, or now
            ++out_.counts.terms;
            m.term = c_->timing.term * static_cast<std::int64_t>(1 + draw_.below(8)) / 3 + milliseconds(100);
            if (m.ring && draw_.chance(700))
                world.post(m.ring_thread, {}, [&m] { m.ring->set_term(m.term); });
            return;
        }
        case 10:
            return c_->fence(m.id, someone());
        case 11:
            return c_->confirm(m.id);
        case 12:
            return c_->abandon_core(m.id);
        default:
            return;
    }
}

// Powers everybody on, some later, with clocks as far apart as a time daemon can make them, or nearly right.
void Story::draw_clocks() {
    World& world = c_->world;
    const bool slewing = draw_.chance(400);
    for (auto& [node, m] : c_->machines) {
        const std::int64_t most = slewing ? kSlewMost : 500;
        m->clock.set_rate(
            world.now(),
            slewing && draw_.chance(500)
                ? (draw_.chance(500) ? most : -most)
                : static_cast<std::int64_t>(draw_.below(static_cast<std::uint64_t>(2 * most + 1))) - most);
        world.at(world.upto(draw_.chance(200) ? seconds(4) : milliseconds(200)),
                 [this, id = node] { c_->power_on(id); });
    }
}

void Story::isolate(const base::NodeSet& nodes) {
    for (const NodeId in : nodes) {
        for (const NodeId out : c_->roster().minus(nodes)) {
            c_->world.cut(in, out);
            c_->world.cut(out, in);
        }
    }
}

void Story::chaos() {
    World& world = c_->world;
    for (int i = 0; i < 12; ++i)
        weights_.push_back(draw_.chance(500) ? static_cast<unsigned>(draw_.below(10)) : 0);
    weights_.push_back(1);
    const std::uint32_t losses[] = {0, 0, 50, 300};
    world.loss_per_mille = losses[draw_.below(4)];
    world.copies_per_mille = draw_.chance(300) ? 100 : 0;
    world.slow_per_mille = draw_.chance(300) ? 50 : 0;
    world.slow_most = seconds(3);
    world.stall_per_mille = draw_.chance(500) ? 5 : 0;
    world.longest_stall = milliseconds(50) * static_cast<std::int64_t>(1 + draw_.below(40));
    RingMoods& moods = c_->rings.moods();
    moods.whims_per_mille = draw_.chance(300) ? static_cast<std::uint32_t>(draw_.below(30)) : 0;
    moods.failures_per_mille = draw_.chance(300) ? 100 : 0;
    moods.words_per_mille = static_cast<std::uint32_t>(draw_.below(1001));
    draw_clocks();
    const Duration length = seconds(static_cast<std::int64_t>(15 + draw_.below(46)));
    const Duration pace = milliseconds(static_cast<std::int64_t>(300 + draw_.below(5000)));
    const Instant end = world.now() + length;
    while (world.now() < end && c_->verdict().empty()) {
        c_->run(world.upto(pace));
        do {
            fault();
            if (c_->verdict().empty()) c_->run(world.upto(milliseconds(200)));
        } while (draw_.chance(300));
    }
    settle_and_judge(seconds(40));
}

bool Story::all_run() const {
    for (Resource r = 0; r < c_->setup.resources; ++r) {
        const auto on = c_->where(r);
        if (on.size() != 1) return false;
        const Machine& m = *c_->machines.at(*on.begin());
        if (!m.guard || !m.guard->may_hold() || m.guard->held().count(r) == 0) return false;
    }
    return true;
}

// The faults are over: in a while everything runs, once, and nobody loses its lease any more.
void Story::settle_and_judge(Duration patience) {
    World& world = c_->world;
    world.note("faults are over");
    world.heal();
    world.loss_per_mille = world.slow_per_mille = world.stall_per_mille = 0;
    c_->rings.moods().whims_per_mille = c_->rings.moods().failures_per_mille = 0;
    c_->run(seconds(20));  // what was to come still comes: reboots, fences, stops
    world.heal();
    for (const auto& [node, m] : c_->machines) c_->power_on(node);
    const Instant end = world.now() + patience;
    while (c_->verdict().empty() && !all_run() && world.now() < end) c_->run(milliseconds(100));
    if (!c_->verdict().empty()) return;
    if (!all_run()) {
        out_.verdict = Verdict::liveness;
        out_.what = "not everything runs " + std::to_string(patience.ms()) + " ms after the last fault";
        return;
    }
    c_->run(seconds(5));
    const std::uint64_t before = c_->tally.lapses;
    c_->run(seconds(20));
    if (c_->tally.lapses == before || c_->setup.lenient) return;
    out_.verdict = Verdict::liveness;
    out_.what = "a lease ran out though nothing was wrong";
}

// One machine dies, everything else is well: what it held runs elsewhere as soon as the view and the lease
// let it.
void Story::clean_loss() {
    World& world = c_->world;
    for (auto& [node, m] : c_->machines) {
        m->clock.set_rate(world.now(), static_cast<std::int64_t>(draw_.below(1001)) - 500);
        c_->power_on(node);
    }
    c_->rings.moods().words_per_mille = static_cast<std::uint32_t>(draw_.below(2) * 1000);
    c_->run(seconds(10) + world.upto(seconds(5)));
    c_->setup.moves = false;
    c_->run(seconds(1));
    if (!all_run()) {
        out_.verdict = Verdict::liveness;
        out_.what = "not everything runs after the start";
        return;
    }
    const NodeId victim = *c_->where(0).begin();
    c_->crash(victim);
    const bool survivable = leasable(*c_)(c_->roster().minus({victim}));
    const Instant lost = world.now();
    Instant seen = Instant::never();
    const Duration waits = membership::stretched(c_->timing.term) + milliseconds(500);
    while (c_->verdict().empty() && !all_run() && world.now() - lost < seconds(20)) {
        c_->run(milliseconds(10));
        for (const auto& [node, m] : c_->machines) {
            if (m->main && m->main->acting() && !m->main->members().contains(victim))
                seen = std::min(seen, world.now());
        }
    }
    if (!c_->verdict().empty() || !survivable) return;
    const Duration took = world.now() - lost;
    ++c_->tally.takeovers;
    c_->tally.slowest_takeover = std::max(c_->tally.slowest_takeover, took);
    if (all_run() && world.now() <= std::max(lost + waits, seen + milliseconds(500))) return;
    out_.verdict = Verdict::liveness;
    out_.what = "takeover took " + std::to_string(took.ms()) + " ms, the view " +
                std::to_string((seen - lost).ms()) + " ms";
}

// Nothing but lost datagrams, for long: no lease may run out.
void Story::calm() {
    World& world = c_->world;
    const std::uint32_t losses[] = {0, 10, 50};
    const Duration delays[] = {milliseconds(1), milliseconds(5), milliseconds(20)};
    for (auto& [node, m] : c_->machines) {
        m->clock.set_rate(world.now(), static_cast<std::int64_t>(draw_.below(1001)) - 500);
        c_->power_on(node);
    }
    c_->run(seconds(10));
    c_->setup.moves = false;
    world.loss_per_mille = losses[draw_.below(3)];
    world.delay_most = delays[draw_.below(3)];
    const std::uint64_t before = c_->tally.lapses;
    c_->run(seconds(600));
    if (c_->tally.lapses == before && all_run()) return;
    out_.verdict = Verdict::liveness;
    out_.what = "a lease ran out in a healthy cluster of " + std::to_string(c_->setup.nodes) + " with " +
                std::to_string(world.loss_per_mille) + " of 1000 datagrams lost";
}

// Clocks beyond the bound, and machines whose clock stands still while they do: two may hold one resource for
// a while, but that is found when they meet, and ends.
void Story::beyond() {
    World& world = c_->world;
    const bool drift = draw_.chance(500);
    for (auto& [node, m] : c_->machines) {
        if (drift) m->clock.set_rate(world.now(), draw_.chance(500) ? 300'000 : -500'000);
        c_->power_on(node);
    }
    for (int i = 0; i < 4; ++i) {
        c_->run(seconds(4) + world.upto(seconds(3)));
        const NodeId node = c_->where(0).empty() ? someone() : *c_->where(0).begin();
        if (!drift) {
            c_->pause_machine(node, seconds(2) + world.upto(seconds(6)));
        } else {
            isolate({node});
            world.at(seconds(3) + world.upto(seconds(3)), [this] { c_->world.heal(); });
        }
    }
    settle_and_judge(seconds(40));
}

Outcome Story::tell() {
    Setup drawn = setup();
    c_ = std::make_unique<Cluster>(std::move(drawn), draw_.next(), trace_);
    c_->world.note(c_->setup.kind + ", " + std::to_string(c_->setup.nodes) + " nodes, token " +
                   std::to_string(c_->setup.token.ms()) + " ms");
    ++(out_.counts.*kind_->count);
    (this->*kind_->tell)();
    if (!c_->verdict().empty()) {
        out_.verdict = Verdict::safety;
        out_.what = c_->verdict();
    }
    out_.counts.tally = c_->tally;
    out_.counts.steps = c_->world.steps;
    out_.counts.datagrams = c_->world.datagrams;
    out_.counts.lost = c_->world.lost;
    out_.counts.stalls = c_->world.stalls;
    out_.counts.virtual_ms = static_cast<std::uint64_t>(c_->world.now().ns / 1'000'000);
    return out_;
}

Counts& Counts::operator+=(const Counts& o) {
    using Field = std::uint64_t Counts::*;
    for (const Field f :
         {&Counts::steps, &Counts::datagrams, &Counts::lost, &Counts::stalls, &Counts::virtual_ms,
          &Counts::chaos, &Counts::aimed, &Counts::ambush, &Counts::come_back, &Counts::stale, &Counts::clean,
          &Counts::calm, &Counts::beyond, &Counts::crashes, &Counts::suspends, &Counts::cuts, &Counts::terms})
        this->*f += o.*f;
    using Of = std::uint64_t Tally::*;
    for (const Of f :
         {&Tally::starts, &Tally::overlaps, &Tally::outlived, &Tally::lapses, &Tally::takeovers,
          &Tally::views, &Tally::renewals, &Tally::by_lease, &Tally::by_proof, &Tally::void_facts})
        tally.*f += o.tally.*f;
    tally.slowest_takeover = std::max(tally.slowest_takeover, o.tally.slowest_takeover);
    return *this;
}

Outcome run_seed(std::uint64_t seed, bool trace) {
    return Story(seed, trace).tell();
}

}  // namespace sim

#include "tests/sim/ring/faults.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sim {

using base::microseconds;
using base::milliseconds;
using base::seconds;

FaultCounts& FaultCounts::operator+=(const FaultCounts& o) {
    for (std::size_t i = 0; i < kFaultNames.size(); ++i) of[i] += o.of[i];
    return *this;
}

Faults::Faults(World& world, Recorder& recorder, const Weather& weather, const Mix& mix, base::Rng random,
               std::function<void(NodeId, std::size_t)> submit)
    : rng(random),
      world_(world),
      recorder_(recorder),
      weather_(weather),
      mix_(mix),
      submit_(std::move(submit)) {}

NodeId Faults::any() {
    return NodeId{1 + static_cast<std::uint32_t>(rng.below(world_.roster().size()))};
}

std::vector<NodeId> Faults::shuffled() {
    std::vector<NodeId> nodes(world_.roster().begin(), world_.roster().end());
    for (std::size_t left = nodes.size(); left > 1; --left)
        std::swap(nodes[left - 1], nodes[rng.below(left)]);
    return nodes;
}

Duration Faults::about(Duration shortest, Duration longest) {
    const double ratio = static_cast<double>(longest.ns) / static_cast<double>(shortest.ns);
    const double power = static_cast<double>(rng.below(1'000'001)) / 1e6;
    return {static_cast<std::int64_t>(static_cast<double>(shortest.ns) * std::pow(ratio, power))};
}

void Faults::count(Fault fault, const std::string& text) {
    ++counts_[fault];
    if (!text.empty()) recorder_.tell(text);
}

void Faults::later(Duration wait, std::function<void()> action) {
    world_.at(world_.now() + wait, [this, action = std::move(action)] {
        if (!calm_) action();
    });
}

void Faults::strike() {
    if (rng.chance(mix_.ambush)) ambush_in_ = 1 + rng.below(8 * world_.roster().size());
    const NodeId id = any();
    switch (mix_.draw(rng)) {
        case Mix::crash:
            return crash(id);
        case Mix::torn:
            return tear(id);
        case Mix::massacre:
            count(Fault::massacre, "");
            for (std::uint64_t n = 1 + rng.below(world_.roster().size()); n > 0; --n) crash(any());
            return;
        case Mix::restart:
            return restart(id);
        case Mix::pause:
            return pause(id);
        case Mix::goodbye:
            return goodbye(id);
        case Mix::partition:
            partition();
            return heal_soon();
        case Mix::one_way:
            return one_way(id);
        case Mix::heal:
            count(Fault::heal, "healed");
            return world_.heal();
        case Mix::storm:
            return storm();
        case Mix::loop:
            count(Fault::crash_loop, "node " + base::to_string(id) + " crashes again and again");
            return loop(id, 2 + rng.below(8));
        case Mix::stall:
            return stall(id);
        case Mix::disk:
            return disk(id);
        case Mix::slow:
            return slow(id);
        case Mix::shape:
            world_.cut(shape());
            return heal_soon();
        case Mix::flap: {
            const Duration period = about(milliseconds(50), seconds(10));
            count(Fault::flapping, "cuts that come and go each " + std::to_string(period.ms()) + " ms");
            const Cuts cuts = rng.chance(500) ? shape() : Cuts{{id, any()}};
            return flap(cuts, period, true, world_.now() + period * (2 + between(rng, 0, 20)));
        }
        case Mix::kinds:
            return;
    }
}

void Faults::phase_changed() {
    if (calm_ || ambush_in_ == 0 || --ambush_in_ > 0) return;
    count(Fault::ambush, "");
    if (rng.chance(mix_.ambush / 2)) ambush_in_ = 1 + rng.below(4 * world_.roster().size());  // and again
    later(microseconds(between(rng, 0, 1500)), [this] { strike(); });
}

void Faults::end() {
    calm_ = true;
    deaf_ = {};
    world_.heal();
    for (const NodeId id : world_.roster()) {
        world_.crash_while_sending(id, false);
        world_.stall(id, {});
        world_.slow_down(id, {});
        world_.drift(id, 0);
        world_.disk(id, {});
    }
}

void Faults::start(NodeId id, Memory memory, bool clock_set_back) {
    if (!world_.up(id)) world_.start(id, memory, clock_set_back);
}

void Faults::crash(NodeId id) {
    if (!world_.up(id)) return;
    ++counts_[Fault::crash];
    const std::string phase = world_.status(id).phase;
    if (phase == "gather") ++counts_[Fault::crash_in_gather];
    if (phase == "commit") ++counts_[Fault::crash_in_commit];
    if (phase == "recovery") ++counts_[Fault::crash_in_recovery];
    world_.crash(id);
}

void Faults::tear(NodeId id) {
    if (!world_.up(id)) return;
    count(Fault::crash_while_sending, "node " + base::to_string(id) + " will crash while it sends");
    world_.crash_while_sending(id);
    // Something to send, so that it does.
    for (int i = 0; i < 20; ++i) submit_(id, 2000);
    for (const NodeId other : world_.roster()) {
        if (other != id) submit_(other, 8 + rng.below(3000));
    }
}

// Down, up, and down again before it has done what it came for, or just after.
void Faults::loop(NodeId id, std::uint64_t times) {
    crash(id);
    later(about(milliseconds(1), milliseconds(500)), [this, id, times] {
        start(id);
        if (times == 0) return;
        later(about(microseconds(100), milliseconds(1000)), [this, id, times] { loop(id, times - 1); });
    });
}

void Faults::restart(NodeId id) {
    crash(id);
    ++counts_[Fault::restart];
    Memory memory = Memory::kept;
    if (rng.chance(60)) {
        memory = Memory::lost;
        ++counts_[Fault::lost_file];
    } else if (rng.chance(60)) {
        memory = Memory::older;
        ++counts_[Fault::older_file];
    }
    const bool clock_set_back = rng.chance(60);
    if (clock_set_back) ++counts_[Fault::clock_set_back];
    start(id, memory, clock_set_back);
}

void Faults::disk(NodeId id) {
    DiskTrouble trouble;
    if (rng.chance(500)) trouble.takes = about(milliseconds(1), seconds(10));
    if (rng.chance(500)) trouble.fails_until = world_.now() + about(milliseconds(10), seconds(10));
    trouble.forgets = rng.chance(500);
    count(Fault::disk,
          "node " + base::to_string(id) + "'s disk takes " + std::to_string(trouble.takes.ms()) +
              " ms, fails for " +
              std::to_string(std::max<std::int64_t>(0, (trouble.fails_until - world_.now()).ms())) + " ms" +
              (trouble.forgets ? ", and lies" : ""));
    world_.disk(id, trouble);
    later(about(milliseconds(100), seconds(10)), [this, id] { world_.disk(id, {}); });
}

void Faults::pause(NodeId id) {
    if (!world_.up(id)) return;
    const Duration token = world_.config().token_timeout;
    const Duration how_long =
        rng.chance(300) ? about(token / 2, token * 10) : Duration{between(rng, milliseconds(1).ns, token.ns)};
    if (how_long > token) ++counts_[Fault::pause_of_a_token];
    count(Fault::pause,
          "node " + base::to_string(id) + " pauses for " + std::to_string(how_long.ms()) + " ms");
    world_.pause(id, how_long);
}

void Faults::stall(NodeId id) {
    if (!world_.up(id)) return;
    const Duration how_long = about(milliseconds(10), world_.config().token_timeout * 10);
    count(Fault::stall, "node " + base::to_string(id) + " will pause for " + std::to_string(how_long.ms()) +
                            " ms before it sends");
    world_.stall(id, how_long);
}

void Faults::goodbye(NodeId id) {
    if (!world_.up(id)) return;
    ++counts_[Fault::goodbye];
    world_.leave(id);
    if (rng.chance(500)) start(id);  // and back at once
}

// Ten to a thousand times what a handler takes on a good day.
void Faults::slow(NodeId id) {
    if (rng.chance(200)) return drift();
    const Duration handler = about(microseconds(200), milliseconds(20));
    const bool all = rng.chance(300);
    count(
        all ? Fault::slow_all : Fault::slow_one,
        (all ? std::string("all processors take ") : "node " + base::to_string(id) + "'s processor takes ") +
            std::to_string(handler.ns / 1000) + " us for an input");
    for (const NodeId node : world_.roster()) {
        if (all || node == id) world_.slow_down(node, handler);
    }
    later(about(milliseconds(20), seconds(5)), [this] {
        for (const NodeId node : world_.roster()) world_.slow_down(node, {});
    });
}

void Faults::drift() {
    constexpr std::int64_t kBad = 500, kAbusive = 50'000;
    const std::int64_t most = rng.chance(300) ? kAbusive : kBad;
    count(Fault::drift, "clocks drift by up to " + std::to_string(most) + " ppm");
    for (const NodeId node : world_.roster()) world_.drift(node, between(rng, -most, most));
}

void Faults::partition() {
    std::vector<base::NodeSet> groups(2 + rng.below(2));
    for (const NodeId n : world_.roster()) groups[rng.below(groups.size())].insert(n);
    std::string text = "partition";
    for (const base::NodeSet& group : groups) text += " " + base::to_string(group);
    count(Fault::partition, text);
    world_.partition(groups);
}

void Faults::one_way(NodeId id) {
    count(Fault::one_way, "one-way cut from " + base::to_string(id));
    world_.cut(id, any(), true);
    heal_soon();
}

Cuts Faults::shape() {
    const std::vector<NodeId> order = shuffled();
    const auto half = [&](bool first) {
        base::NodeSet nodes;
        for (std::size_t i = 0; i < order.size(); ++i) {
            if ((i < order.size() / 2) == first) nodes.insert(order[i]);
        }
        return nodes;
    };
    switch (rng.below(4)) {
        case 0:
            count(Fault::lopsided, base::to_string(half(false)) + " hear " + base::to_string(half(true)) +
                                       ", but not they them");
            return one_sided(half(true), half(false));
        case 1:
            count(Fault::bridge, "only node " + base::to_string(order.back()) + " hears both halves");
            return bridge(world_.roster(), order.back(), {half(true), half(false)});
        case 2:
            count(Fault::neighbours, "each hears its neighbours in a circle");
            return circle(order, 1);
        default:
            count(Fault::majorities, "each hears another majority");
            return circle(order, (order.size() + 2) / 4);
    }
}

void Faults::flap(const Cuts& cuts, Duration period, bool is_cut, Instant until) {
    for (const auto& [from, to] : cuts) world_.cut(from, to, is_cut);
    if (world_.now() >= until && !is_cut) return;
    later({between(rng, period.ns / 2, period.ns)},
          [this, cuts, period, is_cut, until] { flap(cuts, period, !is_cut, until); });
}

// Half of all cuts are short: some end before anybody noticed, some amid the view change.
void Faults::heal_soon() {
    if (rng.chance(500)) return;
    const totem::RingConfig& config = world_.config();
    later({between(rng, 0, 2 * (config.token_timeout + config.consensus_timeout).ns)}, [this] {
        count(Fault::heal, "healed");
        world_.heal();
    });
}

// Tokens reach a node, data does not: for a moment, or until it has to leave, or for good. Then, perhaps,
// another one dies, and there is much to recover.
void Faults::deafen(NodeId id) {
    const bool for_long = rng.chance(400);
    const Duration how_long =
        for_long ? about(world_.config().token_timeout, seconds(30)) : milliseconds(between(rng, 1, 100));
    count(Fault::deafened,
          "node " + base::to_string(id) + " receives no data for " + std::to_string(how_long.ms()) + " ms");
    if (for_long) ++counts_[Fault::deafened_for_long];
    deaf_ = id;
    for (const NodeId other : world_.roster()) {
        for (std::uint64_t n = rng.below(60); n > 0; --n) submit_(other, 1000);
    }
    later(for_long ? about(milliseconds(1), how_long) : how_long, [this] {
        if (rng.chance(500)) crash(any());
    });
    later(how_long + milliseconds(between(rng, 0, 10)), [this, id] {
        if (deaf_ == id) deaf_ = {};
    });
}

void Faults::storm() {
    if (rng.chance(400)) return deafen(any());
    count(Fault::storm, "storm");
    world_.weather.loss = 500;
    later(milliseconds(between(rng, 20, 600)), [this] { world_.weather = weather_; });
}

}  // namespace sim

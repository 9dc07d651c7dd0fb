#include "tests/sim/stack/faults.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace stack_sim {

using base::milliseconds;

FaultCounts& FaultCounts::operator+=(const FaultCounts& o) {
    for (std::size_t i = 0; i < kFaultNames.size(); ++i) of[i] += o.of[i];
    return *this;
}

void KeyChange::begin(Duration within) {
    if (under_way()) return;
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng_.next() >> 32);
    const auto id = static_cast<std::uint8_t>(keys_.sending().id + 1 + rng_.below(3));
    next_ = {id, totem::MasterKey(bytes)};
    step_ = 1;
    step(within);
}

void KeyChange::step(Duration within) {
    const totem::MasterKeys::Live old = keys_.sending();
    totem::MasterKeys wanted = step_ == 1   ? totem::MasterKeys(old, next_)
                               : step_ == 2 ? totem::MasterKeys(next_, old)
                                            : totem::MasterKeys(next_);
    world_.witness.tell("key change, step " + std::to_string(step_));
    left_ = world_.roster().size();
    for (const NodeId node : world_.roster()) {
        const Duration wait{between(rng_, 0, within.ns)};
        world_.timeline.at(world_.now() + wait, [this, node, wanted, within] {
            world_.machine(node).set_keys(wanted);
            if (--left_ > 0) return;
            if (step_++ < 3) return step(within);
            keys_ = wanted;
            step_ = 0;
            ++done_;
        });
    }
}

Faults::Faults(World& world, const Weather& weather, const Mix& mix, base::Rng rng, FaultCounts& counts)
    : keys(world, rng.split()),
      world_(world),
      weather_(weather),
      mix_(mix),
      rng_(rng),
      counts_(counts) {}

NodeId Faults::any() {
    return NodeId{1 + static_cast<std::uint32_t>(rng_.below(world_.roster().size()))};
}

NodeId Faults::other_than(NodeId node) {
    const auto nodes = static_cast<std::uint32_t>(world_.roster().size());
    return NodeId{(node.value + static_cast<std::uint32_t>(rng_.below(nodes - 1))) % nodes + 1};
}

void Faults::later(Duration wait, const std::function<void()>& action) {
    world_.timeline.at(world_.now() + wait, [this, action] {
        if (!calm_) action();
    });
}

void Faults::strike() {
    const Fault fault = mix_.draw(rng_);
    ++counts_[fault];
    const NodeId node = any();
    if (fault != Fault::heal)
        world_.witness.tell(std::string(kFaultNames[static_cast<std::size_t>(fault)]) + ": node " +
                            base::to_string(node));
    if (fault == Fault::heal) return heal();
    if (fault <= Fault::goodbye) return of_a_node(fault, node);
    if (fault <= Fault::address_gone) return of_a_link(fault, node);
    if (fault <= Fault::smaller_interface) return of_a_path(fault);
    of_the_seal(fault, node);
}

void Faults::of_a_node(Fault fault, NodeId node) {
    Machine& machine = world_.machine(node);
    const Duration token = world_.setup().ring.token_timeout;
    if (fault == Fault::pause)
        return machine.pause(
            Duration{between(rng_, milliseconds(1).ns, token.ns * (rng_.chance(300) ? 3 : 1))});
    if (fault == Fault::goodbye) {
        machine.leave();
        if (rng_.chance(500)) machine.start();
        return;
    }
    machine.crash();
    const bool forgets = fault == Fault::diskless || fault == Fault::clock_back;
    if (fault != Fault::crash) machine.start(!forgets, fault == Fault::clock_back);
}

void Faults::of_a_link(Fault fault, NodeId node) {
    const std::size_t link = any_link();
    const Duration token = world_.setup().ring.token_timeout;
    const Duration lasts{between(rng_, 0, 2 * token.ns)};
    if (fault == Fault::link_down) {
        world_.network.for_each([&](std::size_t of, NodeId, NodeId, Path& path) { path.cut |= of == link; });
        return later(lasts, [this, link] {
            world_.network.for_each(
                [&](std::size_t of, NodeId, NodeId, Path& path) { path.cut &= of != link; });
        });
    }
    world_.machine(node).set_port(link, false, world_.setup().mtu);
    later(lasts, [this, node, link] { world_.machine(node).set_port(link, true, world_.setup().mtu); });
}

void Faults::of_a_path(Fault fault) {
    if (fault == Fault::group_lost)
        return world_.witness.tell(lose_group(world_.network, world_.roster(), world_.links(), rng_));
    const std::size_t link = any_link();
    const NodeId from = any(), to = other_than(from);
    constexpr std::array<std::size_t, 5> kSizes = {700, 1028, 1280, 1400, 1500};
    const std::size_t size = kSizes[rng_.below(kSizes.size())];
    const Duration token = world_.setup().ring.token_timeout;
    if (fault == Fault::smaller_interface) {
        // Interfaces take 1,280 at least: less is a path's doing.
        world_.machine(from).set_port(link, true, std::max<std::size_t>(size, 1280));
        return;
    }
    const bool all_links = rng_.chance(300);
    const Duration slow{between(rng_, milliseconds(1).ns, token.ns / 2)};
    const bool fragments = rng_.chance(400);
    world_.network.for_each([&](std::size_t of, NodeId a, NodeId b, Path& path) {
        const bool meant = fault == Fault::node_cut ? a == from || b == from : a == from && b == to;
        if (!meant || (of != link && !all_links && fault != Fault::node_cut)) return;
        if (fault == Fault::one_way || fault == Fault::node_cut) path.cut = true;
        if (fault == Fault::slow_path) path.delay = slow;
        if (fault == Fault::lossy_path) path.burst = 30;
        if (fault == Fault::smaller_path) path.mtu = size, path.fragments = fragments;
    });
    // Half of all cuts are short: some end before anybody noticed.
    if (rng_.chance(500)) later(Duration{between(rng_, 0, 3 * token.ns)}, [this] { heal(); });
}

void Faults::of_the_seal(Fault fault, NodeId node) {
    Machine& machine = world_.machine(node);
    if (fault == Fault::jump) machine.jump();
    if (fault == Fault::copy) copy();
    if (fault == Fault::put_back) put_back();
    if (fault == Fault::double_start) world_.start_double(node, rng_.chance(300), rng_.chance(500));
    if (fault == Fault::key_change) keys.begin(milliseconds(between(rng_, 0, 300)));
    if (fault == Fault::unsent)
        machine.fail_sends(Duration{between(rng_, 0, world_.setup().ring.token_timeout.ns)});
    if (fault != Fault::junk_storm) return;
    for (std::uint64_t n = 5 + rng_.below(30); n > 0; --n) {
        const auto kind = static_cast<Junk>(rng_.below(static_cast<std::size_t>(Junk::kinds)));
        later(milliseconds(between(rng_, 0, 100)), [this, node, kind] { world_.throw_junk(node, kind); });
    }
}

// A snapshot of the subject is taken now, and comes to life a while later: beside the process that goes on,
// or in place of it.
void Faults::copy() {
    const Machine& machine = world_.machine(world_.subject);
    if (!machine.up() || machine.inputs() == 0) return;
    const std::size_t at = machine.inputs();
    const bool same_address = rng_.chance(500), goes_on = !same_address || rng_.chance(500);
    later(milliseconds(between(rng_, 0, 500)), [this, at, same_address, goes_on, process = machine.member()] {
        if (!world_.machine(world_.subject).up() || world_.machine(world_.subject).member() != process)
            return;
        world_.witness.tell("a snapshot of node " + base::to_string(world_.subject) + " comes to life" +
                            (same_address ? "" : " at another address") + (goes_on ? "" : " in place of it"));
        static_cast<void>(world_.copy_subject(at, same_address));
        if (!goes_on) world_.machine(world_.subject).crash();
    });
}

// The subject's machine loses its power, and comes back as what it was a while before that, memory included:
// so late that nothing that it sent is under way any more, and that all have missed it.
void Faults::put_back() {
    Machine& machine = world_.machine(world_.subject);
    if (!machine.up() || machine.paused() || machine.inputs() == 0) return;
    const Duration ago{rng_.chance(500) ? between(rng_, 0, milliseconds(300).ns)
                                        : between(rng_, 0, base::seconds(12).ns)};
    const bool with_disk = rng_.chance(500), clock_shows = rng_.chance(500), whatever = rng_.chance(300);
    const Snapshot was = machine.snapshot(ago);
    machine.lose_power();
    const Duration token = world_.setup().ring.token_timeout;
    // Of a node that is paused, too, and of the slowest path.
    const Duration longest = weather_.slow_by + token / 2 + token * 3 + milliseconds(10);
    const Duration missed = std::max(token, milliseconds(150));
    later(longest + missed + Duration{between(rng_, 0, token.ns * 2)},
          [this, was, with_disk, clock_shows, whatever] {
              // Perhaps it was started again meanwhile.
              if (world_.machine(world_.subject).up() && !whatever) return;
              world_.put_back(was, with_disk, clock_shows);
          });
}

void Faults::heal() {
    world_.witness.tell("healed");
    world_.network.for_each([](std::size_t /*link*/, NodeId /*from*/, NodeId /*to*/, Path& path) {
        path.cut = path.group_cut = path.in_burst = false;
        path.burst = 0;
        path.delay = std::min(path.delay, base::milliseconds(1));
    });
}

void Faults::end() {
    calm_ = true;
    heal();
    for (const NodeId node : world_.roster()) {
        for (std::size_t link = 0; link < world_.links(); ++link)
            world_.machine(node).set_port(link, true, world_.setup().mtu);
    }
    world_.weather = Weather{};
    world_.weather.jitter = weather_.jitter;
}

}  // namespace stack_sim

#include "tests/sim/stack/machine.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace stack_sim {
namespace {

base::SilentTracer& silence() {
    static base::SilentTracer tracer;
    return tracer;
}

}  // namespace

Machine::Machine(World& world, NodeId node, Kind kind, const totem::MasterKeys& keys)
    : world_(world),
      kind_(kind),
      keys_(keys),
      ports_(world.links(), Port{true, world.setup().mtu}),
      sockets_(world.links()) {
    member_.node = node;
}

base::IpAddress Machine::address(std::size_t link) const {
    return kind_ == Kind::moved ? foreign_address(link, node()) : address_of(link, node());
}

// Larger than that of the former process where the disk knows it and the clock is right.
base::Incarnation Machine::next_incarnation(bool clock_set_back) {
    const auto clock = static_cast<std::uint64_t>(world_.now().ns / 1000);
    std::uint64_t next =
        std::max(clock_set_back ? clock / 2 : 1'000'000'000 + clock, stored_incarnation_ + 1);
    next += world_.machine_rng().below(1000);  // never the same in two seeds
    while (!used_.insert(next).second) ++next;
    return {next};
}

void Machine::start(bool with_disk, bool clock_set_back) {
    if (up()) return;
    if (!with_disk) stored_ring_seq_ = stored_incarnation_ = 0;
    member_.incarnation = next_incarnation(clock_set_back);
    if (kind_ == Kind::node) world_.witness.started(member_, with_disk);
    start_as(member_.incarnation);
}

void Machine::start_as(base::Incarnation incarnation) {
    member_.incarnation = incarnation;
    totem::StackConfig config{world_.setup().ring, "sim", {}};
    config.ring.self = member_;
    config.ring.roster = world_.roster();
    for (std::size_t link = 0; link < world_.links(); ++link) {
        totem::StackLink one{static_cast<unsigned>(link),
                             world_.setup().priorities[link],
                             world_.setup().by_group[link] ? "broadcast" : "",
                             {}};
        for (const NodeId other : world_.roster()) {
            if (other != node()) one.peers.push_back({other, address_of(link, other)});
        }
        config.links.push_back(std::move(one));
    }
    begin({std::move(config), keys_, stored_ring_seq_, world_.machine_rng().next(), world_.now()});
}

void Machine::begin(const Core::Birth& birth) {
    ++process_;
    started_at_ = world_.now();
    behind_ = {};
    log_.clear();
    birth_.reset();
    if (kind_ == Kind::node && node() == world_.subject) {
        birth_ = birth;
        world_.past.watch(member_);
    }
    core_ = std::make_unique<Core>(birth, *this);
    last_words_ = core_->last_words();
    later(world_.fsync, [this, number = member_.incarnation.value] {
        stored_incarnation_ = std::max(stored_incarnation_, number);
    });
    open_ports();
}

void Machine::start_copy(std::unique_ptr<Core> core, const Member& who) {
    ++process_;
    member_ = who;
    started_at_ = world_.now();
    core_ = std::move(core);
    feed(input(Input::Kind::jumped));
}

void Machine::open_ports() {
    bool any = false;
    for (std::size_t link = 0; link < ports_.size() && up(); ++link) {
        if (!ports_[link].up) continue;
        any = true;
        Input opened = input(Input::Kind::opened);
        opened.link = link;
        opened.mtu = ports_[link].mtu;
        feed(std::move(opened));
    }
    if (any) feed(input(Input::Kind::start));
}

void Machine::set_port(std::size_t link, bool is_up, std::size_t mtu) {
    Port& port = ports_[link];
    const bool was_up = port.up;
    port = {is_up, mtu};
    if (!up()) return;
    if (is_up) {
        Input opened = input(Input::Kind::opened);
        opened.link = link;
        opened.mtu = mtu;
        feed(std::move(opened));
        feed(input(Input::Kind::start));
    } else if (was_up) {
        sockets_[link].clear();
        Input closed = input(Input::Kind::closed);
        closed.link = link;
        feed(std::move(closed));
    }
}

void Machine::stop() {
    core_.reset();
    twin_.reset();
    for (auto& socket : sockets_) socket.clear();
    paused_ = was_put_back_ = repeats_nonces_ = false;
    known_to_.clear();
    differs_from_ = UINT64_MAX;
    ended_at_ = world_.now();
    armed_ = Instant::never();
    if (kind_ == Kind::node) world_.witness.ended(member_);
}

void Machine::crash() {
    if (!up()) return;
    stop();
    if (kind_ != Kind::node || !world_.network.rng.chance(world_.weather.guarded)) return;
    ++world_.hits.last_words;
    const auto words = std::make_shared<base::Bytes>(last_words_);
    for (std::size_t link = 0; link < ports_.size(); ++link) {
        for (const NodeId other : world_.roster()) {
            if (other != node()) world_.transmit(*this, {link, other, words, false});
        }
    }
}

void Machine::lose_power() {
    if (up()) stop();
}

void Machine::leave() {
    if (!up() || paused_) return;
    feed(input(Input::Kind::leave));
    stop();
}

void Machine::pause(Duration how_long) {
    if (!up() || paused_) return;
    paused_ = true;
    later(how_long, [this] {
        paused_ = false;
        // Whichever of its sources the event loop sees first: the timer or the sockets.
        if (world_.machine_rng().chance(500)) feed(input(Input::Kind::advance));
        for (std::size_t link = 0; link < sockets_.size(); ++link) read(link);
        if (up()) arm(core_->stack().next_deadline());
    });
}

void Machine::hint(NodeId about) {
    if (!up() || paused_) return;
    Input refused = input(Input::Kind::refused);
    refused.peer = about;
    feed(std::move(refused));
}

void Machine::jump() {
    if (up() && !paused_) feed(input(Input::Kind::jumped));
}

void Machine::set_keys(const totem::MasterKeys& keys) {
    keys_ = keys;
    if (!up()) return;
    Input changed = input(Input::Kind::keys);
    changed.keys = keys;
    feed(std::move(changed));
    last_words_ = core_->last_words();
    if (twin_) static_cast<void>(twin_->last_words());
}

totem::Submit Machine::submit(base::Bytes payload, totem::Guarantee guarantee) {
    if (!up() || paused_) return totem::Submit::queue_full;
    // Told before: a ring of one delivers at once.
    const std::size_t most = world_.setup().ring.max_queued;
    if (core_->stack().queued_bytes() + payload.size() > most) return totem::Submit::queue_full;
    if (kind_ == Kind::node) world_.witness.submitted(member_, payload, guarantee);
    Input submitted = input(Input::Kind::submit);
    submitted.payload = std::move(payload);
    submitted.guarantee = guarantee;
    feed(std::move(submitted));
    return totem::Submit::accepted;
}

void Machine::arrive(std::size_t link, Arrival arrival) {
    if (!up() || !ports_[link].up) return;
    sockets_[link].push_back(std::move(arrival));
    if (paused_ || sockets_[link].size() > 1) return;  // somebody will read
    if (!world_.machine_rng().chance(world_.weather.lazy)) return read(link);
    const auto wait = world_.machine_rng().below(static_cast<std::uint64_t>(world_.weather.lazy_by.ns));
    later({static_cast<std::int64_t>(wait)}, [this, link] {
        if (!paused_) read(link);
    });
}

void Machine::read(std::size_t link) {
    if (!up() || sockets_[link].empty()) return;
    Input received = input(Input::Kind::receive);
    received.link = link;
    received.batch = std::exchange(sockets_[link], {});
    for (const Arrival& arrival : received.batch) {
        if (!arrival.junk && kind_ == Kind::node)
            world_.past.received(member_, link, arrival.from, arrival.bytes);
    }
    feed(std::move(received));
}

// What has arrived counts before any timeout does.
void Machine::wake() {
    for (std::size_t link = 0; link < sockets_.size(); ++link) read(link);
    if (up()) feed(input(Input::Kind::advance));
}

void Machine::feed(Input input) {
    ASSERT(!std::exchange(feeding_, true));
    Output output = core_->apply(input, true);
    core_->stack().check_invariants();
    if (twin_) compare(input, output);
    if (birth_) log_.push_back(std::move(input));
    if (kind_ == Kind::node) {
        totem::RingConfig bounds = world_.setup().ring;
        bounds.roster = world_.roster();
        world_.witness.looked(member_, core_->stack().ring_status(), bounds);
    }
    feeding_ = false;
    put_out(output);
}

// What the daemon does after every input.
// Others compare the last frame that they have heard, and none before it.
void Machine::repeated(const Header& header, bool differs) {
    if (differs) {
        differs_from_ = std::min(differs_from_, header.counter);
    } else if (header.stream == 0) {
        std::erase_if(known_to_, [&](const auto& known) { return known.second == header.counter; });
    }
}

void Machine::put_out(Output& output) {
    if (kind_ == Kind::node) {
        for (const totem::Event& event : output.out.events) world_.witness.happened(member_, event);
    }
    persist(output.out);
    if (output.out.from_the_past) {
        ++world_.hits.noticed;
        world_.witness.tell("node " + base::to_string(node()) + " knows that its memory is from the past");
    }
    if (world_.network.rng.chance(world_.weather.unsent)) fail_sends(base::milliseconds(5));
    for (const Sent& sent : output.frames) {
        const bool differs = world_.witness.sent(member_, keys_, sent, repeats_nonces_);
        if (repeats_nonces_) repeated(Header(*sent.bytes), differs);
        const std::size_t packet = sent.bytes->size() + kHeaders;
        if (sent.whole && packet > ports_[sent.link].mtu && ports_[sent.link].up) {
            world_.witness.violate("sizes: process " + base::to_string(node()) + " sends " +
                                   std::to_string(packet) + " bytes whole by an interface that takes " +
                                   std::to_string(ports_[sent.link].mtu));
        }
        if (!ports_[sent.link].up) {
            ++world_.hits.closed;
        } else if (world_.now() < refused_until_) {
            ++world_.hits.unsent;
        } else {
            world_.transmit(*this, sent);
        }
    }
    arm(output.deadline);
}

void Machine::persist(const totem::StackOutbox& out) {
    if (out.persist_ring_seq) {
        later(world_.fsync, [this, seq = *out.persist_ring_seq] {
            stored_ring_seq_ = std::max(stored_ring_seq_, seq);
            if (paused_) return;
            Input persisted = input(Input::Kind::persisted);
            persisted.ring_seq = seq;
            feed(std::move(persisted));
        });
    }
    if (out.from_the_past) {
        later(base::milliseconds(1), [this] {
            crash();
            if (kind_ == Kind::node) start();
        });
    }
    if (!out.persist_incarnation) return;
    // Nobody listens to this process: its guard starts another one.
    later(world_.fsync, [this, known = out.persist_incarnation->value] {
        stored_incarnation_ = std::max(stored_incarnation_, known);
        crash();
        if (kind_ == Kind::node) start();
    });
}

void Machine::begin_twin() {
    ASSERT(birth_ && up());
    twin_ = image(log_.size(), silence());
    if (twin_->stack().next_deadline() != core_->stack().next_deadline())
        world_.witness.violate("a stack that is fed the same again wants to be called at another time");
}

// E13, to the letter.
void Machine::compare(const Input& input, const Output& output) {
    const std::string what = difference(output, twin_->apply(input, false));
    if (what.empty()) return;
    world_.witness.violate("E13, isolation of the past: process " + base::to_string(node()) +
                           " differs from one that got no junk in " + what);
    end_twin();
}

std::unique_ptr<Core> Machine::image(std::size_t inputs, base::Tracer& tracer) const {
    ASSERT(birth_ && inputs <= log_.size());
    auto core = std::make_unique<Core>(*birth_, tracer);
    static_cast<void>(core->last_words());
    for (std::size_t i = 0; i < inputs; ++i) {
        static_cast<void>(core->apply(log_[i], true));
        if (log_[i].kind == Input::Kind::keys) static_cast<void>(core->last_words());
    }
    return core;
}

totem::MasterKeys Machine::keys_at(std::size_t inputs) const {
    totem::MasterKeys out = birth_->keys;
    for (std::size_t i = 0; i < inputs; ++i) {
        if (log_[i].keys) out = *log_[i].keys;
    }
    return out;
}

bool Machine::uses(std::size_t link, NodeId peer) const {
    const std::vector<totem::LinkStatus> paths = stack().status().links;
    return std::any_of(paths.begin(), paths.end(), [&](const totem::LinkStatus& path) {
        return path.peer == peer && path.number == link && path.active;
    });
}

void Machine::arm(Instant due) {
    if (!up()) return;
    if (due == Instant::never()) return;
    due = std::max(due + behind_, world_.now());
    if (armed_ == due) return;
    armed_ = due;
    world_.timeline.at(due, [this, due, process = process_] {
        if (armed_ != due || process != process_ || !up()) return;
        armed_ = Instant::never();
        if (!paused_) wake();
    });
}

void Machine::later(Duration after, const std::function<void()>& action) {
    world_.timeline.at(world_.now() + after, [this, action, process = process_] {
        if (up() && process == process_) action();
    });
}

void Machine::note(base::Level /*level*/, const std::string& text) {
    if (kind_ == Kind::node && !is_remembering_) world_.witness.noted(member_, text);
}

}  // namespace stack_sim

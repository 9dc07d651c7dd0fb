// A machine that is put back to a snapshot, memory included.
#include <algorithm>
#include <utility>

#include "tests/sim/stack/header.hpp"
#include "tests/sim/stack/machine.hpp"
#include "totem/base/check.hpp"

namespace stack_sim {
namespace {

// What was fed to a process, once more, and what that shows of it.
struct Replay {
    sim::Checker::Memory memory;
    std::uint64_t counter{0};                    // of the last frame that it has sealed
    std::optional<std::uint64_t> written;        // ring sequence that it knows to be on disk
    std::optional<std::uint64_t> to_be_written;  // and one that it waits for

    Replay(Core& core, const Snapshot& was) {
        static_cast<void>(core.last_words());
        for (const Input& input : was.inputs) take(core, input);
    }

  private:
    void take(Core& core, const Input& input) {
        Output output = core.apply(input, true);
        if (input.kind == Input::Kind::keys) static_cast<void>(core.last_words());
        if (input.kind == Input::Kind::submit)
            memory.submitted.push_back(base::ByteReader(input.payload).u64());
        if (input.kind == Input::Kind::persisted) {
            written = input.ring_seq;
            if (to_be_written == written) to_be_written.reset();
        }
        if (output.out.persist_ring_seq) to_be_written = output.out.persist_ring_seq;
        for (const Sent& sent : output.frames) {
            const Header header(*sent.bytes);
            if (header.stream == 0) counter = header.counter;
        }
        std::move(output.out.events.begin(), output.out.events.end(), std::back_inserter(memory.events));
    }
};

}  // namespace

Snapshot Machine::snapshot(Duration ago) const {
    ASSERT(birth_ && up());
    const Instant then{clock().ns - ago.ns};
    Snapshot out{member_, started_at_, *birth_, {}};
    for (const Input& input : log_) {
        if (!out.inputs.empty() && input.now > then) break;
        out.inputs.push_back(input);
    }
    return out;
}

void Machine::put_back(const Snapshot& was, bool with_disk, bool clock_shows) {
    lose_power();
    ++process_;
    member_ = was.member;
    started_at_ = was.started_at;
    birth_ = was.birth;
    log_ = was.inputs;
    const totem::MasterKeys key_file = std::exchange(keys_, keys_at(log_.size()));
    const std::vector<Port> ports = std::exchange(ports_, former_ports());
    is_remembering_ = true;
    core_ = std::make_unique<Core>(*birth_, *this);
    const Replay replay(*core_, was);
    is_remembering_ = false;
    was_put_back_ = true;
    repeats_nonces_ = !clock_shows;
    if (clock_shows) differs_from_ = 0;
    behind_ = clock_shows ? Duration{} : world_.now() - was.inputs.back().now;
    if (with_disk) {
        stored_ring_seq_ = std::max(birth_->ring_seq, replay.written.value_or(0));
        stored_incarnation_ = member_.incarnation.value;
    }
    for (const NodeId other : world_.running()) {
        if (other == node()) continue;
        const base::Heard heard = world_.machine(other).stack().heard(node());
        const Member who = world_.machine(other).member();
        if (heard.incarnation > member_.incarnation) known_to_.emplace_back(who, UINT64_MAX);
        if (heard.incarnation == member_.incarnation && heard.counter > replay.counter)
            known_to_.emplace_back(who, heard.counter);
    }
    world_.past.watch(member_);
    world_.witness.put_back(member_, replay.memory);
    Input reseed = input(Input::Kind::reseed);
    reseed.seed = world_.machine_rng().next();
    feed(std::move(reseed));
    if (clock_shows) feed(input(Input::Kind::jumped));
    totem::StackOutbox waits;
    waits.persist_ring_seq = replay.to_be_written;
    persist(waits);
    for (std::size_t link = 0; link < ports.size(); ++link) set_port(link, ports[link].up, ports[link].mtu);
    if (!(keys_ == key_file)) set_keys(key_file);
    arm(core_->stack().next_deadline());
}

// The interfaces as they were then.
std::vector<Machine::Port> Machine::former_ports() const {
    std::vector<Port> out(ports_.size(), Port{false, 0});
    for (const Input& input : log_) {
        if (input.kind == Input::Kind::opened) out[input.link] = {true, input.mtu};
        if (input.kind == Input::Kind::closed) out[input.link] = {false, 0};
    }
    return out;
}

bool Machine::is_from_the_past() const {
    // Whoever says the same again up to there says nothing that is wrong.
    return up() && std::any_of(known_to_.begin(), known_to_.end(), [this](const auto& known) {
               const auto& [who, counter] = known;
               const Machine& other = world_.machine(who.node);
               return other.up() && other.member() == who && counter >= differs_from_;
           });
}

}  // namespace stack_sim

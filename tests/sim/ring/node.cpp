#include "tests/sim/ring/node.hpp"

#include <algorithm>

#include "totem/base/check.hpp"

namespace sim {

namespace {

constexpr std::int64_t kMillion = 1'000'000;

totem::Submit apply(totem::Ring& ring, const Input& input) {
    if (const auto* batch = std::get_if<Batch>(&input.what)) {
        std::vector<totem::Opened> opened;
        opened.reserve(batch->datagrams.size());
        for (const auto& [from, bytes] : batch->datagrams) opened.push_back({from, *bytes});
        ring.receive(input.at, opened);
    } else if (const auto* submission = std::get_if<Submission>(&input.what)) {
        return ring.submit(input.at, submission->payload, submission->guarantee);
    } else if (const auto* persisted = std::get_if<Persisted>(&input.what)) {
        ring.epoch_persisted(persisted->ring_seq);
    } else if (const auto* hinted = std::get_if<Hinted>(&input.what)) {
        ring.peer_hint(input.at, hinted->about, hinted->hint);
    } else if (const auto* resized = std::get_if<Resized>(&input.what)) {
        ring.set_receive_buffer(resized->buffer);
    } else if (const auto* overflowed = std::get_if<Overflowed>(&input.what)) {
        ring.overflowed(input.at, overflowed->datagrams);
    } else {
        ring.advance(input.at);
    }
    return totem::Submit::accepted;
}

}  // namespace

void Disk::write(std::uint64_t ring_seq) {
    if (ring_seq <= kept_) return;
    former_.push_back(kept_);
    kept_ = ring_seq;
    if (!trouble.forgets) durable_ = ring_seq;
}

void Disk::put_back(base::Rng& rng) {
    if (!former_.empty()) kept_ = durable_ = former_[rng.below(former_.size())];
}

Instant Clock::at(Instant world) const {
    const Duration gone = world - world_;
    return local_ + gone + Duration{gone.ns * ppm_ / kMillion};
}

Instant Clock::when(Instant local) const {
    if (local == Instant::never()) return local;
    const Duration left = local - local_;
    if (ppm_ == 0) return world_ + left;
    return world_ + Duration{left.ns * kMillion / (kMillion + ppm_) + 2};
}

void Clock::run(Instant now, std::int64_t ppm) {
    local_ = at(now);
    world_ = now;
    ppm_ = ppm;
}

// Larger than that of the former process, and never the same in two seeds. With a clock that was set back,
// and a file that does not know better, it is one of the past.
base::Incarnation World::Node::next_incarnation(bool clock_set_back) {
    base::Incarnation next{highest_.value + 1 + world_.node_rng_.below(1000)};
    if (clock_set_back && highest_.value > 1) {
        const base::Incarnation former{1 + world_.node_rng_.below(highest_.value)};
        if (used_.count(former.value) == 0) next = former;
    }
    used_.insert(next.value);
    highest_ = std::max(highest_, next);
    return next;
}

void World::Node::start(Memory memory, bool clock_set_back) {
    if (memory == Memory::lost) disk_.lose();
    if (memory == Memory::older) disk_.put_back(world_.node_rng_);
    const bool remembers = disk_.read() >= ring_seq_;
    if (!remembers) {
        ++world_.hits.stale_disk;
        ring_seq_ = 0;
    }
    member_.incarnation = next_incarnation(clock_set_back);
    config_ = world_.base_config_;
    config_.self = member_;
    config_.roster = world_.roster_;
    if (world_.features) config_.features = world_.features(member_);
    if (world_.receive_buffer) config_.receive_buffer = buffer_ = world_.receive_buffer(member_.node);
    world_.observer_.started(member_, remembers);
    paused_ = put_back_ = false;
    stored_ = disk_.read();
    rng_ = world_.node_rng_.split();
    born_ = clock();
    inputs_.clear();
    ring_ = std::make_unique<totem::Ring>(config_, stored_, rng_, *this, born_);
    if (member_.incarnation < highest_) outdated();
    flush();
}

// The other nodes know a later start of this one: their seals refuse it, and tell it so; its guard starts
// another process, which knows better. Nobody tells it where nobody is who knows.
void World::Node::outdated() {
    later(base::milliseconds(1) + up_to(world_.link_rng_, base::milliseconds(400)), [this] {
        const bool somebody = world_.running().size() > 1 && world_.link_rng_.chance(700);
        if (!somebody) return outdated();
        ++world_.hits.outdated;
        stop();
        start(Memory::kept, false);
    });
}

void World::Node::stop() {
    ring_.reset();
    empty_socket();
    withheld_.clear();
    tearing_ = false;
    stall_ = {};
    disk_.power_off();
    world_.observer_.ended(member_);
}

void World::Node::leave() {
    ring_->leave(clock());
    flush();
    transmit(std::exchange(withheld_, {}));
    if (ring_) stop();
}

// What its guard does.
void World::Node::begin_again() {
    stop();
    world_.at(world_.now_ + up_to(world_.link_rng_, base::milliseconds(100)), [this, process = member_] {
        if (!ring_ && process == member_) start(Memory::kept, false);
    });
}

// The machine, off until now, is as it was at that moment of its clock, perhaps with its disk, perhaps with
// its clock. What it does from then on is told as that of a process that was put back.
void World::Node::put_back(Instant to, bool with_disk, bool with_clock) {
    ring_ = std::make_unique<totem::Ring>(config_, stored_, rng_, *this, born_);
    is_replaying_ = true;
    static_cast<void>(ring_->drain());
    Instant last = born_;
    std::uint64_t written = stored_;
    std::size_t done = 0;
    for (; done < inputs_.size() && inputs_[done].at <= to; ++done) {
        last = inputs_[done].at;
        if (const auto* p = std::get_if<Persisted>(&inputs_[done].what)) written = p->ring_seq;
        static_cast<void>(apply(*ring_, inputs_[done]));
        static_cast<void>(ring_->drain());
    }
    is_replaying_ = false;
    inputs_.resize(done);
    if (with_disk) disk_.put_back(written);
    if (with_clock) clock_.set(world_.now_, last);
    paused_ = false;
    put_back_ = true;
    armed_ = Instant::never();
    world_.observer_.put_back(member_);
    flush();
}

totem::Submit World::Node::feed(Input input) {
    input.at = clock();
    if (!world_.records) return apply(*ring_, input);
    inputs_.push_back(std::move(input));
    return apply(*ring_, inputs_.back());
}

template <typename Action>
void World::Node::later(Duration wait, Action action) {
    world_.at(world_.now_ + wait, [this, process = member_, action] {
        if (ring_ && process == member_) action();
    });
}

void World::Node::pause(Duration how_long) {
    if (!paused_) rest(how_long);
}

void World::Node::rest(Duration how_long) {
    paused_ = true;
    world_.rests_until_ = std::max(world_.rests_until_, world_.now_ + how_long);
    later(how_long, [this] { resume(); });
}

// What it had decided before goes out first, however old that is by now.
void World::Node::resume() {
    paused_ = false;
    transmit(std::exchange(withheld_, {}));
    // Whichever of its sources the event loop sees first: the timer or the sockets.
    if (world_.node_rng_.chance(500)) feed({{}, Advance{}});
    drain_socket();
}

void World::Node::drift(std::int64_t ppm) {
    clock_.run(world_.now_, ppm);
    if (ring_ && !paused_) arm();
}

void World::Node::arrive(const Member& from, std::shared_ptr<const base::Bytes> bytes) {
    if (!ring_) return;
    const std::size_t cost = bytes->size() + world_.weather.overhead;
    if (buffer_ > 0 && waiting_ + cost > buffer_ && !socket_.empty()) {
        ++overflowed_;
        ++world_.hits.overflowed;
        world_.observer_.overflowed(member_);
        return;
    }
    waiting_ += cost;
    socket_.emplace_back(from, std::move(bytes));
    if (paused_ || socket_.size() > 1) return;  // somebody will read
    if (!world_.node_rng_.chance(world_.weather.lazy)) return drain_socket();
    later(up_to(world_.node_rng_, world_.weather.lazy_by), [this] {
        if (!paused_) drain_socket();
    });
}

void World::Node::resize(std::size_t buffer) {
    buffer_ = buffer;
    if (ring_) feed({{}, Resized{buffer}});
}

void World::Node::hint(NodeId about, totem::Hint hint) {
    if (!ring_ || paused_) return;
    feed({{}, Hinted{about, hint}});
    flush();
}

totem::Submit World::Node::submit(base::Bytes payload, totem::Guarantee guarantee) {
    const totem::Submit result = feed({{}, Submission{std::move(payload), guarantee}});
    flush();
    return result;
}

void World::Node::note(base::Level level, const std::string& text) {
    if (!is_replaying_) world_.observer_.noted(member_, level, text);
}

void World::Node::drain_socket() {
    if (!socket_.empty()) {
        std::vector<totem::Opened> batch;
        batch.reserve(socket_.size());
        for (const auto& [from, bytes] : socket_) batch.push_back({from, *bytes});
        world_.observer_.fed(member_, ring_->status().phase, batch);
        if (overflowed_ > 0) feed({{}, Overflowed{overflowed_}});
        feed({{}, Batch{std::exchange(socket_, {})}});
        empty_socket();
    }
    flush();
}

void World::Node::empty_socket() {
    socket_.clear();
    waiting_ = 0;
    overflowed_ = 0;
}

// What the daemon does after every input.
void World::Node::flush() {
    ring_->check_invariants();
    world_.observer_.looked(member_, ring_->status());
    totem::Outbox out = ring_->drain();
    if (out.persist_epoch) persist(*out.persist_epoch);
    if (out.from_the_past) {
        ASSERT(put_back_);  // it knows itself
        paused_ = true;
        ++world_.hits.put_back_noticed;
        transmit(std::move(out.datagrams));
        return later({}, [this] { begin_again(); });
    }
    for (const totem::Event& event : out.events) {
        const auto* regular = std::get_if<totem::Regular>(&event);
        if (regular != nullptr && !put_back_) ring_seq_ = regular->view.ring.seq;
        world_.observer_.happened(member_, event);
    }
    if (tearing_ && out.datagrams.size() > 1) {
        for (const totem::Datagram& datagram : out.datagrams) world_.transmit_torn(member_, datagram);
        // Not here: the ring is still at work.
        later({}, [this] { stop(); });
        paused_ = true;
        return;
    }
    Duration busy = handler_;
    if (stall_.ns > 0 && !out.datagrams.empty()) {
        busy = busy + std::exchange(stall_, {});
        ++world_.hits.stalls;
    }
    if (busy.ns > 0 && !paused_) {
        withheld_ = std::move(out.datagrams);
        return rest(busy);
    }
    transmit(std::move(out.datagrams));
    arm();
}

void World::Node::transmit(std::vector<totem::Datagram> datagrams) {
    for (const totem::Datagram& datagram : datagrams) world_.transmit(member_, datagram);
}

// The daemon's writer tries again every second.
void World::Node::persist(std::uint64_t epoch) {
    later(world_.fsync + disk_.trouble.takes, [this, epoch] {
        if (world_.now_ < disk_.trouble.fails_until) {
            ++world_.hits.failed_writes;
            return later(base::seconds(1), [this, epoch] { persist(epoch); });
        }
        disk_.write(epoch);
        if (disk_.trouble.forgets) ++world_.hits.forgotten_writes;
        feed({{}, Persisted{epoch}});
        if (!paused_) wake();
    });
}

void World::Node::wake() {
    feed({{}, Advance{}});
    flush();
}

void World::Node::arm() {
    const Instant due = std::max(clock_.when(ring_->next_deadline()), world_.now_);
    if (due == Instant::never() || (armed_ == due && armed_for_ == member_)) return;
    armed_ = due;
    armed_for_ = member_;
    world_.at(due, [this, due, process = member_] {
        if (armed_ != due || armed_for_ != process) return;
        armed_ = Instant::never();
        if (ring_ && process == member_ && !paused_) wake();
    });
}

}  // namespace sim

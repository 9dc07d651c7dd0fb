#include "scripted_ring.hpp"

#include "totem/engine/detail/clock.hpp"

namespace engine_test {
Box<Script>& script() {
    static Box<Script> box;
    return box;
}
}  // namespace engine_test

namespace totem {

using engine_test::script;
using engine_test::Script;

struct Ring::Impl {
    std::deque<MembershipChange> changes{{}};
    base::Instant last;
    bool input{false};
    bool left{false};
    std::uint64_t epoch{0};
};

Ring::Ring(RingConfig config, std::uint64_t stored_epoch, base::Rng /*rng*/, base::Tracer& tracer,
           base::Instant now)
    : impl_(std::make_unique<Impl>()) {
    impl_->last = now;
    tracer.note(base::Level::info, "scripted");
    script().change([&](Script& s) {
        s.calls.push_back("start " + std::to_string(stored_epoch));
        s.receive_buffer = config.receive_buffer;
    });
}
Ring::~Ring() = default;

void Ring::receive(base::Instant now, const std::vector<Opened>& batch) {
    impl_->last = now;
    impl_->input = true;
    script().change([&](Script& s) {
        s.advances_at_receive = s.advances;
        for (const Opened& o : batch) {
            s.calls.push_back("receive " + base::to_string(o.sender.node) + ": " +
                              std::string(base::as_text(o.bytes)));
        }
    });
}

void Ring::advance(base::Instant now) {
    std::function<void()> hook;
    script().change([&](Script& s) {
        ++s.advances;
        if (now >= impl_->last + s.deadline) s.late.push_back(now - (impl_->last + s.deadline));
        std::swap(hook, s.in_advance);
    });
    if (hook) hook();
    impl_->last = now;
    impl_->input = true;
}

Submit Ring::submit(base::Instant now, base::Bytes payload, Guarantee /*guarantee*/) {
    impl_->last = now;
    impl_->input = true;
    if (impl_->left) return Submit::queue_full;
    script().change([&](Script& s) {
        s.calls.push_back("submit " + std::string(base::as_text(payload)));
        s.queued += payload.size();
    });
    return Submit::accepted;
}

void Ring::epoch_persisted(std::uint64_t epoch) {
    script().change([&](Script& s) { s.calls.push_back("persisted " + std::to_string(epoch)); });
}

void Ring::peer_hint(base::Instant now, base::NodeId node, Hint /*hint*/) {
    impl_->last = now;
    impl_->input = true;
    script().change([&](Script& s) { s.calls.push_back("hint about " + base::to_string(node)); });
}

void Ring::set_roster(base::Instant /*now*/, const base::NodeSet& /*roster*/) {}

bool Ring::needed(const base::NodeSet& /*nodes*/) const {
    return false;
}

void Ring::set_lifelines(const base::NodeSet& nodes) {
    script().change([&](Script& s) { s.lifelines = nodes; });
}

base::Bytes Ring::last_words() {
    return {'b', 'y', 'e'};
}

void Ring::set_datagram_size(std::size_t bytes) {
    script().change([&](Script& s) { s.datagram_size = bytes; });
}

void Ring::set_receive_buffer(std::size_t bytes) {
    script().change([&](Script& s) { s.receive_buffer = bytes; });
}

void Ring::overflowed(base::Instant now, std::uint64_t datagrams) {
    impl_->last = now;
    impl_->input = true;
    script().change([&](Script& s) { s.calls.push_back("overflowed " + std::to_string(datagrams)); });
}

void Ring::leave(base::Instant now) {
    impl_->last = now;
    impl_->input = true;
    impl_->left = true;
    script().change([](Script& s) { s.calls.push_back("leave"); });
}

Outbox Ring::drain() {
    Outbox out;
    if (!std::exchange(impl_->input, false)) return out;
    script().change([&](Script& s) {
        if (s.outboxes.empty()) return;
        out = std::move(s.outboxes.front());
        s.outboxes.erase(s.outboxes.begin());
    });
    return out;
}

base::Instant Ring::next_deadline() const {
    if (impl_->left) return base::Instant::never();
    return impl_->last + script().get().deadline;
}

RingStatus Ring::status() const {
    RingStatus out;
    out.phase = "scripted";
    out.queued_bytes = script().get().queued;
    return out;
}

const std::deque<MembershipChange>& Ring::changes() const {
    return impl_->changes;
}

void Ring::check_invariants() const {}

}  // namespace totem

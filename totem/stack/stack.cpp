// What comes in: frames from the links to seal, monitor and ring; time; the caller's wishes.
#include "totem/stack/stack.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace totem {

MonitorConfig Stack::monitor_config(const StackConfig& config) {
    MonitorConfig out;
    for (const base::NodeId node : config.ring.roster) {
        if (node != config.ring.self.node) out.peers.push_back(node);
    }
    for (const StackLink& link : config.links)
        out.links.push_back({static_cast<std::uint8_t>(link.number), link.priority, link.group});
    out.token_timeout = config.ring.token_timeout;
    out.overhead = Sealer::kOverhead;
    out.self = config.ring.self.incarnation;
    out.rider = config.rider;
    out.roster = config.roster_mark;
    return out;
}

namespace {

const base::IpAddress* address_of(const StackLink& link, base::NodeId node) {
    for (const base::LinkPeer& peer : link.peers) {
        if (peer.node == node) return &peer.address;
    }
    return nullptr;
}

bool is_foreign(Rejected why) {
    return why == Rejected::not_ours || why == Rejected::corosync || why == Rejected::cluster ||
           why == Rejected::tag || why == Rejected::node;
}

}  // namespace

Stack::Stack(StackConfig config, const MasterKeys& keys, std::uint64_t stored_ring_seq, base::Rng rng,
             Sealer::Random random, base::Tracer& tracer, base::Instant now)
    : config_(std::move(config)),
      tracer_(tracer),
      sealer_(keys, config_.cluster_name, config_.ring.self.node, config_.ring.self.incarnation,
              config_.ring.roster, std::move(random)),
      monitor_(monitor_config(config_), now),
      ways_(config_.links.size()),
      stored_ring_seq_(stored_ring_seq),
      rng_(rng),
      renewed_(now) {
    // Who was silent for so long is taken for lost anyway, by the ring or by the links.
    sealer_.set_horizon(std::max(config_.ring.token_timeout, monitor_config(config_).silence()));
    note_keys(keys);
    follow_monitor();
}

Stack::~Stack() = default;

// Every input begins here. The one before was at most a quarter of a token timeout ago (next_deadline()): a
// gap of half a timeout is not ours.
void Stack::wake(base::Instant now) {
    const base::Duration gap = now - last_input_.value_or(now);
    last_input_ = now;
    sealer_.set_time(now);
    if (const auto line = refusals_.line(now)) tracer_.note(base::Level::warning, *line);
    if (gap <= config_.ring.token_timeout / 2) return;
    ++counters_.pauses;
    counters_.longest_pause = std::max(counters_.longest_pause, gap);
    tracer_.note(base::Level::warning,
                 "this process was not scheduled for " + std::to_string(gap.ms()) +
                     " ms (token timeout: " + std::to_string(config_.ring.token_timeout.ms()) +
                     " ms); the machine was paused, suspended or overloaded");
}

void Stack::start(base::Instant now) {
    if (ring_) return;
    wake(now);
    ring_ = std::make_unique<Ring>(config_.ring, stored_ring_seq_, rng_, tracer_, now);
    fit_ring();
    tell_lifelines();
    for (Early& early : std::exchange(early_, {})) {
        const Submit result = ring_->submit(now, std::move(early.payload), early.guarantee);
        ASSERT(result == Submit::accepted);  // submit() has checked the bounds
    }
}

void Stack::link_opened(base::Instant now, std::size_t link, std::size_t mtu, std::size_t headers) {
    wake(now);
    const std::size_t most = config_.ring.datagram_size + Sealer::kOverhead;
    const std::size_t fits = mtu > headers ? mtu - headers : most;
    monitor_.link_opened(now, link, std::min(most, fits), headers);
    follow_monitor();
}

void Stack::link_closed(base::Instant now, std::size_t link) {
    wake(now);
    monitor_.link_closed(now, link);
    follow_monitor();
}

void Stack::receive(base::Instant now, std::size_t link, std::span<const base::Received> batch) {
    wake(now);
    opened_.clear();
    wholes_.clear();
    if (frames_in_.size() < batch.size()) frames_in_.resize(batch.size());
    std::size_t used = 0;
    for (const base::Received& datagram : batch) open(now, link, datagram, frames_in_[used], used);
    take_handshakes(now, link);
    follow_monitor();
    if (!opened_.empty() && ring_) ring_->receive(now, opened_);
    settle_nodes(now);
}

void Stack::open(base::Instant now, std::size_t link, const base::Received& datagram, OpenedFrame& frame,
                 std::size_t& used) {
    // The source first: a machine that was given another's node id must not displace it in the sealer's
    // memory.
    const auto claimed = Sealer::claimed_sender(datagram.bytes);
    const base::IpAddress* const expected = claimed ? address_of(config_.links[link], *claimed) : nullptr;
    if (expected != nullptr && !expected->same_as(datagram.source)) {
        ++counters_.wrong_source;
        refusals_.wrong_source(datagram.source);
        counters_.last_wrong_source =
            "node " + base::to_string(*claimed) + " from " + to_string(datagram.source);
    } else if (const auto why = sealer_.open(datagram.bytes, frame)) {
        refusals_.refused(*why, datagram.source);
        if (is_foreign(*why)) counters_.last_foreign_source = to_string(datagram.source);
        if (*why == Rejected::tag) note_wrong_key(datagram);
        if (*why == Rejected::node) {
            counters_.last_unlisted_source = to_string(datagram.source);
            counters_.unlisted_at = now;
        }
    } else {
        ++used;
        take(now, link, frame);
    }
}

void Stack::note_wrong_key(const base::Received& datagram) {
    const auto named = Sealer::claimed_key(datagram.bytes);
    const bool live =
        std::any_of(keys_.begin(), keys_.end(), [&](const KeyStatus& k) { return k.id == named; });
    if (named && !live) counters_.last_wrong_key = *named;
}

// What the sealer has to say to peers, and what it kept of those that it knows now: before what they said
// since.
void Stack::take_handshakes(base::Instant now, std::size_t link) {
    proven_ = sealer_.take_proven();
    std::vector<Opened> before;
    for (const OpenedFrame& frame : proven_) {
        if (is_link_message(frame.body)) {
            take(now, link, frame);
        } else if (in_agreement({frame.sender, frame.incarnation})) {
            before.push_back({Member{frame.sender, frame.incarnation}, frame.body});
        }
    }
    opened_.insert(opened_.begin(), before.begin(), before.end());
    for (SealReply& reply : sealer_.take_replies()) replies_.push_back({link, std::move(reply)});
}

// A frame of a peer: the ring's, or what the links say to each other.
void Stack::take(base::Instant now, std::size_t link, const OpenedFrame& frame) {
    const Member sender{frame.sender, frame.incarnation};
    if (!is_link_message(frame.body)) {
        if (in_agreement(sender)) {
            opened_.push_back({sender, frame.body});
        } else {
            disagree(sender);
        }
        return;
    }
    const auto message = decode_link_message(frame.body);
    if (!message) return;
    if (const auto* offer = std::get_if<RosterOffer>(&*message)) return take_offer(*offer);
    const auto* piece = std::get_if<Piece>(&*message);
    if (piece == nullptr) {
        monitor_.set_heard(frame.sender, sealer_.heard(frame.sender));
        static_cast<void>(monitor_.receive(now, frame.sender, frame.incarnation, link, frame.body));
        offer_roster(now, link, sender);
        return;
    }
    auto whole = pieces_.add(now, frame.sender, frame.incarnation, *piece);
    if (!whole || is_link_message(*whole)) return;
    if (!in_agreement(sender)) return disagree(sender);
    wholes_.push_back(*std::move(whole));
    opened_.push_back({sender, wholes_.back()});
}

void Stack::lifelines(base::Instant now, std::size_t link, const base::NodeSet& peers) {
    wake(now);
    ways_[link].lifelines = peers;
    tell_lifelines();
}

void Stack::refused(base::Instant now, base::NodeId peer) {
    wake(now);
    if (moving_.contains(peer) && now < moved_by_) return;
    if (ring_) ring_->peer_hint(now, peer, Hint::port_closed);
}

void Stack::set_receive_buffer(std::size_t bytes) {
    config_.ring.receive_buffer = bytes;
    if (ring_) ring_->set_receive_buffer(bytes);
}

void Stack::overflowed(base::Instant now, std::uint64_t datagrams) {
    wake(now);
    if (ring_) ring_->overflowed(now, datagrams);
}

void Stack::advance(base::Instant now) {
    wake(now);
    if (monitor_.next_deadline() <= now) {
        tell_heard();
        monitor_.advance(now);
        follow_monitor();
    }
    if (ring_) ring_->advance(now);
    settle_nodes(now);
}

Submit Stack::submit(base::Instant now, base::Bytes payload, Guarantee guarantee) {
    wake(now);
    if (ring_) return ring_->submit(now, std::move(payload), guarantee);
    if (payload.size() > config_.ring.max_payload) return Submit::too_large;
    if (queued_bytes() + payload.size() > config_.ring.max_queued) return Submit::queue_full;
    early_.push_back({std::move(payload), guarantee});
    return Submit::accepted;
}

void Stack::epoch_persisted(base::Instant now, std::uint64_t ring_seq) {
    wake(now);
    if (!ring_) return;
    ring_->epoch_persisted(ring_seq);
    ring_->advance(now);  // what waited for this can go on
}

void Stack::clock_jumped() {
    clock_jumped_ = true;
}

void Stack::change_keys(const MasterKeys& keys) {
    sealer_.change_keys(keys);
    note_keys(keys);
}

void Stack::note_keys(const MasterKeys& keys) {
    keys_ = {{keys.sending().id, keys.sending().key.fingerprint(), {}}};
    if (keys.other()) keys_.push_back({keys.other()->id, keys.other()->key.fingerprint(), {}});
}

void Stack::leave(base::Instant now) {
    wake(now);
    if (ring_) ring_->leave(now);
}

base::Bytes Stack::last_words() {
    return sealer_.seal_last_words(Ring::last_words());
}

}  // namespace totem

#include "totem/engine/detail/core.hpp"

#include <algorithm>

#include "totem/base/check.hpp"
#include "totem/engine/detail/realtime.hpp"

namespace totem::detail {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::size_t kUnbounded = std::size_t{1} << 62;

RingConfig ring_config(const EngineConfig& config) {
    RingConfig out = config.ring;
    out.max_queued = kUnbounded;  // Engine::submit keeps the bound: what it took is not refused later
    return out;
}

MonitorConfig monitor_config(const EngineConfig& config) {
    MonitorConfig out;
    for (const base::NodeId node : config.ring.roster) {
        if (node != config.ring.self.node) out.peers.push_back(node);
    }
    for (const EngineLink& link : config.links)
        out.links.push_back({static_cast<std::uint8_t>(link.number), link.priority});
    out.token_timeout = config.ring.token_timeout;
    out.overhead = Sealer::kOverhead;
    return out;
}

}  // namespace

const IpAddress* Core::Way::address_of(base::NodeId node) const {
    for (const LinkPeer& peer : config.peers) {
        if (peer.node == node) return &peer.address;
    }
    return nullptr;
}

Core::Core(EngineConfig config, std::vector<LinkConfig> links, const MasterKeys& keys,
           Engine::Handlers handlers, const Epoch& stored, std::uint64_t seed, int timer, Mailbox& mailbox,
           Backlog& backlog)
    : config_(std::move(config)),
      handlers_(std::move(handlers)),
      mailbox_(mailbox),
      backlog_(backlog),
      timer_(io_, timer),
      mail_(io_),
      sealer_(keys, config_.cluster_name, config_.ring.self.node, config_.ring.self.incarnation,
              config_.ring.roster),
      monitor_(monitor_config(config_), boottime()),
      writer_(config_.epoch_file, stored, mailbox),
      stored_ring_seq_(stored.ring_seq),
      rng_(seed),
      heartbeat_(config_.ring.token_timeout / 4),
      last_wake_(boottime()),
      renewed_(last_wake_),
      frames_in_(ReceiveBatch::kSlots) {
    opened_.reserve(ReceiveBatch::kSlots);
    note_keys(keys);
    writer_.write_incarnation(config_.ring.self.incarnation.value);
    for (std::size_t i = 0; i < links.size(); ++i) {
        ways_.emplace_back();
        ways_[i].config = std::move(links[i]);
        ways_[i].link = std::make_unique<Link>(
            io_, ways_[i].config,
            Link::Handlers{[this, i](std::span<const Received> batch) { on_received(i, batch); },
                           [this, i] { on_link_changed(i); },
                           [this](base::NodeId peer) { on_refused(peer); }});
    }
}

Core::~Core() {
    if (mail_.is_open()) static_cast<void>(mail_.release());  // the mailbox owns its bell
}

void Core::run() {
    if (config_.realtime) ask_privileges();
    mail_.assign(mailbox_.bell().fd());
    last_wake_ = boottime();
    wait_for_timer();
    wait_for_mail();
    for (const Way& way : ways_) way.link->start();
    pump_monitor();
    arm_timer();
    io_.run();
}

void Core::ask_privileges() {
    const base::Status realtime = ask_realtime();
    const base::Status memory = lock_memory();
    counters_.realtime = realtime.has_value();
    counters_.memory_locked = memory.has_value();
    for (const base::Status* status : {&realtime, &memory}) {
        if (!*status) handlers_.note(base::Level::warning, status->error().message);
    }
}

void Core::wait_for_timer() {
    timer_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) return;
        on_timer();
        if (timer_.is_open()) wait_for_timer();
    });
}

void Core::wait_for_mail() {
    mail_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) return;
        for (Command& command : mailbox_.take()) {
            std::visit([this](auto& c) { on(std::move(c)); }, command);
        }
        if (fed_) pump();
        if (!io_.stopped()) wait_for_mail();
    });
}

void Core::on_timer() {
    disarm(timer_.native_handle());
    armed_ = base::Instant::never();
    // What has arrived counts before any timeout does: after a pause, the token may be waiting in the socket.
    for (const Way& way : ways_) way.link->collect();
    const base::Instant now = wake();
    if (monitor_.next_deadline() <= now) {
        monitor_.advance(now);
        pump_monitor();
    }
    if (ring_) {
        ring_->advance(now);
        pump();
    } else {
        arm_timer();
    }
}

void Core::on_received(std::size_t link, std::span<const Received> batch) {
    const base::Instant now = wake();
    opened_.clear();
    sealer_.set_time(now);
    wholes_.clear();
    ASSERT(batch.size() <= frames_in_.size());
    std::size_t used = 0;
    for (const Received& datagram : batch) {
        OpenedFrame& frame = frames_in_[used];
        // The source first: a machine that was given another's node id must not displace it in the sealer's
        // memory.
        const auto claimed = Sealer::claimed_sender(datagram.bytes);
        const IpAddress* const expected = claimed ? ways_[link].address_of(*claimed) : nullptr;
        if (expected != nullptr && !expected->same_as(datagram.source)) {
            ++counters_.wrong_source;
            refusals_.wrong_source(datagram.source);
            counters_.last_wrong_source =
                "node " + base::to_string(*claimed) + " from " + to_string(datagram.source);
        } else if (const auto why = sealer_.open(datagram.bytes, frame)) {
            refused(*why, datagram.source);
        } else {
            ++used;
            take(now, link, frame);
        }
    }
    carry_out_handshakes(now, link);
    pump_monitor();
    if (opened_.empty() || !ring_) return arm_timer();
    ring_->receive(now, opened_);
    pump();
}

// What the sealer has to say to peers, and what it kept of those that it knows now: before what they said
// since.
void Core::carry_out_handshakes(base::Instant now, std::size_t link) {
    proven_ = sealer_.take_proven();
    std::vector<Opened> before;
    for (const OpenedFrame& frame : proven_) {
        if (is_link_message(frame.body)) {
            take(now, link, frame);
        } else {
            before.push_back({Member{frame.sender, frame.incarnation}, frame.body});
        }
    }
    opened_.insert(opened_.begin(), before.begin(), before.end());
    const std::vector<SealReply> replies = sealer_.take_replies();
    for (const SealReply& reply : replies) ways_[link].outgoing.push_back({reply.to, reply.frame});
    flush();

    const auto later = sealer_.outdated_by();
    if (!later || outdated_by_ == later->value) return;
    outdated_by_ = later->value;
    writer_.write_incarnation(outdated_by_);
}

// A frame of a peer: the ring's, or what the links say to each other.
void Core::take(base::Instant now, std::size_t link, const OpenedFrame& frame) {
    const Member sender{frame.sender, frame.incarnation};
    if (!is_link_message(frame.body)) {
        opened_.push_back({sender, frame.body});
        return;
    }
    const auto message = decode_link_message(frame.body);
    if (!message) return;
    const auto* piece = std::get_if<Piece>(&*message);
    if (piece == nullptr) {
        static_cast<void>(monitor_.receive(now, frame.sender, frame.incarnation, link, frame.body));
        return;
    }
    auto whole = pieces_.add(now, frame.sender, frame.incarnation, *piece);
    if (!whole || is_link_message(*whole)) return;
    wholes_.push_back(*std::move(whole));
    opened_.push_back({sender, wholes_.back()});
}

void Core::refused(Rejected why, const IpAddress& source) {
    refusals_.refused(why, source);
    if (why == Rejected::not_ours || why == Rejected::corosync || why == Rejected::cluster ||
        why == Rejected::tag) {
        counters_.last_foreign_source = to_string(source);
    }
}

void Core::on_refused(base::NodeId peer) {
    if (!ring_) return;
    ring_->peer_hint(wake(), peer, Hint::port_closed);
    pump();
}

LastWords Core::last_words() {
    LastWords out;
    for (const Way& way : ways_) {
        for (const LinkPeer& peer : way.config.peers)
            out.copies.push_back({way.config.own, peer.address, way.config.port});
    }
    out.frame = sealer_.seal_last_words(Ring::last_words());
    return out;
}

void Core::on_link_changed(std::size_t i) {
    Way& way = ways_[i];
    const Link& link = *way.link;
    const std::string name = ways_.size() > 1 ? "link " + std::to_string(config_.links[i].number) + ": " : "";
    if (!link.trouble().empty()) handlers_.note(base::Level::warning, name + link.trouble());
    const base::Instant now = wake();
    const bool open = link.bound() && link.interface()->running;
    if (open) {
        const std::size_t mtu = link.interface()->mtu;
        const std::size_t most = config_.ring.datagram_size + Sealer::kOverhead;
        const std::size_t fits = mtu > link.header_bytes() ? mtu - link.header_bytes() : most;
        monitor_.link_opened(now, i, std::min(most, fits), link.header_bytes());
    } else if (way.open) {
        monitor_.link_closed(now, i);
    }
    const bool fresh = open && !way.open;
    way.open = open;
    pump_monitor();
    if (fresh) {
        const EngineLink& of = config_.links[i];
        const std::string all = of.mode == LinkMode::multicast   ? ", multicast group " + of.multicast_group
                                : of.mode == LinkMode::broadcast ? ", broadcast"
                                                                 : "";
        const std::string buffer =
            ", receive buffer " + std::to_string(link.counters().receive_buffer >> 10) + " KiB";
        handlers_.note(base::Level::info, name + "bound to " + to_string(way.config.own) + " UDP port " +
                                              std::to_string(of.port) + all + buffer);
    }
    if (link.bound() && !ring_) start_ring(now);
}

void Core::start_ring(base::Instant now) {
    ring_ = std::make_unique<Ring>(ring_config(config_), stored_ring_seq_, rng_, tracer_, now);
    fit_ring();
    while (!early_.empty()) {
        hand_to_ring(now, std::move(early_.front()));
        early_.pop_front();
    }
    pump();
}

void Core::on(SubmitPayload&& command) {
    if (!ring_) {
        early_.push_back(std::move(command));
        return;
    }
    hand_to_ring(wake(), std::move(command));
}

void Core::hand_to_ring(base::Instant now, SubmitPayload command) {
    const std::size_t size = command.payload.size();
    const Submit result = ring_->submit(now, std::move(command.payload), command.guarantee);
    ASSERT(result == Submit::accepted || io_.stopped());  // Engine::submit has checked the bounds
    // Counted in the ring before it is counted out of the mailbox: the bound errs on the safe side.
    backlog_.in_ring.fetch_add(size);
    backlog_.in_mailbox.fetch_sub(size);
    fed_ = true;
}

void Core::on(AskStatus&& command) {  // NOLINT(readability-make-member-function-const): one of a family
    command.answer->set_value(status());
}

void Core::on(EpochWritten&& command) {
    epoch_trouble_.clear();
    if (outdated_by_ != 0 && command.epoch.incarnation == outdated_by_ && handlers_.outdated) {
        handlers_.outdated(
            "the other nodes knew a later start of this node: the clock was set back, and what was stored of "
            "former starts is lost");
    }
    if (!ring_) return;
    const base::Instant now = wake();
    ring_->epoch_persisted(command.epoch.ring_seq);
    ring_->advance(now);  // what waited for this can go on
    pump();
}

void Core::on(EpochNotWritten&& command) {
    const std::string trouble =
        command.why + "; until that is mended each new ring waits for it in vain (tried again every second)";
    if (trouble != epoch_trouble_) handlers_.note(base::Level::warning, trouble);
    epoch_trouble_ = trouble;
}

void Core::on(ChangeKeys&& command) {
    sealer_.change_keys(command.keys);
    note_keys(command.keys);
    command.changed->set_value(last_words());
}

void Core::note_keys(const MasterKeys& keys) {
    keys_ = {{keys.sending().id, keys.sending().key.fingerprint(), {}}};
    if (keys.other()) keys_.push_back({keys.other()->id, keys.other()->key.fingerprint(), {}});
}

void Core::on(Leave&& /*command*/) {
    if (ring_) {
        ring_->leave(wake());
        pump();
    }
    stop();
}

void Core::on(Stop&& /*command*/) {
    stop();
}

void Core::stop() {
    for (const Way& way : ways_) way.link->close();
    io_.stop();
}

base::Instant Core::wake() {
    const base::Instant now = boottime();
    const base::Duration gap = now - last_wake_;
    last_wake_ = now;
    // The heartbeat fires every quarter of a token timeout; a gap of half a timeout is not ours.
    if (gap > config_.ring.token_timeout / 2) {
        ++counters_.pauses;
        counters_.longest_pause = std::max(counters_.longest_pause, gap);
        handlers_.note(base::Level::warning,
                       "this process was not scheduled for " + std::to_string(gap.ms()) +
                           " ms (token timeout: " + std::to_string(config_.ring.token_timeout.ms()) +
                           " ms); the machine was paused, suspended or overloaded");
    }
    if (const auto line = refusals_.line(now)) handlers_.note(base::Level::warning, *line);
    return now;
}

void Core::pump() {
    fed_ = false;
    Outbox out = ring_->drain();
    if (out.persist_epoch) writer_.write_ring_seq(*out.persist_epoch);
    if (!out.datagrams.empty()) send(out.datagrams);
    if (!out.events.empty()) handlers_.events(std::move(out.events));
    if (backlog_.in_ring.load(std::memory_order_relaxed) > 0)
        backlog_.in_ring.store(ring_->status().queued_bytes);
    arm_timer();
}

void Core::arm_timer() {
    base::Instant at = std::min(last_wake_ + heartbeat_, monitor_.next_deadline());
    if (ring_) at = std::min(at, ring_->next_deadline());
    // A timer that is armed for earlier does: it fires, finds nothing due and is armed anew. Deadlines move
    // with each token, so that saves a system call for most of them.
    if (armed_ <= at) return;
    armed_ = at;
    arm(timer_.native_handle(), at);
}

}  // namespace totem::detail

#include "totem/engine/detail/core.hpp"

#include <algorithm>

#include "totem/base/check.hpp"
#include "totem/engine/detail/realtime.hpp"

namespace totem::detail {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr base::Duration kRenewKey = base::seconds(600);
constexpr std::size_t kUnbounded = std::size_t{1} << 62;

RingConfig ring_config(const EngineConfig& config) {
    RingConfig out = config.ring;
    out.max_queued = kUnbounded;  // Engine::submit keeps the bound: what it took is not refused later
    return out;
}

}  // namespace

Core::Core(EngineConfig config, LinkConfig link, const MasterKey& key, Engine::Handlers handlers,
           std::uint64_t stored_epoch, std::uint64_t seed, int timer, Mailbox& mailbox, Backlog& backlog)
    : config_(std::move(config)),
      own_(link.own),
      peers_(link.peers),
      handlers_(std::move(handlers)),
      mailbox_(mailbox),
      backlog_(backlog),
      timer_(io_, timer),
      mail_(io_),
      sealer_(key, config_.cluster_name, config_.ring.self.node, config_.ring.self.incarnation,
              config_.ring.roster),
      link_(io_, std::move(link),
            {[this](std::span<const Received> batch) { on_received(batch); }, [this] { on_link_changed(); },
             [this](base::NodeId peer) { on_refused(peer); }}),
      writer_(config_.epoch_file, mailbox),
      stored_epoch_(stored_epoch),
      rng_(seed),
      heartbeat_(config_.ring.token_timeout / 4),
      last_wake_(boottime()),
      renewed_(last_wake_),
      frames_in_(ReceiveBatch::kSlots) {
    opened_.reserve(ReceiveBatch::kSlots);
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
    link_.start();
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
    link_.collect();
    const base::Instant now = wake();
    if (ring_) {
        ring_->advance(now);
        pump();
    } else {
        arm_timer();
    }
}

void Core::on_received(std::span<const Received> batch) {
    const base::Instant now = wake();
    opened_.clear();
    ASSERT(batch.size() <= frames_in_.size());
    for (const Received& datagram : batch) {
        OpenedFrame& frame = frames_in_[opened_.size()];
        // The source first: a machine that was given another's node id must not displace it in the sealer's
        // memory.
        const auto claimed = Sealer::claimed_sender(datagram.bytes);
        if (claimed && address_of(*claimed) && address_of(*claimed) != datagram.source) {
            ++counters_.wrong_source;
            counters_.last_wrong_source =
                "node " + base::to_string(*claimed) + " from " + to_string(datagram.source);
        } else if (const auto why = sealer_.open(datagram.bytes, frame)) {
            refused(*why, datagram.source);
        } else {
            opened_.push_back({Member{frame.sender, frame.incarnation}, frame.body});
        }
    }
    if (opened_.empty() || !ring_) return;
    ring_->receive(now, opened_);
    pump();
}

void Core::refused(Rejected why, Ipv4 source) {
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
    out.own = own_;
    for (const LinkPeer& peer : peers_) out.peers.push_back(peer.address);
    out.port = config_.port;
    out.frame = sealer_.seal_last_words(Ring::last_words());
    return out;
}

void Core::on_link_changed() {
    if (!link_.trouble().empty()) handlers_.note(base::Level::warning, link_.trouble());
    if (!link_.bound()) return;
    const std::string group =
        config_.multicast_group.empty() ? "" : ", multicast group " + config_.multicast_group;
    const std::string buffer =
        ", receive buffer " + std::to_string(link_.counters().receive_buffer >> 10) + " KiB";
    handlers_.note(base::Level::info, "bound to " + to_string(own_) + " UDP port " +
                                          std::to_string(config_.port) + group + buffer);
    if (!ring_) start_ring(wake());
}

void Core::start_ring(base::Instant now) {
    ring_ = std::make_unique<Ring>(ring_config(config_), stored_epoch_, rng_, tracer_, now);
    while (!early_.empty()) {
        hand_to_ring(now, std::move(early_.front()));
        early_.pop_front();
    }
    pump();
}

void Core::on(SubmitPayload&& command) {
    if (!ring_) {
        early_.push_back(std::move(command.payload));
        return;
    }
    hand_to_ring(wake(), std::move(command.payload));
}

void Core::hand_to_ring(base::Instant now, base::Bytes payload) {
    const std::size_t size = payload.size();
    const Submit result = ring_->submit(now, std::move(payload));
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
    if (!ring_) return;
    const base::Instant now = wake();
    ring_->epoch_persisted(command.epoch);
    ring_->advance(now);  // what waited for this can go on
    pump();
}

void Core::on(EpochNotWritten&& command) {
    const std::string trouble =
        command.why + "; until that is mended each new ring waits for it in vain (tried again every second)";
    if (trouble != epoch_trouble_) handlers_.note(base::Level::warning, trouble);
    epoch_trouble_ = trouble;
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
    link_.close();
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
    return now;
}

void Core::pump() {
    fed_ = false;
    Outbox out = ring_->drain();
    if (out.persist_epoch) writer_.write(*out.persist_epoch);
    if (!out.datagrams.empty()) send(out.datagrams);
    if (!out.events.empty()) handlers_.events(std::move(out.events));
    if (backlog_.in_ring.load(std::memory_order_relaxed) > 0)
        backlog_.in_ring.store(ring_->status().queued_bytes);
    arm_timer();
}

void Core::send(const std::vector<Datagram>& datagrams) {
    if (clocks_.jumped() || last_wake_ - renewed_ > kRenewKey) {
        sealer_.renew();
        renewed_ = last_wake_;
    }
    if (frames_out_.size() < datagrams.size()) frames_out_.resize(datagrams.size());
    outgoing_.clear();
    for (const Datagram& datagram : datagrams) {
        if (datagram.to == config_.ring.self.node) continue;
        base::Bytes& frame = frames_out_[outgoing_.size()];
        sealer_.seal(datagram.bytes, frame);
        outgoing_.push_back({datagram.to, frame});
    }
    link_.send(outgoing_);
}

void Core::arm_timer() {
    base::Instant at = last_wake_ + heartbeat_;
    if (ring_) at = std::min(at, ring_->next_deadline());
    // A timer that is armed for earlier does: it fires, finds nothing due and is armed anew. Deadlines move
    // with each token, so that saves a system call for most of them.
    if (armed_ <= at) return;
    armed_ = at;
    arm(timer_.native_handle(), at);
}

std::optional<Ipv4> Core::address_of(base::NodeId node) const {
    for (const LinkPeer& peer : peers_) {
        if (peer.node == node) return peer.address;
    }
    return std::nullopt;
}

EngineStatus Core::status() const {
    EngineStatus out = counters_;
    if (ring_) {
        out.ring = ring_->status();
        out.changes = {ring_->changes().begin(), ring_->changes().end()};
    } else {
        out.ring.phase = "waiting";
    }
    out.bound = link_.bound();
    out.trouble = link_.trouble();
    if (!epoch_trouble_.empty()) out.trouble += (out.trouble.empty() ? "" : "; ") + epoch_trouble_;
    out.rejected = sealer_.rejected();
    out.link = link_.counters();
    return out;
}

}  // namespace totem::detail

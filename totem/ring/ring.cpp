#include "totem/ring/ring.hpp"

#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

RingConfig checked(RingConfig config) {
    ASSERT(config.self.node.value != 0 && config.self.incarnation.value != 0);
    ASSERT(config.roster.contains(config.self.node) && config.roster.size() <= wire::kMaxMembers);
    ASSERT(config.datagram_size >= 512 && config.datagram_size <= wire::kMaxDatagram);
    ASSERT(config.window > 0 && config.window <= (std::size_t{1} << 30) && config.max_per_visit > 0);
    ASSERT(config.token_timeout.ns > 0 && config.consensus_timeout.ns > 0 && config.join_interval.ns > 0);
    ASSERT(config.hop_retry.ns > 0 && config.merge_interval.ns > 0 && config.look_interval.ns > 0);
    return config;
}

std::size_t payload_size(const RingConfig& config) {
    return config.datagram_size - wire::kDataHeader -
           wire::kEncapsulation;  // a recovered datagram must fit as well
}

// A suspect is asked so often before its silence counts: a lost question or answer is none.
constexpr unsigned kQuestions = 4;

base::Duration question_interval(const RingConfig& config) {
    return config.hop_retry / 5;
}

const char* name(const Phase& phase) {
    constexpr const char* kNames[] = {"gather", "commit", "recovery", "operational", "left"};
    return kNames[phase.index()];
}

}  // namespace

struct Ring::Impl {
    Impl(RingConfig config, std::uint64_t stored_epoch, base::Rng rng, base::Tracer& tracer,
         base::Instant now);

    void begin(base::Instant now);
    void settle();
    void ask_suspects();
    [[nodiscard]] std::optional<Member> reckoned(base::NodeId node) const;
    void receive(const Member& from, const wire::Message& message);
    [[nodiscard]] bool admit(const Member& from);
    [[nodiscard]] bool fresh(const Member& from, const wire::Message& message);

    Context ctx;
    Phase phase;
    base::Instant last_input;
    base::Instant stale_until{-1};  // after a pause, membership messages are stale until then
    bool poked{false};              // an input without `now` made something possible
};

Ring::Impl::Impl(RingConfig config, std::uint64_t stored_epoch, base::Rng rng, base::Tracer& tracer,
                 base::Instant now)
    : ctx{checked(std::move(config)),
          tracer,
          rng,
          now,
          wire::Packer(payload_size(config)),
          {},
          {},
          {},
          {},
          {},
          {},
          0,
          {},
          {},
          {},
          {}},
      phase(Left{}),
      last_input(now) {
    Epochs& e = ctx.epochs;
    e.used = e.seen = e.durable = e.requested = e.announced = stored_epoch;
    static_cast<void>(reserved(ctx, stored_epoch + 1));
    Episode episode;
    totem::begin(ctx, episode);
    found(ctx, episode, {}, "this node started");
    phase = enter_gather(ctx, no_ring(ctx.config), std::move(episode), "start",
                         "node " + base::to_string(ctx.self().node) + ", incarnation " +
                             std::to_string(ctx.self().incarnation.value));
    settle();
}

void Ring::Impl::begin(base::Instant now) {
    ASSERT(now >= last_input);
    const base::Duration gap = now - last_input;
    ctx.now = now;
    last_input = now;
    if (gap <= ctx.config.token_timeout / 2 || std::holds_alternative<Left>(phase)) return;
    stale_until = now + std::min(base::milliseconds(10), ctx.config.token_timeout / 20);
    std::visit([&](auto& p) { totem::postpone(p, gap); }, phase);
    for (auto& [node, suspicion] : ctx.suspicions) suspicion = {suspicion.who, now};
    ctx.warning("this node was not running for " + words(gap) +
                ": nobody is accused, stale membership messages are dropped");
}

// Runs the phase until nothing more is possible now.
void Ring::Impl::settle() {
    poked = false;
    ask_suspects();
    for (int i = 0; i < 8; ++i) {
        Next next = std::visit([&](auto& p) { return totem::advance(p, ctx); }, phase);
        if (!next) return;
        phase = std::move(*next);
    }
}

std::optional<Member> Ring::Impl::reckoned(base::NodeId node) const {
    return std::visit([&](const auto& p) { return totem::reckoned(p, node); }, phase);
}

// Asks those that are said to be gone; who is silent after the last question is gone.
void Ring::Impl::ask_suspects() {
    for (auto at = ctx.suspicions.begin(); at != ctx.suspicions.end();) {
        Suspicion& s = at->second;
        const bool due = ctx.now >= s.ask_at;
        if (reckoned(s.who.node) != s.who) {
            at = ctx.suspicions.erase(at);
            continue;
        }
        if (due && s.asked >= kQuestions) {
            const Member who = s.who;
            at = ctx.suspicions.erase(at);
            Next next = std::visit([&](auto& p) { return totem::silent(p, ctx, who); }, phase);
            if (next) phase = std::move(*next);
            continue;
        }
        if (due) {
            ctx.send_to(s.who.node, wire::Probe{wire::ProbeKind::ask});
            ++s.asked;
            s.ask_at = ctx.now + question_interval(ctx.config);
        }
        ++at;
    }
}

// Whether the sender's frames count: a configured peer, not a process of that node that is gone.
bool Ring::Impl::admit(const Member& from) {
    if (from.node == ctx.self().node || !ctx.in_roster(from.node) || from.incarnation.value == 0)
        return false;
    Peer& peer = ctx.peers[from.node];
    if (from.incarnation < peer.newest || from.incarnation <= peer.gone) return false;
    if (from.incarnation > peer.newest) {
        peer.newest = from.incarnation;
        peer.serial = 0;
        peer.shared_seq = 0;
    }
    return true;
}

// Membership messages: not left over from a pause, not doubled, not overtaken by a later one of the same
// process.
bool Ring::Impl::fresh(const Member& from, const wire::Message& message) {
    std::uint64_t serial = 0;
    if (const auto* join = std::get_if<wire::Join>(&message)) {
        if (join->ring_seq >= kMaxRingSeq) return false;
        serial = join->serial;
    } else if (const auto* beacon = std::get_if<wire::Beacon>(&message)) {
        serial = beacon->serial;
    } else {
        return ctx.now > stale_until || !std::holds_alternative<wire::CommitToken>(message);
    }
    Peer& peer = ctx.peers[from.node];
    if (ctx.now <= stale_until || serial <= peer.serial) return false;
    peer.serial = serial;
    return true;
}

void Ring::Impl::receive(const Member& from, const wire::Message& message) {
    if (!admit(from)) {
        ++ctx.counters.dropped;
        return;
    }
    ctx.suspicions.erase(from.node);  // it lives, as this process or as a newer one
    ctx.unheard.erase(from.node);
    if (const auto* probe = std::get_if<wire::Probe>(&message)) {
        if (probe->kind == wire::ProbeKind::ask) ctx.send_to(from.node, wire::Probe{wire::ProbeKind::answer});
        return;
    }
    if (!fresh(from, message)) {
        ++ctx.counters.dropped;
        return;
    }
    if (const auto* join = std::get_if<wire::Join>(&message);
        join != nullptr && join->ring_seq > ctx.epochs.seen) {
        ctx.epochs.seen = join->ring_seq;
        static_cast<void>(
            reserved(ctx, join->ring_seq + 1));  // early, so that the disk works while joins are exchanged
    }
    if (const auto* join = std::get_if<wire::Join>(&message)) static_cast<void>(heard(ctx, from, *join));
    if (const auto* beacon = std::get_if<wire::Beacon>(&message))
        static_cast<void>(heard(ctx, from, *beacon));
    if (std::holds_alternative<wire::Leave>(message)) ctx.peers[from.node].gone = from.incarnation;
    Next next = std::visit([&](auto& p, const auto& m) { return on(p, ctx, from, m); }, phase, message);
    if (next) phase = std::move(*next);
}

Ring::Ring(RingConfig config, std::uint64_t stored_epoch, base::Rng rng, base::Tracer& tracer,
           base::Instant now)
    : impl_(std::make_unique<Impl>(std::move(config), stored_epoch, rng, tracer, now)) {}

Ring::~Ring() = default;

void Ring::receive(base::Instant now, const std::vector<Opened>& batch) {
    impl_->begin(now);
    if (std::holds_alternative<Left>(impl_->phase)) return;
    // A token that overtakes the data which it covers would only ask for it again.
    std::vector<std::pair<Member, wire::Message>> tokens;
    for (const Opened& datagram : batch) {
        auto message = wire::decode(datagram.bytes);
        if (!message) {
            ++impl_->ctx.counters.dropped;
            if (wire::of_other_version(datagram.bytes)) ++impl_->ctx.counters.other_version;
        } else if (std::holds_alternative<wire::Token>(*message)) {
            tokens.emplace_back(datagram.sender, *std::move(message));
        } else {
            impl_->receive(datagram.sender, *message);
        }
    }
    for (const auto& [sender, token] : tokens) impl_->receive(sender, token);
    impl_->settle();
}

void Ring::advance(base::Instant now) {
    impl_->begin(now);
    impl_->settle();
}

Submit Ring::submit(base::Instant now, base::Bytes payload, Guarantee guarantee) {
    impl_->begin(now);
    Context& ctx = impl_->ctx;
    if (payload.size() > ctx.config.max_payload) return Submit::too_large;
    if (std::holds_alternative<Left>(impl_->phase)) return Submit::queue_full;
    if (ctx.packer.queued_bytes() + payload.size() > ctx.config.max_queued) return Submit::queue_full;
    ctx.packer.push(std::move(payload), guarantee);
    if (auto* operational = std::get_if<Operational>(&impl_->phase)) submitted(*operational, ctx);
    impl_->settle();
    return Submit::accepted;
}

void Ring::epoch_persisted(std::uint64_t epoch) {
    Epochs& e = impl_->ctx.epochs;
    e.durable = std::max(e.durable, std::min(epoch, e.requested));
    impl_->poked = true;
}

void Ring::peer_hint(base::Instant now, base::NodeId node, Hint hint) {
    impl_->begin(now);
    Context& ctx = impl_->ctx;
    if (hint == Hint::port_closed) {
        const auto who = impl_->reckoned(node);
        if (who && !ctx.is_self(*who)) ctx.suspicions.try_emplace(node, Suspicion{*who, now});
    } else if (hint == Hint::heard) {
        ctx.unheard.erase(node);
    } else if (ctx.in_roster(node) && node != ctx.self().node) {
        ctx.unheard.insert(node);
    }
    impl_->settle();
}

void Ring::set_lifelines(const base::NodeSet& nodes) {
    impl_->ctx.lifelines = nodes;
}

bool Ring::needed(const base::NodeSet& nodes) const {
    if (std::holds_alternative<Left>(impl_->phase)) return false;
    if (!std::holds_alternative<Operational>(impl_->phase)) return true;
    const auto& members = impl_->ctx.view.members;
    return std::any_of(members.begin(), members.end(),
                       [&](const Member& member) { return nodes.contains(member.node); });
}

void Ring::set_roster(base::Instant now, const base::NodeSet& roster) {
    impl_->begin(now);
    Context& ctx = impl_->ctx;
    const base::NodeSet gone = ctx.config.roster.minus(roster);
    ASSERT(roster.contains(ctx.self().node) && roster.size() <= wire::kMaxMembers &&
           (gone.empty() || !needed(gone)));
    ctx.config.roster = roster;
    for (const base::NodeId node : gone) {
        ctx.peers.erase(node);
        ctx.suspicions.erase(node);
        ctx.unheard.erase(node);
        ctx.nearby.nodes.erase(node);
        ctx.nearby.heard.erase(node);
        std::erase_if(ctx.nearby.broken,
                      [node](const auto& pair) { return pair.first == node || pair.second == node; });
    }
    impl_->settle();
}

base::Bytes Ring::last_words() {
    return wire::encode(wire::Leave{0, true});
}

void Ring::set_datagram_size(std::size_t bytes) {
    if (bytes == impl_->ctx.config.datagram_size) return;
    ASSERT(bytes >= 512 && bytes <= wire::kMaxDatagram);
    impl_->ctx.config.datagram_size = bytes;
    impl_->ctx.packer.set_payload_size(payload_size(impl_->ctx.config));
}

void Ring::set_receive_buffer(std::size_t bytes) {
    impl_->ctx.config.receive_buffer = bytes;
}

void Ring::overflowed(base::Instant now, std::uint64_t datagrams) {
    impl_->begin(now);
    impl_->ctx.counters.overflowed += datagrams;
    impl_->settle();
}

void Ring::leave(base::Instant now) {
    impl_->begin(now);
    if (std::holds_alternative<Left>(impl_->phase)) return;
    impl_->ctx.info(std::string(name(impl_->phase)) + " -> left: goodbye");
    impl_->ctx.send_all(wire::Leave{++impl_->ctx.serial});
    impl_->phase = Left{};
}

Outbox Ring::drain() {
    Context& ctx = impl_->ctx;
    Epochs& e = ctx.epochs;
    if (e.requested > e.announced) {
        ctx.out.persist_epoch = e.requested;
        e.announced = e.requested;
    }
    return std::exchange(ctx.out, {});
}

base::Instant Ring::next_deadline() const {
    if (std::holds_alternative<Left>(impl_->phase)) return base::Instant::never();
    if (impl_->poked) return impl_->last_input;
    // Being called this often is how an own pause is noticed.
    const base::Instant watch = impl_->last_input + impl_->ctx.config.token_timeout / 4;
    base::Instant question = base::Instant::never();
    for (const auto& [node, suspicion] : impl_->ctx.suspicions) {
        question = std::min(question, suspicion.ask_at);
    }
    return std::min(
        {watch, question,
         std::visit([&](const auto& p) { return totem::deadline(p, impl_->ctx); }, impl_->phase)});
}

RingStatus Ring::status() const {
    RingStatus status = impl_->ctx.counters;
    status.phase = name(impl_->phase);
    status.view = impl_->ctx.view;
    status.queued_bytes = impl_->ctx.packer.queued_bytes();
    std::visit([&](const auto& p) { totem::count_logs(p, status); }, impl_->phase);
    return status;
}

const std::deque<MembershipChange>& Ring::changes() const {
    return impl_->ctx.changes;
}

void Ring::check_invariants() const {
    const Context& ctx = impl_->ctx;
    ASSERT(ctx.epochs.used <= ctx.epochs.requested && ctx.epochs.durable <= ctx.epochs.requested);
    ASSERT(ctx.epochs.used <= ctx.epochs.seen);
    ASSERT(ctx.packer.queued_bytes() <= ctx.config.max_queued);
    for (const auto& [node, peer] : ctx.peers)
        ASSERT(ctx.in_roster(node) && peer.shared_seq <= ctx.epochs.used);
    std::visit([&](const auto& p) { totem::check_invariants(p, ctx); }, impl_->phase);
}

}  // namespace totem

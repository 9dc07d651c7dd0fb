// Operational: the token turns and messages are delivered in its order. An idle ring passes its token slowly;
// a ring of one has no token and orders by itself.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

// So many visits without anything to send, and the token is held: long enough that a request and its answer
// find it turning.
constexpr unsigned kQuietVisits = 16;

bool alone(const Operational& o) {
    return o.log.view.members.size() == 1;
}

Phase to_gather(Operational& o, Context& ctx, Episode episode, const std::string& why) {
    for (const Member& m : o.log.view.members) {
        episode.standings.add(m);
        ctx.nearby.nodes[m.node].hears.clear();  // who hears whom on the ring is to be seen anew
    }
    begin(ctx, episode);
    found(ctx, episode, episode.subject, why);
    return enter_gather(ctx, std::move(o.log), std::move(episode), "operational", why);
}

Supply queue_of(Context& ctx) {
    Supply supply;
    supply.backlog = [&ctx] {
        return ctx.packer.queued_bytes() + ctx.packer.backlog() * charge(wire::kDataHeader);
    };
    supply.next_charge = [&ctx] {
        return ctx.packer.empty() ? 0 : charge(wire::kDataHeader + ctx.packer.next_size());
    };
    supply.next = [&ctx] {
        wire::Data data;
        data.originator = ctx.self().node;
        wire::Packer::Packed packed = ctx.packer.next();
        data.guarantee = packed.guarantee;
        data.payload = std::move(packed.payload);
        return data;
    };
    return supply;
}

Next work(Operational& o, Context& ctx, wire::Token token) {
    o.held.reset();
    if (const auto lack = failed_to_receive(ctx, o.rotation, o.log)) {
        Episode episode;
        leave_alone(ctx, episode, o.log.view, *lack);
        return to_gather(o, ctx, std::move(episode), words(ctx.self().node, *lack));
    }
    o.wake_at = base::Instant::never();
    o.look_at = ctx.now + ctx.config.look_interval;
    visit(ctx, o.rotation, o.log, token, queue_of(ctx));
    pass(ctx, o.rotation, o.log, std::move(token));
    deliver_in_order(ctx, o.log);
    o.log.window.free_to(std::min(o.log.stable, o.log.delivered));
    return std::nullopt;
}

// A ring of one: what is queued is ordered and delivered at once.
void order_alone(Operational& o, Context& ctx) {
    const Supply supply = queue_of(ctx);
    while (supply.next_charge() > 0) {
        wire::Data data = supply.next();
        data.ring = o.log.view.ring;
        data.seq = base::Seq{o.log.window.high().value + 1};
        const bool stored = o.log.window.insert(std::move(data));
        ASSERT(stored);
        ++ctx.counters.sent;
        o.log.stable = o.log.window.high();
        deliver_in_order(ctx, o.log);
        o.log.window.free_to(o.log.delivered);
    }
}

// When to see whether the successor is there: never, if its end would be told anyway.
base::Instant next_look(const Operational& o, const Context& ctx) {
    return ctx.lifelines.contains(o.rotation.hop.successor) ? base::Instant::never() : o.look_at;
}

// An idle rotation must stay well below token loss, however many members there are.
base::Duration idle_hold(const Operational& o, const RingConfig& config) {
    const auto n = static_cast<std::int64_t>(o.log.view.members.size());
    return std::min(config.idle_interval, config.token_timeout / (4 * n));
}

base::Instant next_beacon(const Operational& o, const Context& ctx) {
    const bool first = ctx.is_self(o.log.view.members.front());
    const auto n = static_cast<std::int64_t>(o.log.view.members.size());
    const bool often = first || strangers_near(ctx, o.log.view.nodes());
    return ctx.now + ctx.config.merge_interval * (often ? 1 : n);
}

// Whether to gather with a process that is not on our ring: both must hear each other, and it must be worth
// it. A node of our own that has another ring has left ours.
bool welcome(const Operational& o, const Context& ctx, const Member& stranger) {
    if (!on_another_ring(ctx, stranger)) return false;
    if (find_member(o.log.view.members, stranger.node) != nullptr) return true;
    return mutual(ctx, stranger) && worthwhile(ctx, o.log.view.nodes(), stranger);
}

// There is a sign of life of a process that is not on our ring.
Next consider(Operational& o, Context& ctx, const Member& stranger) {
    if (!welcome(o, ctx, stranger)) {
        const base::NodeSet nodes = o.log.view.nodes();
        answer(ctx, nodes, true, stranger);
        o.beacon_at = std::min(o.beacon_at, ctx.now + ctx.config.merge_interval);
        return std::nullopt;
    }
    Episode episode;
    episode.reason = wire::Reason::foreign;
    episode.subject = stranger.node;
    episode.standings.add(stranger);
    const base::RingId ring = ctx.nearby.nodes[stranger.node].ring;
    Phase next =
        to_gather(o, ctx, std::move(episode),
                  "found ring " + base::to_string(ring) + " of node " + base::to_string(stranger.node));
    std::get_if<Gather>(&next)->rows.hears(stranger);
    return next;
}

}  // namespace

Next on(Operational& o, Context& ctx, const Member& from, const wire::Token& token) {
    if (!accept(ctx, o.rotation, o.log, from, token)) return std::nullopt;
    const bool idle = o.rotation.quiet_visits >= kQuietVisits && token.seq == o.rotation.passed_seq &&
                      token.aru == token.seq && token.retransmit.empty() && token.backlog == 0 &&
                      ctx.packer.empty();
    if (!idle) return work(o, ctx, token);
    ctx.send_to(from.node, wire::TokenAck{token.ring, token.token_seq});
    o.held = token;
    o.release_at = ctx.now + idle_hold(o, ctx.config);
    return std::nullopt;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::TokenAck& ack) {
    if (ack.ring == o.log.view.ring && o.log.has(from)) acknowledged(ctx, o.rotation, ack);
    return std::nullopt;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::Data& data) {
    if (data.ring != o.log.view.ring) {
        // Former traffic of rings that we shared with the sender is no sign of life.
        if (data.ring.seq <= ctx.peers[from.node].shared_seq) {
            ++ctx.counters.dropped;
            return std::nullopt;
        }
        heard(ctx, from);
        ctx.nearby.nodes[from.node].ring = data.ring;
        return consider(o, ctx, from);
    }
    // Nobody else sequences while we hold the token; unless two processes go by one member's name.
    if (o.held && data.seq > o.held->seq) {
        ++ctx.counters.dropped;
        return std::nullopt;
    }
    if (store(ctx, o.rotation, o.log, from, data)) deliver_in_order(ctx, o.log);
    return std::nullopt;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::Beacon& beacon) {
    if (beacon.ring != o.log.view.ring) return consider(o, ctx, from);
    // What a member says may show that somebody is not to be held off any more.
    for (const auto& [node, neighbour] : ctx.nearby.nodes) {
        const Member who = neighbour.who;
        if (find_member(o.log.view.members, node) == nullptr && welcome(o, ctx, who))
            return consider(o, ctx, who);
    }
    return std::nullopt;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::Wake& wake) {
    if (wake.ring != o.log.view.ring || !o.log.has(from)) return std::nullopt;
    o.rotation.quiet_visits = 0;
    if (o.held) o.release_at = ctx.now;
    return std::nullopt;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::Join& join) {
    const Member* member = find_member(o.log.view.members, from.node);
    const bool is_member = member != nullptr && from == *member;
    bool fails_us = false;
    for (const wire::NodeStanding& n : join.nodes) {
        fails_us |= n.node == ctx.self().node && n.standing >= wire::Standing{ctx.self().incarnation, true};
    }
    const bool fresh = join.ring_seq >= o.log.view.ring.seq;
    if (is_member && fresh && leaves(from, join)) {
        Episode episode;
        episode.reason = join.reason;
        episode.subject = episode.reporter = from.node;
        episode.lack = join.lack;
        episode.standings.fail(from);
        return to_gather(o, ctx, std::move(episode), words(from.node, *join.lack));
    }
    // A member's join from before this ring would tear it down for nothing; one that excludes us concerns
    // others.
    if (fails_us || leaves(from, join) || (is_member && !fresh)) {
        ++ctx.counters.dropped;
        return std::nullopt;
    }
    if (member == nullptr && (!mutual(ctx, from) || !worthwhile(ctx, o.log.view.nodes(), from))) {
        answer(ctx, o.log.view.nodes(), true, from);
        o.beacon_at = std::min(o.beacon_at, ctx.now + ctx.config.merge_interval);
        return std::nullopt;
    }
    Episode episode;
    std::string why = "node " + base::to_string(from.node);
    episode.subject = from.node;
    if (is_member) {
        episode.reason = join.reason;
        episode.subject = join.subject;
        episode.reporter = from.node;
        episode.lack = join.lack;
        why = words(episode, ctx.config);
    } else if (member != nullptr) {
        episode.reason = wire::Reason::restarted;
        why += " restarted";
    } else {
        episode.reason = wire::Reason::joined;
        why += " asks to join";
    }
    Phase next = to_gather(o, ctx, std::move(episode), why);
    static_cast<void>(on(*std::get_if<Gather>(&next), ctx, from, join));
    return next;
}

Next on(Operational& o, Context& ctx, const Member& from, const wire::Leave& leave) {
    if (!o.log.has(from)) return std::nullopt;
    Episode episode;
    episode.reason = leave.died ? wire::Reason::died : wire::Reason::left;
    episode.subject = from.node;
    return to_gather(o, ctx, std::move(episode), words(from, leave));
}

std::optional<Member> reckoned(const Operational& o, base::NodeId node) {
    const Member* member = find_member(o.log.view.members, node);
    return member == nullptr ? std::nullopt : std::optional(*member);
}

Next silent(Operational& o, Context& ctx, const Member& who) {
    Episode episode;
    episode.reason = wire::Reason::unreachable;
    episode.subject = who.node;
    episode.standings.fail(who);
    return to_gather(o, ctx, std::move(episode), words_of_silence(who));
}

Next advance(Operational& o, Context& ctx) {
    if (ctx.now >= o.rotation.lost_at) {
        Episode episode;
        episode.reason = wire::Reason::token_lost;
        return to_gather(o, ctx, std::move(episode), "token lost after " + words(ctx.config.token_timeout));
    }
    if (o.held && ctx.now >= o.release_at) {
        wire::Token token = *std::move(o.held);
        if (Next next = work(o, ctx, std::move(token))) return next;
    }
    if (ctx.now >= o.wake_at) {
        ctx.send_all(wire::Wake{o.log.view.ring});
        o.wake_at = ctx.now + ctx.config.hop_retry;
    }
    retry_hop(ctx, o.rotation);
    // A token may stay with a dead successor's machine, or have died with it: nothing else is sent there.
    if (ctx.now >= next_look(o, ctx)) {
        ctx.send_to(o.rotation.hop.successor, wire::Probe{wire::ProbeKind::look});
        o.look_at = ctx.now + ctx.config.look_interval;
    }
    if (ctx.now >= o.beacon_at) {
        ctx.send_all(make_beacon(ctx, o.log.view.nodes(), true));
        o.beacon_at = next_beacon(o, ctx);
    }
    return std::nullopt;
}

void submitted(Operational& o, Context& ctx) {
    if (alone(o)) {
        order_alone(o, ctx);
    } else if (o.held) {
        o.release_at = ctx.now;
    } else if (o.rotation.quiet_visits + 1 >= kQuietVisits && o.wake_at == base::Instant::never()) {
        o.wake_at = ctx.now;  // the token is held somewhere
    }
}

base::Instant deadline(const Operational& o, const Context& ctx) {
    const base::Instant release = o.held ? o.release_at : base::Instant::never();
    return std::min(
        {o.rotation.lost_at, o.rotation.hop.retry_at, release, o.wake_at, next_look(o, ctx), o.beacon_at});
}

void postpone(Operational& o, base::Duration pause) {
    postpone(o.rotation, pause);
}

void check_invariants(const Operational& o, const Context& ctx) {
    check_invariants(o.rotation, o.log);
    ASSERT(o.log.view == ctx.view);
    ASSERT(o.log.has(ctx.self()));
    ASSERT(o.log.view.ring.seq == ctx.epochs.used);
    // What is not delivered waits for a safe datagram that somebody may lack; an idle ring has none.
    const wire::Data* next = o.log.window.find(base::Seq{o.log.delivered.value + 1});
    ASSERT(o.log.delivered == o.log.window.aru() ||
           (next->guarantee == Guarantee::safe && next->seq > o.log.stable));
    ASSERT(!o.held || o.log.delivered == o.held->seq);
    ASSERT(alone(o) == (o.rotation.lost_at == base::Instant::never()));
    ASSERT(alone(o) == (o.look_at == base::Instant::never()));
    ASSERT(!o.held || o.held->token_seq == o.rotation.token_seq);
}

}  // namespace totem

// Gather: agree with everybody who answers on who is there. Joins are exchanged until all living nodes say
// the same; then the lowest of them makes the commit token. Standings only grow, so this ends.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

void send_join(Gather& g, Context& ctx) {
    const Episode& e = g.episode;
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used);
    const std::uint64_t serial = ++ctx.serial;
    const std::vector<wire::NodeStanding> nodes = e.standings.list();
    g.told = g.rows.own();
    ctx.send_all(wire::Join{serial, ring_seq, ctx.config.features, e.reason, e.subject, nodes,
                            g.rows.list(nodes, serial), e.lack});
    // A multicast join to a dead daemon is not refused by its machine; this is.
    for (const auto& [node, other] : g.others) {
        if (other.heard == base::Instant::never()) ctx.send_to(node, wire::Probe{wire::ProbeKind::look});
    }
    // +-10 %: nodes that started together don't stay in step.
    const std::int64_t interval = ctx.config.join_interval.ns;
    g.join_at =
        ctx.now + base::nanoseconds(interval * 9 / 10 + static_cast<std::int64_t>(ctx.rng.below(
                                                            static_cast<std::uint64_t>(interval) / 5 + 1)));
}

bool consensus(const Gather& g, const Context& ctx) {
    for (const auto& [node, other] : g.others) {
        if (!other.agrees) return false;
    }
    if (g.others.empty()) return ctx.now >= g.alone_until;
    return everybody_hears_everybody(g);
}

// Our row has become complete since we told it.
bool made_up_our_mind(const Gather& g) {
    for (const auto& [node, other] : g.others) {
        if (!other.deaf && other.heard == base::Instant::never()) return false;
    }
    const Row& own = g.rows.own();
    return own.heard != g.told.heard || own.deaf != g.told.deaf;
}

bool is_stranger(const Gather& g, const Member& who) {
    const wire::Standing* known = g.episode.standings.find(who.node);
    return known == nullptr || known->incarnation < who.incarnation;
}

base::NodeSet with_us(const Gather& g) {
    return nodes_of(g.episode.standings.living());
}

// Somebody of another ring is there. It is asked in if both of us hear each other.
void heard_of_stranger(Gather& g, Context& ctx, const Member& from) {
    if (!is_stranger(g, from)) return;
    if (!on_another_ring(ctx, from) || !mutual(ctx, from) || !worthwhile(ctx, with_us(g), from)) {
        answer(ctx, with_us(g), false, from);
    } else if (g.episode.standings.add(from)) {
        g.rows.hears(from);
        changed(g, ctx);
    }
}

}  // namespace

Phase enter_gather(Context& ctx, RingLog old, Episode episode, const char* from, const std::string& why) {
    ctx.info(std::string(from) + " -> gather: " + why);
    Standings& s = episode.standings;
    s.add(ctx.self());
    fail_gone(ctx, s);
    const bool starting = episode.reason == wire::Reason::start && s.size() == 1;
    const base::Instant alone_until = starting ? ctx.now + ctx.config.consensus_timeout : ctx.now;
    return Gather{
        std::move(episode), std::move(old), Rows(ctx.self()), {}, ctx.now, alone_until, ctx.now, {}};
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Join& join) {
    const wire::Standing* known = g.episode.standings.find(from.node);
    if (known == nullptr && !worthwhile(ctx, with_us(g), from)) {
        answer(ctx, with_us(g), false, from);
        return std::nullopt;
    }
    // Also of who holds us for failed: why we are left out is in its rows.
    g.rows.hears(from);
    g.rows.learn(join);
    const Opinion opinion = merge(ctx, g.episode, from, join);
    if (opinion == Opinion::ignored) return std::nullopt;
    if (opinion == Opinion::merged) {
        told_of_failures(g, ctx, from.node);
        changed(g, ctx);
    }
    refresh_others(g, ctx);
    const auto at = g.others.find(from.node);
    if (at == g.others.end()) return std::nullopt;
    at->second.heard = ctx.now;
    at->second.deaf = false;
    at->second.agrees = agrees(ctx, g.episode.standings, join);
    return std::nullopt;
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::CommitToken& token) {
    const std::vector<Member> living = g.episode.standings.living();
    const std::size_t n = living.size();
    bool fits = token.entries.size() == n && n > 1 && token.ring.seq > ctx.epochs.used &&
                token.ring.seq < kMaxRingSeq;
    for (std::size_t i = 0; fits && i < n; ++i) fits = token.entries[i].member == living[i];
    const auto me = std::find(living.begin(), living.end(), ctx.self());
    const auto index = static_cast<std::size_t>(me - living.begin());
    fits = fits && index > 0 && token.hop == index && from == living[index - 1];
    for (std::size_t i = 0; fits && i < n; ++i) fits = token.entries[i].filled == (i < index);
    if (!fits) {
        ++ctx.counters.dropped;
        ctx.debug("gather: a commit token for ring " + base::to_string(token.ring) +
                  " does not fit what we think");
        return std::nullopt;
    }
    if (!reserved(ctx, token.ring.seq)) return std::nullopt;  // it will be sent again
    conclude(g, ctx);
    wire::CommitToken mine = token;
    return enter_commit(ctx, std::move(g.episode), std::move(g.old), std::move(mine), index);
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Data& data) {
    // What is left of the old ring's traffic is one datagram less to recover.
    if (data.ring == g.old.view.ring) {
        if (!data.recovered && g.old.has(from) &&
            find_member(g.old.view.members, data.originator) != nullptr) {
            static_cast<void>(g.old.window.insert(data));
        }
    } else if (data.ring.seq > ctx.peers[from.node].shared_seq) {
        heard(ctx, from);
        ctx.nearby.nodes[from.node].ring = data.ring;
        heard_of_stranger(g, ctx, from);
    }
    return std::nullopt;
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Beacon& /*beacon*/) {
    heard_of_stranger(g, ctx, from);
    return std::nullopt;
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Leave& leave) {
    if (fail_gone(ctx, g.episode.standings)) {
        ctx.info("gather: " + words(from, leave));
        found(ctx, g.episode, from.node, words(from, leave));
        changed(g, ctx);
    }
    return std::nullopt;
}

std::optional<Member> reckoned(const Gather& g, base::NodeId node) {
    const auto at = g.others.find(node);
    if (at == g.others.end()) return std::nullopt;
    return Member{node, at->second.incarnation};
}

// It may be silent to us alone: it is a matter of who hears whom, like any other silence.
Next silent(Gather& g, Context& ctx, const Member& who) {
    const auto at = g.others.find(who.node);
    if (at == g.others.end() || at->second.deaf) return std::nullopt;
    ctx.info("gather: " + words_of_silence(who));
    found(ctx, g.episode, who.node, words_of_silence(who));
    at->second.deaf = true;
    at->second.agrees = false;
    g.rows.is_deaf_to(who);
    return std::nullopt;
}

Next advance(Gather& g, Context& ctx) {
    settle(g, ctx);
    const bool agreed = consensus(g, ctx);
    if (made_up_our_mind(g)) g.join_at = ctx.now;
    // Even with consensus: the others may lack our last join.
    if (ctx.now >= g.join_at) send_join(g, ctx);
    const std::vector<Member> living = g.episode.standings.living();
    if (!agreed || !ctx.is_self(living.front())) return std::nullopt;
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used) + 1;
    if (!reserved(ctx, ring_seq)) return std::nullopt;  // epoch_persisted() brings us back here
    conclude(g, ctx);
    if (living.size() == 1) return enter_alone(ctx, std::move(g.episode), std::move(g.old));
    wire::CommitToken token;
    token.ring = ring_of(ring_seq, living);
    token.features = ctx.config.features;
    token.window = largest_window(ctx.config);
    for (const Member& m : living) token.entries.emplace_back().member = m;
    return enter_commit(ctx, std::move(g.episode), std::move(g.old), std::move(token), 0);
}

base::Instant deadline(const Gather& g, const Context& ctx) {
    base::Instant at = std::min(g.join_at, settles_at(g, ctx));
    if (g.others.empty() && g.alone_until > ctx.now) at = std::min(at, g.alone_until);
    return at;
}

void postpone(Gather& g, base::Duration pause) {
    g.alone_until = g.alone_until + pause;
    g.settled_at = g.settled_at + pause;
    // Whom we hear is to be seen anew, and whom we did not hear may have spoken while we did not listen.
    g.rows.forget_own();
    for (auto& [node, other] : g.others) {
        const bool was_heard = other.heard != base::Instant::never();
        other.since = (was_heard ? other.heard : other.since) + pause;
        other.heard = base::Instant::never();
        other.agrees = false;
        other.deaf = false;
    }
}

void check_invariants(const Gather& g, const Context& ctx) {
    g.old.window.check_invariants();
    ASSERT(g.old.delivered <= g.old.window.aru());
    ASSERT(g.episode.standings.alive(ctx.self()));
    ASSERT(g.episode.standings.size() <= ctx.config.roster.size());
    for (const wire::NodeStanding& n : g.episode.standings.list()) ASSERT(ctx.in_roster(n.node));
    for (const auto& [node, other] : g.others) {
        ASSERT(g.episode.standings.find(node) != nullptr && other.incarnation.value > 0);
    }
}

}  // namespace totem

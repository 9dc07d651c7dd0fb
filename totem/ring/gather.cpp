// Gather: agree with everybody who answers on who is there. Joins are exchanged until all living nodes say
// the same; then the lowest of them makes the commit token. Standings only grow, so this ends.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

// A node that answered and then fell silent, or keeps answering but never agrees, gets longer than one that
// never answered: it may be committing to a ring already. Both only end standoffs that should not exist.
constexpr std::int64_t kHeardPatience = 2;
constexpr std::int64_t kDisagreePatience = 4;

void changed(Gather& g, const Context& ctx) {
    for (auto& [node, other] : g.others) other.agrees = false;
    g.settled_at = ctx.now;
    g.join_at = ctx.now;
}

// Brings `others` in line with the standings.
void refresh_others(Gather& g, const Context& ctx) {
    std::map<base::NodeId, Gather::Other> now_others;
    for (const Member& m : g.episode.standings.living()) {
        if (ctx.is_self(m)) continue;
        const auto at = g.others.find(m.node);
        const bool same = at != g.others.end() && at->second.incarnation == m.incarnation;
        now_others[m.node] =
            same ? at->second : Gather::Other{m.incarnation, ctx.now, base::Instant::never(), false};
    }
    g.others = std::move(now_others);
}

void send_join(Gather& g, Context& ctx) {
    const Episode& e = g.episode;
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used);
    ctx.send_all(wire::Join{++ctx.serial, ring_seq, 0, e.reason, e.subject, e.standings.list()});
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

base::Instant gives_up_at(const Gather& g, const Gather::Other& other, base::Duration consensus) {
    if (other.heard == base::Instant::never()) return other.since + consensus;
    const base::Instant silent = other.heard + consensus * kHeardPatience;
    if (other.agrees) return silent;
    return std::min(silent, std::max(g.settled_at, other.since) + consensus * kDisagreePatience);
}

void fail_silent(Gather& g, const Context& ctx) {
    bool any = false;
    for (const auto& [node, other] : g.others) {
        if (ctx.now < gives_up_at(g, other, ctx.config.consensus_timeout)) continue;
        const bool heard = other.heard != base::Instant::never();
        const base::Duration since = ctx.now - (heard ? other.heard : other.since);
        const std::string text = "node " + base::to_string(node) +
                                 (heard ? " does not agree, last heard " : " did not answer for ") +
                                 words(since) + (heard ? " ago" : "");
        ctx.info("gather: " + text + ", held for failed");
        found(ctx, g.episode, node, text);
        any |= g.episode.standings.fail({node, other.incarnation});
    }
    if (any) changed(g, ctx);
}

bool consensus(const Gather& g, const Context& ctx) {
    for (const auto& [node, other] : g.others) {
        if (!other.agrees) return false;
    }
    return !g.others.empty() || ctx.now >= g.alone_until;
}

void heard_of_stranger(Gather& g, const Context& ctx, const Member& from) {
    if (g.episode.standings.add(from)) changed(g, ctx);
}

}  // namespace

Phase enter_gather(Context& ctx, RingLog old, Episode episode, const char* from, const std::string& why) {
    ctx.info(std::string(from) + " -> gather: " + why);
    Standings& s = episode.standings;
    s.add(ctx.self());
    fail_gone(ctx, s);
    const bool starting = episode.reason == wire::Reason::start && s.size() == 1;
    const base::Instant alone_until = starting ? ctx.now + ctx.config.consensus_timeout : ctx.now;
    return Gather{std::move(episode), std::move(old), {}, ctx.now, alone_until, ctx.now};
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Join& join) {
    const Opinion opinion = merge(ctx, g.episode, from, join);
    if (opinion == Opinion::ignored) return std::nullopt;
    if (opinion == Opinion::merged) changed(g, ctx);
    refresh_others(g, ctx);
    const auto at = g.others.find(from.node);
    if (at == g.others.end()) return std::nullopt;
    at->second.heard = ctx.now;
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
        heard_of_stranger(g, ctx, from);
    }
    return std::nullopt;
}

Next on(Gather& g, Context& ctx, const Member& from, const wire::Beacon& beacon) {
    if (beacon.ring.seq > ctx.peers[from.node].shared_seq) heard_of_stranger(g, ctx, from);
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

Next silent(Gather& g, Context& ctx, const Member& who) {
    if (!g.episode.standings.fail(who)) return std::nullopt;
    ctx.info("gather: " + words_of_silence(who));
    found(ctx, g.episode, who.node, words_of_silence(who));
    changed(g, ctx);
    return std::nullopt;
}

Next advance(Gather& g, Context& ctx) {
    refresh_others(g, ctx);
    fail_silent(g, ctx);
    refresh_others(g, ctx);
    const bool agreed = consensus(g, ctx);
    // Even with consensus: the others may lack our last join.
    if (ctx.now >= g.join_at) send_join(g, ctx);
    const std::vector<Member> living = g.episode.standings.living();
    if (!agreed || !ctx.is_self(living.front())) return std::nullopt;
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used) + 1;
    if (!reserved(ctx, ring_seq)) return std::nullopt;  // epoch_persisted() brings us back here
    if (living.size() == 1) return enter_alone(ctx, std::move(g.episode), std::move(g.old));
    wire::CommitToken token;
    token.ring = {ring_seq, ctx.self().node, ctx.self().incarnation};
    for (const Member& m : living) token.entries.push_back({m, false, {}, {}, {}});
    return enter_commit(ctx, std::move(g.episode), std::move(g.old), std::move(token), 0);
}

base::Instant deadline(const Gather& g, const Context& ctx) {
    base::Instant at = g.join_at;
    for (const auto& [node, other] : g.others) {
        at = std::min(at, gives_up_at(g, other, ctx.config.consensus_timeout));
    }
    if (g.others.empty() && g.alone_until > ctx.now) at = std::min(at, g.alone_until);
    return at;
}

void postpone(Gather& g, base::Duration pause) {
    g.alone_until = g.alone_until + pause;
    g.settled_at = g.settled_at + pause;
    for (auto& [node, other] : g.others) {
        other.since = other.since + pause;
        other.heard = other.heard + pause;
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

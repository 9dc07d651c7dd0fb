// Gather's settlement. Each node waits for each other for a while and publishes the outcome as its row. When
// all who can be heard of have decided, and not everybody hears everybody, all compute the same choice from
// the same rows, and hold whoever is not in their own set for failed. A node that nobody hears has no edges
// in that matrix: it fails by the same rule.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

// A node that answered and then fell silent gets longer than one that never answered: it may be committing to
// a ring already. One that keeps answering but never agrees, or never makes up its mind, gets longer still;
// that only ends standoffs that should not exist.
constexpr std::int64_t kHeardPatience = 2;
constexpr std::int64_t kDisagreePatience = 4;

// The wait for an answer. Of whom no link hears anything only for so long that a join and the answer to the
// next one (each after 1.1 intervals at most) may be lost.
base::Duration patience(const Context& ctx, base::NodeId node) {
    const RingConfig& config = ctx.config;
    if (!ctx.unheard.contains(node)) return config.consensus_timeout;
    return std::min(config.consensus_timeout, config.join_interval * 5 / 2);
}

base::Instant silent_at(const Context& ctx, base::NodeId node, const Gather::Other& other) {
    if (other.deaf) return base::Instant::never();
    if (other.heard == base::Instant::never()) return other.since + patience(ctx, node);
    return other.heard + ctx.config.consensus_timeout * kHeardPatience;
}

base::Instant stubborn_at(const Gather& g, const Gather::Other& other, const RingConfig& config) {
    if (other.deaf || other.agrees || other.heard == base::Instant::never()) return base::Instant::never();
    return std::max(g.settled_at, other.since) + config.consensus_timeout * kDisagreePatience;
}

base::Instant overdue_at(const Gather& g, const RingConfig& config) {
    return g.settled_at + config.consensus_timeout * kDisagreePatience;
}

void give_up_waiting(Gather& g, const Context& ctx) {
    bool any = false;
    for (auto& [node, other] : g.others) {
        const Member who{node, other.incarnation};
        if (ctx.now >= silent_at(ctx, node, other)) {
            other.deaf = true;
            other.agrees = false;
            g.rows.is_deaf_to(who);
        } else if (ctx.now >= stubborn_at(g, other, ctx.config)) {
            const std::string text = "node " + base::to_string(node) + " does not agree, last heard " +
                                     words(ctx.now - other.heard) + " ago";
            ctx.info("gather: " + text + ", held for failed");
            found(ctx, g.episode, node, text);
            any |= g.episode.standings.fail(who);
        }
    }
    if (any) changed(g, ctx);
}

// "node 3 did not answer for 300 ms"
std::string words_of_waiting(const Context& ctx, base::NodeId node, const Gather::Other& other) {
    const std::string name = "node " + base::to_string(node);
    if (other.heard == base::Instant::never()) {
        return name + " did not answer for " + words(ctx.now - other.since) +
               (ctx.unheard.contains(node) ? ", and no link hears it" : "");
    }
    return name + " fell silent " + words(ctx.now - other.heard) + " ago";
}

void leave_out(Gather& g, const Context& ctx, const Member& who, bool present) {
    if (present) {  // who does not hear whom is told when gather ends
        ctx.info("gather: node " + base::to_string(who.node) + " is left out: not everybody hears everybody");
    } else {
        const std::string text = words_of_waiting(ctx, who.node, g.others.at(who.node));
        ctx.info("gather: " + text + ", held for failed");
        found(ctx, g.episode, who.node, text);
    }
    static_cast<void>(g.episode.standings.fail(who));
}

void choose_ring(Gather& g, const Context& ctx) {
    const Matrix m = g.rows.over(g.episode.standings.living());
    if (m.full() || (!m.decided() && ctx.now < overdue_at(g, ctx.config))) return;
    const auto self = static_cast<std::size_t>(std::find(m.members.begin(), m.members.end(), ctx.self()) -
                                               m.members.begin());
    const std::uint64_t mine = m.chosen(self);
    for (std::size_t i = 0; i < m.members.size(); ++i) {
        if ((mine >> i & 1) == 0) leave_out(g, ctx, m.members[i], (m.present >> i & 1) != 0);
    }
    changed(g, ctx);
}

std::vector<Member> everybody(const Standings& standings) {
    std::vector<Member> members;
    for (const wire::NodeStanding& n : standings.list()) members.push_back({n.node, n.standing.incarnation});
    return members;
}

}  // namespace

void changed(Gather& g, const Context& ctx) {
    for (auto& [node, other] : g.others) other.agrees = false;
    g.settled_at = ctx.now;
    g.join_at = ctx.now;
}

void told_of_failures(Gather& g, const Context& ctx, base::NodeId by) {
    const Matrix m = g.rows.over(everybody(g.episode.standings));
    for (std::size_t i = 0; i < m.members.size(); ++i) {
        const Member& who = m.members[i];
        const auto at = g.others.find(who.node);
        const bool news = at != g.others.end() && at->second.incarnation == who.incarnation &&
                          !g.episode.standings.alive(who);
        if (!news || who.node == by || (m.present >> i & 1) != 0) continue;
        if (at->second.deaf) {
            found(ctx, g.episode, who.node, words_of_waiting(ctx, who.node, at->second));
        } else {
            found_by(
                ctx, g.episode, who.node, by,
                "node " + base::to_string(by) + " holds node " + base::to_string(who.node) + " for failed");
        }
    }
}

void refresh_others(Gather& g, const Context& ctx) {
    std::map<base::NodeId, Gather::Other> now_others;
    for (const Member& m : g.episode.standings.living()) {
        if (ctx.is_self(m)) continue;
        const auto at = g.others.find(m.node);
        const bool same = at != g.others.end() && at->second.incarnation == m.incarnation;
        now_others[m.node] =
            same ? at->second : Gather::Other{m.incarnation, ctx.now, base::Instant::never(), false, false};
    }
    g.others = std::move(now_others);
}

void settle(Gather& g, Context& ctx) {
    refresh_others(g, ctx);
    give_up_waiting(g, ctx);
    choose_ring(g, ctx);
    refresh_others(g, ctx);
}

base::Instant settles_at(const Gather& g, const Context& ctx) {
    base::Instant at = base::Instant::never();
    for (const auto& [node, other] : g.others) {
        at = std::min({at, silent_at(ctx, node, other), stubborn_at(g, other, ctx.config)});
    }
    if (!g.others.empty() && !everybody_hears_everybody(g)) at = std::min(at, overdue_at(g, ctx.config));
    return at;
}

bool everybody_hears_everybody(const Gather& g) {
    return g.rows.over(g.episode.standings.living()).full();
}

void conclude(Gather& g, Context& ctx) {
    const Standings& standings = g.episode.standings;
    const Matrix m = g.rows.over(everybody(standings));
    judge(ctx, m);
    for (std::size_t i = 0; i < m.members.size(); ++i) {
        for (std::size_t j = 0; j < m.members.size(); ++j) {
            const bool here = (m.present >> i & 1) != 0 && (m.present >> j & 1) != 0;
            const bool across = standings.alive(m.members[i]) != standings.alive(m.members[j]);
            if (!here || !across || (m.deaf[i] >> j & 1) == 0) continue;
            const base::NodeId a = m.members[i].node, b = m.members[j].node;
            const bool a_stays = standings.alive(m.members[i]);
            const std::pair<base::NodeId, base::NodeId> pair{a, b};
            std::vector<std::pair<base::NodeId, base::NodeId>>& known = g.episode.deaf;
            if (std::find(known.begin(), known.end(), pair) != known.end()) continue;
            known.push_back(pair);
            found_by(ctx, g.episode, a_stays ? b : a, a == ctx.self().node ? base::NodeId{} : a,
                     "node " + base::to_string(a) + " does not hear node " + base::to_string(b));
        }
    }
}

}  // namespace totem

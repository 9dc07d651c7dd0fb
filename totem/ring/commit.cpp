// Commit: the commit token goes round; on its first pass each member enters what it has of its old ring. From
// here until the ring is installed the old log takes no datagram that was not recovered by everybody: what we
// declared must stay true.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

Phase back_to_gather(Commit& c, Context& ctx, base::NodeId subject, const std::string& why) {
    book(ctx, c.episode, &Episode::in_commit);
    found(ctx, c.episode, subject, why);
    return enter_gather(ctx, std::move(c.old), std::move(c.episode), "commit", why);
}

const Member& predecessor(const Commit& c) {
    const std::size_t n = c.token.entries.size();
    return c.token.entries[(c.index + n - 1) % n].member;
}

const Member& successor(const Commit& c) {
    return c.token.entries[(c.index + 1) % c.token.entries.size()].member;
}

bool holds(const wire::CommitToken& token, const Member& m) {
    for (const wire::CommitEntry& e : token.entries) {
        if (e.member == m) return true;
    }
    return false;
}

}  // namespace

Phase enter_commit(Context& ctx, Episode episode, RingLog old, wire::CommitToken token, std::size_t index) {
    ASSERT(token.ring.seq > ctx.epochs.used && token.ring.seq <= ctx.epochs.requested);
    book(ctx, episode, &Episode::in_gather);
    ++episode.attempts;
    ctx.epochs.used = token.ring.seq;
    ctx.epochs.seen = std::max(ctx.epochs.seen, token.ring.seq);
    wire::CommitEntry& mine = token.entries[index];
    ASSERT(ctx.is_self(mine.member));
    mine.filled = true;
    mine.old_ring = old.view.ring;
    mine.stable = old.stable;
    mine.aru = old.window.aru();
    mine.high = old.window.high();
    mine.obliged = old.obliged;
    mine.held = old.window.held(wire::kMaxRanges);
    token.features &= ctx.config.features;
    token.window = std::min(token.window, largest_window(ctx.config));
    ++token.hop;
    std::vector<Member> members;
    for (const wire::CommitEntry& e : token.entries) {
        members.push_back(e.member);
        // A member may be known from others' joins alone; its first own frame must not count as a new
        // process's.
        Peer& peer = ctx.peers[e.member.node];
        if (e.member.incarnation > peer.newest) {
            peer.newest = e.member.incarnation;
            peer.serial = 0;
        }
        peer.shared_seq = token.ring.seq;
    }
    ctx.info("gather -> commit: consensus of " + names(members) + " for ring " + base::to_string(token.ring) +
             " after " + words(ctx.now - episode.began));
    Commit commit{std::move(episode),
                  std::move(old),
                  std::move(token),
                  index,
                  ctx.now + commit_retry(ctx.config),
                  ctx.now + ctx.config.consensus_timeout};
    ctx.send_to(successor(commit).node, commit.token);
    return commit;
}

Next on(Commit& c, Context& ctx, const Member& from, const wire::CommitToken& token) {
    const std::size_t n = c.token.entries.size();
    bool fits = token.ring == c.token.ring && token.entries.size() == n && token.hop == n + c.index &&
                from == predecessor(c);
    for (std::size_t i = 0; fits && i < n; ++i) {
        fits = token.entries[i].filled && token.entries[i].member == c.token.entries[i].member;
    }
    fits = fits && (token.features & c.token.features) == token.features && token.window <= c.token.window;
    // What those before us and we ourselves entered must not have changed.
    for (std::size_t i = 0; fits && i <= c.index; ++i) fits = token.entries[i] == c.token.entries[i];
    if (!fits) {
        ++ctx.counters.dropped;
        return std::nullopt;
    }
    return enter_recovery(ctx, std::move(c), token);
}

Next on(Commit& c, Context& ctx, const Member& from, const wire::Join& join) {
    for (const wire::CommitEntry& e : c.token.entries) {
        if (e.member.node != from.node) continue;
        const bool restarted = from.incarnation > e.member.incarnation;
        const bool moved_on = from == e.member && join.ring_seq >= c.token.ring.seq;
        const bool differs =
            from == e.member && !leaves(from, join) && has_news(ctx, c.episode.standings, join);
        if (!restarted && !moved_on && !differs) break;
        if (leaves(from, join)) {
            c.episode.standings.fail(from);
            return back_to_gather(c, ctx, from.node, words(from.node, *join.lack));
        }
        Phase next = back_to_gather(c, ctx, from.node,
                                    "node " + base::to_string(from.node) +
                                        (restarted  ? " restarted"
                                         : moved_on ? " gave it up"
                                                    : " knows more"));
        static_cast<void>(on(*std::get_if<Gather>(&next), ctx, from, join));
        return next;
    }
    ++ctx.counters.dropped;  // of the time before the commit token, or of a stranger, who will repeat it
    return std::nullopt;
}

Next on(Commit& c, Context& ctx, const Member& from, const wire::Leave& leave) {
    if (!holds(c.token, from)) return std::nullopt;
    return back_to_gather(c, ctx, from.node, words(from, leave));
}

std::optional<Member> reckoned(const Commit& c, base::NodeId node) {
    for (const wire::CommitEntry& e : c.token.entries) {
        if (e.member.node == node) return e.member;
    }
    return std::nullopt;
}

Next silent(Commit& c, Context& ctx, const Member& who) {
    c.episode.standings.fail(who);
    return back_to_gather(c, ctx, who.node, words_of_silence(who));
}

Next advance(Commit& c, Context& ctx) {
    if (ctx.now >= c.lost_at) {
        return back_to_gather(c, ctx, {}, "commit token lost for " + words(ctx.config.consensus_timeout));
    }
    if (ctx.now >= c.resend_at) {
        ctx.send_to(successor(c).node, c.token);
        c.resend_at = ctx.now + commit_retry(ctx.config);
    }
    return std::nullopt;
}

base::Instant deadline(const Commit& c, const Context& /*ctx*/) {
    return std::min(c.resend_at, c.lost_at);
}

void postpone(Commit& c, base::Duration pause) {
    c.lost_at = c.lost_at + pause;
}

void check_invariants(const Commit& c, const Context& ctx) {
    c.old.window.check_invariants();
    ASSERT(c.token.ring.seq == ctx.epochs.used);
    ASSERT(c.index < c.token.entries.size() && ctx.is_self(c.token.entries[c.index].member));
    const wire::CommitEntry& mine = c.token.entries[c.index];
    ASSERT(mine.filled && mine.aru == c.old.window.aru() && mine.high == c.old.window.high());
}

}  // namespace totem

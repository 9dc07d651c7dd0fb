// Installing a ring: the extended virtual synchrony part. The order of what is emitted here is the guarantee.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

// " (node 1 does not hear node 3)"
std::string words_of_deafness(const std::vector<std::pair<base::NodeId, base::NodeId>>& deaf) {
    constexpr std::size_t kNamed = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(deaf.size(), kNamed); ++i) {
        text += (i == 0 ? " (node " : ", node ") + base::to_string(deaf[i].first) + " does not hear node " +
                base::to_string(deaf[i].second);
    }
    if (deaf.size() > kNamed) text += ", and " + std::to_string(deaf.size() - kNamed) + " more such pairs";
    return text.empty() ? text : text + ")";
}

// Why the view changed, in words: the first cause, then who is missing and who is new.
std::string cause(const Context& ctx, const Episode& episode, const View& before, const View& after) {
    std::string text = words(episode, ctx.config);
    std::vector<Member> without;
    std::vector<Member> with;
    for (const Member& m : before.members) {
        if (find_member(after.members, m.node) == nullptr) without.push_back(m);
    }
    for (const Member& m : after.members) {
        if (find_member(before.members, m.node) == nullptr) with.push_back(m);
    }
    if (!without.empty()) text += "; without " + names(without) + words_of_deafness(episode.deaf);
    if (!with.empty() && before.ring.seq != 0) text += "; with " + names(with);
    return text;
}

// Whom we were or wanted to be with, and are not, and who did not say goodbye.
void count_losses(Context& ctx, const Standings& gathered, const View& after) {
    for (const wire::NodeStanding& s : gathered.list()) {
        const Member m{s.node, s.standing.incarnation};
        const auto peer = ctx.peers.find(m.node);
        if (peer == ctx.peers.end() || peer->second.newest != m.incarnation) continue;
        if (peer->second.gone >= m.incarnation || find_member(after.members, m.node) != nullptr) continue;
        lost(ctx, m);
    }
}

void record(Context& ctx, const Episode& episode, const View& view) {
    ctx.changes.push_back({episode.reason, episode.findings, ctx.now, episode.in_gather, episode.in_commit,
                           episode.in_recovery, episode.attempts, ctx.view, view});
    if (ctx.changes.size() > kChangesKept) ctx.changes.pop_front();
}

// Closes the old ring and announces the new one.
void install(Context& ctx, const Episode& episode, RingLog& old, const std::vector<Member>& transitional,
             const View& view, std::uint32_t features) {
    // 1. In the old regular view: everything up to the first gap, or the first safe datagram of which nobody
    // here knows that all of that view have it. Everybody in `transitional` has the same datagrams now, and
    // what one knows to be stable they all know.
    deliver_in_order(ctx, old);
    // 2. The transitional view; a process that just started comes from nowhere and has none.
    if (old.is_ring()) ctx.out.events.emplace_back(Transitional{View{old.view.ring, transitional}});
    // 3. In it: the rest. A gap means that nobody here has that datagram, so its originator is gone; what
    //    other departed nodes sent after it may depend on it and is dropped. Who is here holds all its own,
    //    so none of theirs is missing; the same is true of those to whom somebody here is obliged.
    bool gap = false;
    for (base::Seq seq{old.delivered.value + 1}; seq <= old.window.high(); ++seq.value) {
        const wire::Data* data = old.window.find(seq);
        gap |= data == nullptr;
        if (data == nullptr || data->recovered) continue;
        if (!gap || (old.obliged & old.bit_of(data->originator)) != 0) deliver(ctx, old, *data, true);
    }
    // 4. The regular view. Parts of messages are forgotten with the old log; their senders start them again.
    const std::string why = cause(ctx, episode, old.view, view);
    ctx.packer.restart_partial();
    record(ctx, episode, view);
    count_losses(ctx, episode.standings, view);
    ctx.view = view;
    ++ctx.counters.views;
    ctx.counters.features = features;
    ctx.counters.rotation = {};
    ctx.out.events.emplace_back(Regular{view, why, features});
    ctx.info("operational: ring " + base::to_string(view.ring) + " of " + names(view.members) + " (" + why +
             ")");
}

}  // namespace

Phase enter_operational(Context& ctx, Recovery r) {
    ASSERT(r.pending.empty() && r.old.obliged == r.obliged);
    book(ctx, r.episode, &Episode::in_recovery);
    install(ctx, r.episode, r.old, r.transitional, r.log.view, r.commit.features);
    Operational o{std::move(r.log), std::move(r.rotation), {}};
    o.beacon_at = ctx.now + ctx.config.merge_interval;
    o.look_at = ctx.now + ctx.config.look_interval;
    // Members that were installed before us may have sent already.
    deliver_in_order(ctx, o.log);
    return o;
}

Phase enter_alone(Context& ctx, Episode episode, RingLog old) {
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used) + 1;
    book(ctx, episode, &Episode::in_gather);
    ctx.epochs.used = ring_seq;
    ctx.epochs.seen = ring_seq;
    const View view{ring_of(ring_seq, {ctx.self()}), {ctx.self()}};
    ctx.info("gather -> operational: nobody else is there after " + words(ctx.now - episode.began));
    old.obliged |= old.bit_of(ctx.self().node);
    install(ctx, episode, old, {ctx.self()}, view, ctx.config.features);
    Operational o{RingLog(view, ctx.config.window), {}, {}};
    o.rotation.flow.agreed = o.rotation.flow.window = largest_window(ctx.config);
    // Who has left a ring lets the others hear of that first.
    o.beacon_at = episode.lack ? ctx.now + ctx.config.merge_interval : ctx.now;
    submitted(o, ctx);
    return o;
}

}  // namespace totem

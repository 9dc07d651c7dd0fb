// Installing a ring: the extended virtual synchrony part. The order of what is emitted here is the guarantee.
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

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
    if (!without.empty()) text += "; without " + names(without);
    if (!with.empty() && before.ring.seq != 0) text += "; with " + names(with);
    return text;
}

void record(Context& ctx, const Episode& episode, const View& view) {
    ctx.changes.push_back({episode.reason, episode.findings, ctx.now, episode.in_gather, episode.in_commit,
                           episode.in_recovery, episode.attempts, ctx.view, view});
    if (ctx.changes.size() > kChangesKept) ctx.changes.pop_front();
}

// Closes the old ring and announces the new one.
void install(Context& ctx, const Episode& episode, RingLog& old, const std::vector<Member>& transitional,
             const View& view) {
    // 1. In the old regular view: everything up to the first gap. Everybody in `transitional` has the same
    // datagrams now.
    deliver_in_order(ctx, old);
    // 2. The transitional view; a process that just started comes from nowhere and has none.
    if (old.is_ring()) ctx.out.events.emplace_back(Transitional{View{old.view.ring, transitional}});
    // 3. In it: the rest. A gap means that nobody here has that datagram, so its originator is gone; what
    // other departed nodes
    //    sent after it may depend on it and is dropped. Who is here holds all its own, so none of theirs is
    //    missing.
    for (base::Seq seq{old.delivered.value + 1}; seq <= old.window.high(); ++seq.value) {
        const wire::Data* data = old.window.find(seq);
        if (data == nullptr || data->recovered) continue;
        if (find_member(transitional, data->originator) != nullptr) deliver(ctx, old, *data, true);
    }
    // 4. The regular view. Parts of messages are forgotten with the old log; their senders start them again.
    const std::string why = cause(ctx, episode, old.view, view);
    ctx.packer.restart_partial();
    record(ctx, episode, view);
    ctx.view = view;
    ++ctx.counters.views;
    ctx.counters.rotation = {};
    ctx.out.events.emplace_back(Regular{view, why});
    ctx.info("operational: ring " + base::to_string(view.ring) + " of " + names(view.members) + " (" + why +
             ")");
}

}  // namespace

Phase enter_operational(Context& ctx, Recovery r) {
    ASSERT(r.pending.empty());
    book(ctx, r.episode, &Episode::in_recovery);
    install(ctx, r.episode, r.old, r.transitional, r.log.view);
    Operational o{std::move(r.log), std::move(r.rotation), {}};
    if (ctx.is_self(o.log.view.members.front())) o.beacon_at = ctx.now + ctx.config.merge_interval;
    o.look_at = ctx.now + ctx.config.idle_interval;
    // Members that were installed before us may have sent already.
    deliver_in_order(ctx, o.log);
    return o;
}

Phase enter_alone(Context& ctx, Episode episode, RingLog old) {
    const std::uint64_t ring_seq = std::max(ctx.epochs.seen, ctx.epochs.used) + 1;
    book(ctx, episode, &Episode::in_gather);
    ctx.epochs.used = ring_seq;
    ctx.epochs.seen = ring_seq;
    const View view{base::RingId{ring_seq, ctx.self().node, ctx.self().incarnation}, {ctx.self()}};
    ctx.info("gather -> operational: nobody else is there after " + words(ctx.now - episode.began));
    install(ctx, episode, old, {ctx.self()}, view);
    Operational o{RingLog(view, log_capacity(ctx.config)), {}, {}};
    o.beacon_at = ctx.now;
    submitted(o, ctx);
    return o;
}

}  // namespace totem

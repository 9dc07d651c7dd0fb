// Recovery: on the new ring, under its own token, the members that come from one old ring send each other
// what some of them lack of it, encapsulated in the new ring's datagrams. When all have everything, the ring
// is installed. What was recovered is kept in the old log at once, so that it survives an attempt that fails.
#include <algorithm>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

namespace {

Phase back_to_gather(Recovery& r, Context& ctx, base::NodeId subject, const std::string& why) {
    book(ctx, r.episode, &Episode::in_recovery);
    found(ctx, r.episode, subject, why);
    return enter_gather(ctx, std::move(r.old), std::move(r.episode), "recovery", why);
}

// Passes over the recovered datagrams at the beginning of the new ring: nothing is to be delivered of them
// here.
void skip_recovered(RingLog& log) {
    const wire::Data* data = log.window.find(base::Seq{log.delivered.value + 1});
    while (data != nullptr && data->recovered) {
        ++log.delivered.value;
        data = log.window.find(base::Seq{log.delivered.value + 1});
    }
}

// A datagram of the old ring, as it is sent on the new one.
wire::Data recovered(const Recovery& r, base::Seq seq, base::NodeId self) {
    const wire::Data* old = r.old.window.find(seq);
    ASSERT(old != nullptr);
    wire::Data data;
    data.originator = self;  // of the new ring's datagram; the old one's is inside
    data.guarantee = old->guarantee;
    data.recovered = wire::Origin{r.old.view.ring, seq, old->originator};
    data.payload = old->payload;
    return data;
}

std::size_t charge_of(const Recovery& r, base::Seq seq) {
    return charge(*r.old.window.find(seq)) + wire::kEncapsulation;
}

std::size_t charge_of_pending(const Recovery& r) {
    std::size_t sum = 0;
    for (const base::Seq seq : r.pending) sum += charge_of(r, seq);
    return sum;
}

// Whether that member said so; it may have more than its list has room for.
bool says_it_holds(const wire::CommitEntry& e, base::Seq seq) {
    if (seq <= e.aru) return true;
    return std::any_of(e.held.begin(), e.held.end(),
                       [&](const wire::Range& range) { return range.first <= seq && seq <= range.last; });
}

// Whether a datagram of the old ring that we hold is ours to send again: somebody may lack it, and we are the
// lowest that is known to have it, or nobody is known to.
bool is_ours_to_send(const Context& ctx, const std::vector<const wire::CommitEntry*>& entries,
                     base::Seq seq) {
    const wire::CommitEntry* lowest = nullptr;
    bool lacking = false;
    for (const wire::CommitEntry* e : entries) {
        const bool has = says_it_holds(*e, seq);
        lacking |= !has;
        if (has && lowest == nullptr) lowest = e;
    }
    return lacking && (lowest == nullptr || ctx.is_self(lowest->member));
}

// Whom this datagram leaves unrecovered is counted in the token: each member adds itself once and takes
// itself off once.
void count_unrecovered(Recovery& r, wire::Token& token) {
    const bool waiting = !r.pending.empty();
    if (waiting && !r.counted) ++token.unrecovered;
    if (!waiting && r.counted && token.unrecovered > 0) --token.unrecovered;
    r.counted = waiting;
}

Next work(Recovery& r, Context& ctx, wire::Token token) {
    if (const auto lack = failed_to_receive(ctx, r.rotation, r.log)) {
        leave_alone(ctx, r.episode, r.log.view, *lack);
        return back_to_gather(r, ctx, ctx.self().node, words(ctx.self().node, *lack));
    }
    Supply supply;
    supply.backlog = [&] { return charge_of_pending(r); };
    supply.next_charge = [&] { return r.pending.empty() ? 0 : charge_of(r, *r.pending.begin()); };
    supply.next = [&] {
        wire::Data data = recovered(r, *r.pending.begin(), ctx.self().node);
        r.pending.erase(r.pending.begin());
        return data;
    };
    // Since an earlier visit, so that the others have had one since: then they know what they owe us.
    const bool ending = r.install_seq.has_value();
    visit(ctx, r.rotation, r.log, token, supply);
    count_unrecovered(r, token);
    ++r.visits;
    // At the second visit everybody has had a first one and counted itself: nobody will send anything old any
    // more.
    if (!r.install_seq && r.visits >= 2 && token.unrecovered == 0) r.install_seq = token.seq;
    // We have everything that the others have. As soon as they see that in the token they may install the
    // ring, whether we come to that or not.
    if (r.install_seq && r.log.window.aru() >= *r.install_seq) r.old.obliged = r.obliged;
    skip_recovered(r.log);
    r.log.window.free_to(std::min(r.log.stable, r.log.delivered));
    pass(ctx, r.rotation, r.log, std::move(token));
    if (ending && r.log.stable >= *r.install_seq) return enter_operational(ctx, std::move(r));
    return std::nullopt;
}

}  // namespace

Phase enter_recovery(Context& ctx, Commit commit, wire::CommitToken token) {
    book(ctx, commit.episode, &Episode::in_commit);
    View view{token.ring, {}};
    for (const wire::CommitEntry& e : token.entries) view.members.push_back(e.member);
    RingLog log(view, token.window);
    Recovery r{std::move(commit.episode),
               std::move(commit.old),
               std::move(log),
               {},
               0,
               {},
               {},
               std::move(token),
               {},
               false,
               0,
               {}};
    base::Seq low = r.old.window.aru();
    std::vector<const wire::CommitEntry*> companions;
    for (const wire::CommitEntry& e : r.commit.entries) {
        if (e.old_ring != r.old.view.ring || !r.old.has(e.member)) continue;
        r.transitional.push_back(e.member);
        companions.push_back(&e);
        r.obliged |= r.old.bit_of(e.member.node) | e.obliged;
        // What one of them knows to be received by all of the old ring is so.
        r.old.stable = std::max(r.old.stable, std::min(e.stable, r.old.window.aru()));
        low = std::min(low, e.aru);
    }
    low = std::max(low, r.old.window.freed());  // whatever they say: there is nothing below
    for (base::Seq seq{low.value + 1}; seq <= r.old.window.high(); ++seq.value) {
        if (r.old.window.find(seq) != nullptr && is_ours_to_send(ctx, companions, seq)) r.pending.insert(seq);
    }
    ctx.info("commit -> recovery: ring " + base::to_string(view.ring) + " of " + names(view.members) + ", " +
             names(r.transitional) + " from the old ring, " + std::to_string(r.pending.size()) +
             " datagrams to send again");
    ++r.commit.hop;
    const std::size_t place = commit.index + 1 == view.members.size() ? 0 : commit.index + 1;
    r.rotation.hop.successor = view.members[place].node;
    r.rotation.lost_at = ctx.now + ctx.config.consensus_timeout;
    r.rotation.flow.agreed = r.rotation.flow.window = r.commit.window;
    r.rotation.flow.overflowed = ctx.counters.overflowed;
    r.commit_resend_at = ctx.now + commit_retry(ctx.config);
    ctx.send_to(r.rotation.hop.successor, r.commit);
    return r;
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::CommitToken& token) {
    const std::vector<Member>& members = r.log.view.members;
    const bool back =
        token.ring == r.log.view.ring && token.hop == 2 * members.size() && from == members.back();
    if (!back || !ctx.is_self(members.front()) || r.rotation.token_seq > 0) {
        ++ctx.counters.dropped;  // a duplicate
        return std::nullopt;
    }
    // Everybody is in recovery: the regular token starts here, once.
    wire::Token first;
    first.ring = r.log.view.ring;
    first.token_seq = 1;
    first.window = r.rotation.flow.agreed;
    r.rotation.token_seq = 1;
    r.rotation.visited_at = ctx.now;
    r.rotation.lost_at = ctx.now + ctx.config.token_timeout;
    return work(r, ctx, std::move(first));
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::Token& token) {
    if (!accept(ctx, r.rotation, r.log, from, token)) return std::nullopt;
    return work(r, ctx, token);
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::TokenAck& ack) {
    if (ack.ring == r.log.view.ring && r.log.has(from)) acknowledged(ctx, r.rotation, ack);
    return std::nullopt;
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::Data& data) {
    if (data.ring != r.log.view.ring) {
        ++ctx.counters.dropped;
        return std::nullopt;
    }
    const bool mine = data.recovered && data.recovered->ring == r.old.view.ring;
    if (mine) {
        const base::Seq seq = data.recovered->seq;
        // Not to be stored in the new log either if the old one cannot take it: aru must not claim it.
        const bool room = seq.value <= r.old.window.freed().value + r.old.window.capacity();
        if (!room || find_member(r.old.view.members, data.recovered->originator) == nullptr) {
            ++ctx.counters.dropped;
            return std::nullopt;
        }
    }
    if (!store(ctx, r.rotation, r.log, from, data)) return std::nullopt;
    if (mine) {
        wire::Data old{r.old.view.ring, data.recovered->seq, data.recovered->originator, data.guarantee, {},
                       data.payload};
        r.pending.erase(old.seq);
        static_cast<void>(r.old.window.insert(std::move(old)));
    }
    skip_recovered(r.log);
    return std::nullopt;
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::Join& join) {
    const Member* member = find_member(r.log.view.members, from.node);
    const bool restarted = member != nullptr && from.incarnation > member->incarnation;
    const bool moved_on = member != nullptr && from == *member && join.ring_seq >= r.log.view.ring.seq;
    if (!restarted && !moved_on) {
        ++ctx.counters.dropped;
        return std::nullopt;
    }
    if (leaves(from, join)) {
        r.episode.standings.fail(from);
        return back_to_gather(r, ctx, from.node, words(from.node, *join.lack));
    }
    Phase next = back_to_gather(
        r, ctx, from.node, "node " + base::to_string(from.node) + (restarted ? " restarted" : " gave it up"));
    static_cast<void>(on(*std::get_if<Gather>(&next), ctx, from, join));
    return next;
}

Next on(Recovery& r, Context& ctx, const Member& from, const wire::Leave& leave) {
    if (!r.log.has(from)) return std::nullopt;
    return back_to_gather(r, ctx, from.node, words(from, leave));
}

std::optional<Member> reckoned(const Recovery& r, base::NodeId node) {
    const Member* member = find_member(r.log.view.members, node);
    return member == nullptr ? std::nullopt : std::optional(*member);
}

Next silent(Recovery& r, Context& ctx, const Member& who) {
    r.episode.standings.fail(who);
    return back_to_gather(r, ctx, who.node, words_of_silence(who));
}

Next advance(Recovery& r, Context& ctx) {
    if (ctx.now >= r.rotation.lost_at) return back_to_gather(r, ctx, {}, "token lost in recovery");
    if (r.rotation.token_seq == 0 && ctx.now >= r.commit_resend_at) {
        ctx.send_to(r.rotation.hop.successor, r.commit);
        r.commit_resend_at = ctx.now + commit_retry(ctx.config);
    }
    retry_hop(ctx, r.rotation);
    return std::nullopt;
}

base::Instant deadline(const Recovery& r, const Context& /*ctx*/) {
    const base::Instant resend = r.rotation.token_seq == 0 ? r.commit_resend_at : base::Instant::never();
    return std::min({r.rotation.lost_at, r.rotation.hop.retry_at, resend});
}

void postpone(Recovery& r, base::Duration pause) {
    postpone(r.rotation, pause);
}

void check_invariants(const Recovery& r, const Context& ctx) {
    check_invariants(r.rotation, r.log);
    r.old.window.check_invariants();
    ASSERT(r.log.view.ring.seq == ctx.epochs.used);
    ASSERT(find_member(r.transitional, ctx.self().node) != nullptr);
    for (const base::Seq seq : r.pending) ASSERT(r.old.window.find(seq) != nullptr);
    ASSERT(!r.install_seq || r.visits >= 2);
}

}  // namespace totem

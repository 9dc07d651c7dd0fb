// The parts that all phases share: ring sequences, delivery, merging of joins, words.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "totem/ring/phases.hpp"

namespace totem {

base::NodeSet View::nodes() const {
    return nodes_of(members);
}

bool reserved(Context& ctx, std::uint64_t ring_seq) {
    Epochs& e = ctx.epochs;
    if (ring_seq + kEpochBlock / 2 > e.requested) {
        e.requested = ring_seq + kEpochBlock;
        ctx.debug("reserving ring sequences up to " + std::to_string(e.requested));
    }
    if (ring_seq <= e.durable) {
        e.waiting_since = base::Instant::never();
        return true;
    }
    if (e.waiting_since == base::Instant::never()) e.waiting_since = ctx.now;
    return ctx.now - e.waiting_since >= ctx.config.consensus_timeout;
}

std::string names(const std::vector<Member>& members) {
    return base::to_string(nodes_of(members));
}

std::string words(base::Duration d) {
    char text[32];
    if (d.ns % 1'000'000 == 0 || d.ms() >= 100) {
        std::snprintf(text, sizeof text, "%lld ms", static_cast<long long>(d.ms()));
    } else {
        std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(d.ns) / 1e6);
    }
    return text;
}

bool RingLog::has(const Member& m) const {
    return std::find(view.members.begin(), view.members.end(), m) != view.members.end();
}

std::size_t RingLog::partial_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [node, reassembler] : parts) bytes += reassembler.held_bytes();
    return bytes;
}

std::uint64_t RingLog::bit_of(base::NodeId node) const {
    for (std::size_t i = 0; i < view.members.size(); ++i) {
        if (view.members[i].node == node) return std::uint64_t{1} << i;
    }
    return 0;
}

RingLog no_ring(const RingConfig& config) {
    const Member& self = config.self;
    return {View{ring_of(0, {self}), {self}}, config.window};
}

void deliver(Context& ctx, RingLog& log, const wire::Data& data, bool transitional) {
    const Member* sender = find_member(log.view.members, data.originator);
    ASSERT(sender != nullptr);
    const auto emit = [&](std::size_t index, base::Bytes message) {
        ++ctx.counters.delivered;
        const base::Seq place{data.seq.value << 16 | index};
        ctx.out.events.emplace_back(
            Delivered{log.view.ring, place, *sender, std::move(message), transitional});
    };
    if (!log.parts[data.originator].add(data.payload, ctx.config.max_payload, emit)) {
        ++ctx.counters.dropped;
        ctx.warning("node " + base::to_string(data.originator) + " sent a malformed payload as datagram " +
                    std::to_string(data.seq.value) + " of ring " + base::to_string(log.view.ring));
    }
}

namespace {
void count(const RingLog& log, RingStatus& status) {
    status.logged += log.size();
    status.partial_bytes += log.partial_bytes();
}

void count(const Flow& flow, RingStatus& status) {
    status.outstanding = flow.outstanding;
    status.window = flow.window;
    status.largest_window = flow.agreed;
}
}  // namespace

void count_logs(const Gather& g, RingStatus& status) {
    count(g.old, status);
}
void count_logs(const Commit& c, RingStatus& status) {
    count(c.old, status);
}
void count_logs(const Recovery& r, RingStatus& status) {
    count(r.old, status);
    count(r.log, status);
    count(r.rotation.flow, status);
}
void count_logs(const Operational& o, RingStatus& status) {
    count(o.log, status);
    count(o.rotation.flow, status);
}

void deliver_in_order(Context& ctx, RingLog& log) {
    while (const wire::Data* data = log.window.find(base::Seq{log.delivered.value + 1})) {
        const bool safe = data->guarantee == Guarantee::safe && !data->recovered;
        if (safe && data->seq > log.stable) return;
        ++log.delivered.value;
        if (!data->recovered) deliver(ctx, log, *data, false);
    }
}

bool fail_gone(const Context& ctx, Standings& standings) {
    bool changed = false;
    for (const auto& [node, peer] : ctx.peers) {
        const wire::Standing* s = standings.find(node);
        if (s != nullptr && s->incarnation <= peer.gone) changed |= standings.fail({node, s->incarnation});
    }
    return changed;
}

namespace {

// The join's standings as far as they count here: nodes that are not in our roster don't.
Standings believed(const Context& ctx, const wire::Join& join) {
    Standings theirs;
    for (const wire::NodeStanding& n : join.nodes) {
        if (ctx.in_roster(n.node)) theirs.raise(n.node, n.standing);
    }
    return theirs;
}

}  // namespace

bool agrees(const Context& ctx, const Standings& standings, const wire::Join& join) {
    return believed(ctx, join) == standings;
}

bool has_news(const Context& ctx, const Standings& standings, const wire::Join& join) {
    Standings merged = standings;
    for (const wire::NodeStanding& n : believed(ctx, join).list()) {
        if (n.node != ctx.self().node) merged.raise(n.node, n.standing);
    }
    return merged != standings;
}

Opinion merge(Context& ctx, Episode& episode, const Member& from, const wire::Join& join) {
    Standings& mine = episode.standings;
    const wire::Standing* known = mine.find(from.node);
    if (known != nullptr && *known >= wire::Standing{from.incarnation, true}) return Opinion::ignored;
    if (leaves(from, join)) {
        if (known == nullptr) return Opinion::ignored;
        found_by(ctx, episode, from.node, from.node, words(from.node, *join.lack));
        mine.fail(from);
        return Opinion::merged;
    }
    const Standings theirs = believed(ctx, join);
    const wire::Standing* me = theirs.find(ctx.self().node);
    if (me != nullptr && me->incarnation > ctx.self().incarnation) return Opinion::ignored;
    bool changed = false;
    if (me != nullptr && *me == wire::Standing{ctx.self().incarnation, true}) {
        changed = mine.fail(from);  // it holds us for failed: then we cannot be on one ring
        ctx.debug("node " + base::to_string(from.node) + " holds us for failed, so we do the same");
    } else {
        changed = mine.add(from);
        for (const wire::NodeStanding& n : theirs.list()) {
            if (n.node != ctx.self().node) changed |= mine.raise(n.node, n.standing);
        }
    }
    changed |= fail_gone(ctx, mine);
    return changed ? Opinion::merged : Opinion::nothing_new;
}

void leave_alone(const Context& ctx, Episode& episode, const View& ring, const wire::Lack& lack) {
    episode.reason = wire::Reason::failed_to_receive;
    episode.subject = ctx.self().node;
    episode.reporter = {};
    episode.lack = lack;
    for (const Member& m : ring.members) {
        if (!ctx.is_self(m)) episode.standings.fail(m);
    }
}

bool leaves(const Member& from, const wire::Join& join) {
    return join.reason == wire::Reason::failed_to_receive && join.subject == from.node;
}

void begin(const Context& ctx, Episode& episode) {
    episode.began = ctx.now;
    episode.turned = ctx.now;
}

void found(const Context& ctx, Episode& episode, base::NodeId subject, const std::string& evidence) {
    found_by(ctx, episode, subject, episode.findings.empty() ? episode.reporter : base::NodeId{}, evidence);
}

void found_by(const Context& ctx, Episode& episode, base::NodeId subject, base::NodeId reporter,
              const std::string& evidence) {
    constexpr std::size_t kMost = 16;
    if (episode.findings.size() == kMost) return;
    episode.findings.push_back({subject, reporter, ctx.now - episode.began, evidence});
}

void book(const Context& ctx, Episode& episode, base::Duration Episode::*phase) {
    episode.*phase = episode.*phase + (ctx.now - episode.turned);
    episode.turned = ctx.now;
}

std::string words(const Member& from, const wire::Leave& leave) {
    return "node " + base::to_string(from.node) +
           (leave.died ? "'s daemon died, says its guard" : " said goodbye");
}

std::string words(base::NodeId node, const wire::Lack& lack) {
    const std::string of = lack.originator.value == 0 ? "" : " of node " + base::to_string(lack.originator);
    return "node " + base::to_string(node) + " asked for datagram " + std::to_string(lack.seq.value) + of +
           " for " + std::to_string(lack.ms) + " ms, and never got it, while the token passed " +
           std::to_string(lack.visits) + " times";
}

std::string words_of_silence(const Member& who) {
    return "nobody listens at node " + base::to_string(who.node) +
           ", says its machine, and it did not answer";
}

std::string words(const Episode& episode, const RingConfig& config) {
    const std::string node = "node " + base::to_string(episode.subject);
    const auto by = [&](std::string text) {
        if (episode.reporter.value != 0)
            text += " (noticed by node " + base::to_string(episode.reporter) + ")";
        return text;
    };
    switch (episode.reason) {
        case wire::Reason::start:
            return "this node started";
        case wire::Reason::token_lost:
            return by("token lost after " + words(config.token_timeout));
        case wire::Reason::joined:
            return node + " joined";
        case wire::Reason::restarted:
            return node + " restarted";
        case wire::Reason::left:
            return node + " said goodbye";
        case wire::Reason::foreign:
            return by("found another ring, with " + node);
        case wire::Reason::commit_lost:
            return by("commit token lost");
        case wire::Reason::recovery_lost:
            return by("token lost in recovery");
        case wire::Reason::died:
            return node + "'s daemon died (its guard says so)";
        case wire::Reason::unreachable:
            return by(node + "'s daemon is gone (its machine says so, and it did not answer)");
        case wire::Reason::failed_to_receive:
            return words(episode.subject, *episode.lack);
    }
    return "";
}

}  // namespace totem

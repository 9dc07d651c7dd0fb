#include "totem/ring/nearby.hpp"

#include <algorithm>
#include <bit>

#include "totem/ring/choice.hpp"
#include "totem/ring/context.hpp"
#include "totem/ring/rotation.hpp"
#include "totem/ring/rows.hpp"

namespace totem {

namespace {

using base::NodeId;
using base::NodeSet;

// What was said so many beacons ago is not relied on.
constexpr std::int64_t kFreshBeacons = 5;
// Losses that cost nothing; then each doubles the time for which the node is held off, up to so many token
// timeouts; so many of these without a loss take one loss off.
constexpr unsigned kFreeLosses = 3;
constexpr std::int64_t kLongestHold = 8;
constexpr std::int64_t kForgetLoss = 4;

bool lately(const Context& ctx, base::Instant at) {
    return ctx.now - at <= ctx.config.merge_interval * kFreshBeacons;
}

std::pair<NodeId, NodeId> pair_of(NodeId a, NodeId b) {
    return {std::min(a, b), std::max(a, b)};
}

// Whether `a` hears `b`, by its own word of lately.
bool says(const Context& ctx, NodeId a, NodeId b) {
    const Nearby& near = ctx.nearby;
    if (a == ctx.self().node) {
        const auto at = near.heard.find(b);
        return at != near.heard.end() && lately(ctx, at->second);
    }
    const auto owner = near.nodes.find(a);
    if (owner == near.nodes.end()) return false;
    const auto at = owner->second.hears.find(b);
    return at != owner->second.hears.end() && lately(ctx, at->second);
}

bool mend(Context& ctx) {
    std::set<std::pair<NodeId, NodeId>>& broken = ctx.nearby.broken;
    bool any = false;
    for (auto at = broken.begin(); at != broken.end();) {
        const auto [a, b] = *at;
        if (!says(ctx, a, b) || !says(ctx, b, a)) {
            ++at;
            continue;
        }
        ctx.info("node " + base::to_string(a) + " and node " + base::to_string(b) + " hear each other again");
        any = true;
        at = broken.erase(at);
    }
    return any;
}

// The set of us when all these choose, a pair being whole unless it is known to be broken.
NodeSet chosen(const Context& ctx, const NodeSet& nodes) {
    const std::vector<NodeId> list(nodes.begin(), nodes.end());
    Graph edges(list.size(), 0);
    std::size_t self = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == ctx.self().node) self = i;
        for (std::size_t j = 0; j < list.size(); ++j) {
            if (i != j && ctx.nearby.broken.count(pair_of(list[i], list[j])) == 0)
                edges[i] |= std::uint64_t{1} << j;
        }
    }
    NodeSet mine;
    for (const std::uint64_t set : choose(edges)) {
        if ((set >> self & 1) == 0) continue;
        for (std::size_t i = 0; i < list.size(); ++i) {
            if ((set >> i & 1) != 0) mine.insert(list[i]);
        }
    }
    return mine;
}

}  // namespace

void heard(Context& ctx, const Member& from) {
    Neighbour& n = ctx.nearby.nodes[from.node];
    if (n.who != from) {  // what it said as another process is void
        n.who = from;
        n.ring = {};
        n.mates.clear();
        n.holds_us = false;
        n.hears.clear();
    }
    ctx.nearby.heard[from.node] = ctx.now;
}

bool heard(Context& ctx, const Member& from, const wire::Beacon& beacon) {
    heard(ctx, from);
    Neighbour& n = ctx.nearby.nodes[from.node];
    n.ring = beacon.ring;
    n.mates.clear();
    n.holds_us = false;
    for (const wire::BeaconNode& b : beacon.nodes) {
        if (!ctx.in_roster(b.member.node) || b.member.node == from.node) continue;
        if (b.member.node == ctx.self().node && !ctx.is_self(b.member)) continue;  // a former process of ours
        if (b.heard) n.hears[b.member.node] = ctx.now;
        if (b.mate) n.mates.insert(b.member.node);
        if (ctx.is_self(b.member)) n.holds_us = b.held;
    }
    return mend(ctx);
}

bool heard(Context& ctx, const Member& from, const wire::Join& join) {
    heard(ctx, from);
    Neighbour& n = ctx.nearby.nodes[from.node];
    n.mates.clear();
    std::uint64_t hears = 0;
    for (const wire::JoinRow& row : join.rows) {
        if (join.nodes[row.owner].node == from.node) hears = row.heard;
    }
    for (std::size_t i = 0; i < join.nodes.size(); ++i) {
        const wire::NodeStanding& s = join.nodes[i];
        const bool self = s.node == ctx.self().node;
        if (s.node == from.node || (self && s.standing.incarnation != ctx.self().incarnation)) continue;
        if (!ctx.in_roster(s.node)) continue;
        if ((hears >> i & 1) != 0) n.hears[s.node] = ctx.now;
        if (s.standing.failed) continue;
        n.mates.insert(s.node);
        if (self) n.holds_us = false;  // it asks us in
    }
    return mend(ctx);
}

bool mutual(const Context& ctx, const Member& who) {
    const auto at = ctx.nearby.nodes.find(who.node);
    return at != ctx.nearby.nodes.end() && at->second.who == who && says(ctx, ctx.self().node, who.node) &&
           says(ctx, who.node, ctx.self().node);
}

bool on_another_ring(const Context& ctx, const Member& who) {
    const auto at = ctx.nearby.nodes.find(who.node);
    const auto peer = ctx.peers.find(who.node);
    if (at == ctx.nearby.nodes.end() || peer == ctx.peers.end()) return false;
    return at->second.who == who && at->second.ring.seq > peer->second.shared_seq;
}

bool held_off(const Context& ctx, const NodeSet& with_us, const Member& who) {
    const auto at = ctx.nearby.nodes.find(who.node);
    if (at != ctx.nearby.nodes.end() && ctx.now < at->second.until) return true;
    if (ctx.nearby.broken.empty()) return false;
    NodeSet together = with_us;
    together.insert(who.node);
    if (at != ctx.nearby.nodes.end() && at->second.who == who) together.insert(at->second.mates);
    return chosen(ctx, together) == chosen(ctx, with_us);
}

bool worthwhile(const Context& ctx, const NodeSet& with_us, const Member& who) {
    const auto at = ctx.nearby.nodes.find(who.node);
    const bool holds_us = at != ctx.nearby.nodes.end() && at->second.who == who && at->second.holds_us &&
                          says(ctx, ctx.self().node, who.node);
    return !holds_us && !held_off(ctx, with_us, who);
}

void answer(Context& ctx, const NodeSet& with_us, bool on_ring, const Member& who) {
    Neighbour& n = ctx.nearby.nodes[who.node];
    const bool held = held_off(ctx, with_us, who);
    if (n.told == who && n.told_held == held && ctx.now - n.told_at < ctx.config.merge_interval) return;
    n.told = who;
    n.told_held = held;
    n.told_at = ctx.now;
    ctx.send_to(who.node, make_beacon(ctx, with_us, on_ring));
}

wire::Beacon make_beacon(Context& ctx, const NodeSet& with_us, bool on_ring) {
    wire::Beacon beacon{++ctx.serial, ctx.view.ring, {}};
    for (const NodeId node : ctx.config.roster) {
        const auto peer = ctx.peers.find(node);
        const Member who{node, peer == ctx.peers.end() ? base::Incarnation{} : peer->second.newest};
        const bool lately_heard = says(ctx, ctx.self().node, node);
        if (node == ctx.self().node) {
            beacon.nodes.push_back({ctx.self(), true, false, true});
        } else if (with_us.contains(node)) {
            beacon.nodes.push_back({who, true, false, on_ring || lately_heard});
        } else if (lately_heard) {
            beacon.nodes.push_back({who, false, held_off(ctx, with_us, who), true});
        }
    }
    return beacon;
}

bool strangers_near(const Context& ctx, const NodeSet& with_us) {
    for (const auto& [node, at] : ctx.nearby.heard) {
        if (!with_us.contains(node) && lately(ctx, at)) return true;
    }
    return false;
}

void judge(Context& ctx, const Matrix& m) {
    for (std::size_t i = 0; i < m.members.size(); ++i) {
        for (std::size_t j = i + 1; j < m.members.size(); ++j) {
            const bool here = (m.present >> i & 1) != 0 && (m.present >> j & 1) != 0;
            const bool whole = (m.heard[i] >> j & 1) != 0 && (m.heard[j] >> i & 1) != 0;
            const bool deaf = (m.deaf[i] >> j & 1) != 0 || (m.deaf[j] >> i & 1) != 0;
            const NodeId a = m.members[i].node, b = m.members[j].node;
            if (whole) ctx.nearby.broken.erase(pair_of(a, b));
            if (!here || !deaf) continue;
            ctx.nearby.broken.insert(pair_of(a, b));
            // Only what is said from now on shows that the pair is whole.
            for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
                if (one == ctx.self().node) {
                    ctx.nearby.heard.erase(other);
                } else if (const auto at = ctx.nearby.nodes.find(one); at != ctx.nearby.nodes.end()) {
                    at->second.hears.erase(other);
                }
            }
        }
    }
}

void lost(Context& ctx, const Member& who) {
    Neighbour& n = ctx.nearby.nodes[who.node];
    if (n.who == who) {
        n.hears.erase(ctx.self().node);
        ctx.nearby.heard.erase(who.node);
    }
    const base::Duration forget = ctx.config.token_timeout * kForgetLoss;
    // What passes before it can be lost again does not count for it: while it is held off, and until a member
    // that receives nothing leaves.
    const base::Instant since = std::max(n.lost_at, n.until) + receive_timeout(ctx.config);
    const std::int64_t quiet = std::max<std::int64_t>(0, (ctx.now - since).ns) / forget.ns;
    n.losses = n.losses > quiet ? n.losses - static_cast<unsigned>(quiet) : 0;
    n.losses = std::min(n.losses + 1, 63U);
    n.lost_at = ctx.now;
    n.until = ctx.now;
    if (n.losses <= kFreeLosses) return;
    const base::Duration longest = ctx.config.token_timeout * kLongestHold;
    base::Duration hold = ctx.config.merge_interval;
    for (unsigned i = kFreeLosses + 1; i < n.losses && hold < longest; ++i) hold = hold * 2;
    n.until = ctx.now + std::min(hold, longest);
    ctx.info("node " + base::to_string(who.node) + " was lost " + std::to_string(n.losses) +
             " times lately: not gathered with for " + words(n.until - ctx.now));
}

}  // namespace totem

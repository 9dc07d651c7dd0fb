#include "totem/ring/past.hpp"

#include <algorithm>
#include <variant>

namespace totem {

namespace {

// What a phase remembers of rings that this process is a member of.
struct Memory {
    const RingLog* log{nullptr};  // of the ring that turns, and its token's way
    const Rotation* rotation{nullptr};
    const RingLog* old{nullptr};  // of the last one that was installed
    const wire::CommitToken* commit{nullptr};
};

Memory memory(const Gather& g) {
    return {nullptr, nullptr, &g.old, nullptr};
}
Memory memory(const Commit& c) {
    return {nullptr, nullptr, &c.old, &c.token};
}
Memory memory(const Recovery& r) {
    return {&r.log, &r.rotation, &r.old, nullptr};
}
Memory memory(const Operational& o) {
    return {&o.log, &o.rotation, &o.log, nullptr};
}
Memory memory(const Left& /*left*/) {
    return {};
}

std::string number(const char* what, std::uint64_t shown, std::uint64_t remembered) {
    return std::string(what) + " " + std::to_string(shown) + ", and it remembers " +
           std::to_string(remembered);
}

// The highest token_seq that may come: each of the others adds one to what we passed last; the first token of
// a ring comes to its i-th member, counted from 0, with i + 1.
std::uint64_t highest_token(const Context& ctx, const RingLog& log, const Rotation& rotation) {
    const std::vector<Member>& members = log.view.members;
    const auto self = std::find(members.begin(), members.end(), ctx.self());
    if (rotation.token_seq == 0) return static_cast<std::uint64_t>(self - members.begin()) + 1;
    return rotation.token_seq + members.size() - 1;
}

std::string by_token(const Context& ctx, const Memory& m, const base::RingId& ring, std::uint64_t token_seq) {
    if (m.commit != nullptr && ring == m.commit->ring)
        return "it has passed on that ring's commit token twice";
    if (m.log == nullptr || ring != m.log->view.ring || m.log->view.members.size() < 2) return "";
    const std::uint64_t highest = highest_token(ctx, *m.log, *m.rotation);
    return token_seq > highest ? number("the token went round up to", token_seq, highest) : "";
}

// Our own datagrams are in the log from when they are sent until all have them.
bool lacks_own(const Context& ctx, const RingLog* log, const base::RingId& ring, base::NodeId originator,
               base::Seq seq) {
    return log != nullptr && log->is_ring() && ring == log->view.ring && originator == ctx.self().node &&
           seq > log->window.freed() && log->window.find(seq) == nullptr;
}

std::string by_data(const Context& ctx, const Memory& m, const wire::Data& d) {
    bool lacks = lacks_own(ctx, m.log, d.ring, d.originator, d.seq) ||
                 lacks_own(ctx, m.old, d.ring, d.originator, d.seq);
    if (d.recovered)
        lacks |= lacks_own(ctx, m.old, d.recovered->ring, d.recovered->originator, d.recovered->seq);
    return lacks ? "datagram " + std::to_string(d.seq.value) + " of ring " + base::to_string(d.ring) +
                       " is its own"
                 : "";
}

// What all had received, we had.
std::string by_commit(const Context& ctx, const Memory& m, const wire::CommitToken& token) {
    for (const wire::CommitEntry& e : token.entries) {
        if (!e.filled) continue;
        if (ctx.is_self(e.member) && token.ring.seq > ctx.epochs.used)
            return number("it has entered itself for ring", token.ring.seq, ctx.epochs.used);
        if (m.old == nullptr || !m.old->is_ring() || e.old_ring != m.old->view.ring) continue;
        if (e.stable > m.old->window.aru())
            return number("it has received up to", e.stable.value, m.old->window.aru().value);
    }
    return "";
}

std::string by_knowledge(const Context& ctx, const Member& who, const wire::Known& known) {
    if (!ctx.is_self(who)) return "";
    if (known.gone) return "it has ended";
    if (known.serial > ctx.serial) return number("it has said", known.serial, ctx.serial);
    if (known.ring > ctx.epochs.entered) return number("it was on ring", known.ring, ctx.epochs.entered);
    // Of a ring that is older than all that are kept, nothing can be said; else, what is not kept was not
    // sent.
    const auto own = ctx.own.find(known.ring);
    const bool kept = own != ctx.own.end() || ctx.own.empty() || known.ring > ctx.own.begin()->first;
    const base::Seq remembered = own == ctx.own.end() ? base::Seq{} : own->second;
    if (kept && known.seq > remembered)
        return number("it has sent in their last ring up to", known.seq.value, remembered.value);
    return "";
}

}  // namespace

std::string forgotten(const Phase& phase, const Context& ctx, const Member& from,
                      const wire::Message& message) {
    const Memory m = std::visit([](const auto& p) { return memory(p); }, phase);
    std::string sign;
    if (const auto* join = std::get_if<wire::Join>(&message)) {
        for (const wire::NodeStanding& n : join->nodes) {
            if (sign.empty()) sign = by_knowledge(ctx, {n.node, n.standing.incarnation}, n.known);
        }
    } else if (const auto* beacon = std::get_if<wire::Beacon>(&message)) {
        for (const wire::BeaconNode& n : beacon->nodes) {
            if (sign.empty()) sign = by_knowledge(ctx, n.member, n.known);
        }
    } else if (const auto* token = std::get_if<wire::Token>(&message)) {
        sign = by_token(ctx, m, token->ring, token->token_seq);
    } else if (const auto* ack = std::get_if<wire::TokenAck>(&message)) {
        sign = by_token(ctx, m, ack->ring, ack->token_seq);
    } else if (const auto* data = std::get_if<wire::Data>(&message)) {
        sign = by_data(ctx, m, *data);
    } else if (const auto* commit = std::get_if<wire::CommitToken>(&message)) {
        sign = by_commit(ctx, m, *commit);
    }
    return sign.empty() ? sign : "node " + base::to_string(from.node) + " shows that " + sign;
}

}  // namespace totem

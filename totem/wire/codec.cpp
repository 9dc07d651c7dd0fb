#include "totem/wire/codec.hpp"

#include <string>
#include <utility>

#include "totem/base/check.hpp"
#include "totem/base/rng.hpp"

namespace totem {

base::RingId ring_of(std::uint64_t seq, const std::vector<Member>& members) {
    std::uint64_t digest = 0;
    // The generator's step serves as a function that mixes 64 bits: the same everywhere, and nothing is
    // drawn.
    for (const Member& m : members) {
        for (const std::uint64_t part : {std::uint64_t{m.node.value}, m.incarnation.value})
            digest = base::Rng(digest ^ part).next();
    }
    return {seq, members.front().node, digest};
}

}  // namespace totem

namespace totem::wire {

namespace {

using base::ByteReader;
using base::ByteWriter;
using base::Errc;
using base::Error;
using base::Result;

enum class Type : std::uint8_t { token = 1, data, join, commit, beacon, wake, ack, leave, probe };

constexpr std::uint32_t kMaxNodeId = 0x7fffffff;
constexpr std::uint8_t kEncapsulated = 1;
constexpr std::uint8_t kSafe = 2;
constexpr std::uint8_t kMate = 1, kHeld = 2, kHeard = 4;  // in beacons

Error bad(const char* what) {
    return {Errc::invalid, std::string("ring message: ") + what};
}

bool valid(base::NodeId node) {
    return node.value >= 1 && node.value <= kMaxNodeId;
}

void put(ByteWriter& out, const base::RingId& ring) {
    out.u64(ring.seq);
    out.u32(ring.representative.value);
    out.u64(ring.members);
}

base::RingId get_ring(ByteReader& in) {
    base::RingId ring;
    ring.seq = in.u64();
    ring.representative = base::NodeId{in.u32()};
    ring.members = in.u64();
    return ring;
}

// Each body: fields in the order of the struct.

void put(ByteWriter& out, const Token& token) {
    ASSERT(token.retransmit.size() <= kMaxRetransmit);
    put(out, token.ring);
    out.u64(token.token_seq);
    out.u64(token.seq.value);
    out.u64(token.aru.value);
    out.u32(token.aru_owner.value);
    out.u32(token.lacked_of.value);
    out.u64(token.sequenced);
    out.u64(token.everywhere);
    out.u32(token.window);
    out.u8(token.steady);
    out.u8(token.limited ? 1 : 0);
    out.u32(token.claimant.value);
    out.u32(token.claim);
    out.u32(token.fcc);
    out.u32(token.backlog);
    out.u16(token.unrecovered);
    out.u16(static_cast<std::uint16_t>(token.retransmit.size()));
    for (const base::Seq seq : token.retransmit) out.u64(seq.value);
}

Result<Message> get_token(ByteReader& in) {
    Token token;
    token.ring = get_ring(in);
    token.token_seq = in.u64();
    token.seq = base::Seq{in.u64()};
    token.aru = base::Seq{in.u64()};
    token.aru_owner = base::NodeId{in.u32()};
    token.lacked_of = base::NodeId{in.u32()};
    token.sequenced = in.u64();
    token.everywhere = in.u64();
    token.window = in.u32();
    token.steady = in.u8();
    const std::uint8_t limited = in.u8();
    token.limited = limited == 1;
    token.claimant = base::NodeId{in.u32()};
    token.claim = in.u32();
    token.fcc = in.u32();
    token.backlog = in.u32();
    token.unrecovered = in.u16();
    const std::size_t count = in.u16();
    if (count > kMaxRetransmit) return bad("token asks for too many retransmissions");
    if (token.aru > token.seq) return bad("token's aru is above its seq");
    if (token.everywhere > token.sequenced) return bad("token has more everywhere than was sequenced");
    if (token.window == 0 || limited > 1) return bad("token has a malformed window");
    if (token.unrecovered > kMaxMembers)
        return bad("token counts more unrecovered members than a ring can have");
    for (std::size_t i = 0; i < count; ++i) {
        const base::Seq seq{in.u64()};
        const base::Seq last = token.retransmit.empty() ? base::Seq{0} : token.retransmit.back();
        if (seq <= last || seq > token.seq)
            return bad("token's retransmission list is not ascending within its seq");
        token.retransmit.push_back(seq);
    }
    return Message{std::move(token)};
}

void put(ByteWriter& out, const Data& data) {
    put(out, data.ring);
    out.u64(data.seq.value);
    out.u32(data.originator.value);
    const bool safe = data.guarantee == Guarantee::safe;
    out.u8(static_cast<std::uint8_t>((data.recovered ? kEncapsulated : 0) | (safe ? kSafe : 0)));
    if (data.recovered) {
        put(out, data.recovered->ring);
        out.u64(data.recovered->seq.value);
        out.u32(data.recovered->originator.value);
    }
    out.raw(data.payload);
}

Result<Message> get_data(ByteReader& in) {
    Data data;
    data.ring = get_ring(in);
    data.seq = base::Seq{in.u64()};
    data.originator = base::NodeId{in.u32()};
    const std::uint8_t flags = in.u8();
    if (flags > (kEncapsulated | kSafe)) return bad("data has unknown flags");
    if (data.seq.value == 0 || !valid(data.originator)) return bad("data without seq or originator");
    if ((flags & kSafe) != 0) data.guarantee = Guarantee::safe;
    if ((flags & kEncapsulated) != 0) {
        Origin origin;
        origin.ring = get_ring(in);
        origin.seq = base::Seq{in.u64()};
        origin.originator = base::NodeId{in.u32()};
        if (origin.seq.value == 0 || !valid(origin.originator))
            return bad("recovered data without seq or originator");
        data.recovered = origin;
    }
    const base::ByteView payload = in.raw(in.left());
    if (payload.empty()) return bad("data without payload");
    data.payload.assign(payload.begin(), payload.end());
    return Message{std::move(data)};
}

void put(ByteWriter& out, const Join& join) {
    ASSERT(join.nodes.size() <= kMaxMembers);
    out.u64(join.serial);
    out.u64(join.ring_seq);
    out.u32(join.features);
    out.u8(static_cast<std::uint8_t>(join.reason));
    out.u32(join.subject.value);
    out.u8(static_cast<std::uint8_t>(join.nodes.size()));
    for (const NodeStanding& n : join.nodes) {
        out.u32(n.node.value);
        out.u64(n.standing.incarnation.value);
        out.u8(n.standing.failed ? 1 : 0);
    }
    out.u8(static_cast<std::uint8_t>(join.rows.size()));
    for (const JoinRow& row : join.rows) {
        out.u8(row.owner);
        out.u64(row.serial);
        out.u64(row.heard);
        out.u64(row.deaf);
    }
    ASSERT(join.lack.has_value() == (join.reason == Reason::failed_to_receive));
    if (!join.lack) return;
    out.u64(join.lack->seq.value);
    out.u32(join.lack->originator.value);
    out.u32(join.lack->ms);
    out.u32(join.lack->visits);
}

bool get_rows(ByteReader& in, Join& join) {
    const std::size_t count = in.u8();
    if (count > join.nodes.size()) return false;
    const std::uint64_t all =
        join.nodes.size() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << join.nodes.size()) - 1;
    for (std::size_t i = 0; i < count; ++i) {
        JoinRow row;
        row.owner = in.u8();
        row.serial = in.u64();
        row.heard = in.u64();
        row.deaf = in.u64();
        if (row.owner >= join.nodes.size() || (row.heard & row.deaf) != 0 ||
            ((row.heard | row.deaf) & ~all) != 0) {
            return false;
        }
        if (!join.rows.empty() && join.rows.back().owner >= row.owner) return false;
        join.rows.push_back(row);
    }
    return true;
}

Result<Message> get_join(ByteReader& in) {
    Join join;
    join.serial = in.u64();
    join.ring_seq = in.u64();
    join.features = in.u32();
    const std::uint8_t reason = in.u8();
    if (reason >= kReasons) return bad("join has an unknown reason");
    join.reason = static_cast<Reason>(reason);
    join.subject = base::NodeId{in.u32()};
    const std::size_t count = in.u8();
    if (count == 0 || count > kMaxMembers) return bad("join names no node or too many");
    for (std::size_t i = 0; i < count; ++i) {
        NodeStanding n;
        n.node = base::NodeId{in.u32()};
        n.standing.incarnation = base::Incarnation{in.u64()};
        const std::uint8_t failed = in.u8();
        if (!valid(n.node) || failed > 1) return bad("join has a malformed node");
        if (!join.nodes.empty() && join.nodes.back().node >= n.node)
            return bad("join's nodes are not ascending");
        n.standing.failed = failed == 1;
        join.nodes.push_back(n);
    }
    if (!get_rows(in, join)) return bad("join has malformed rows");
    if (join.reason == Reason::failed_to_receive) {
        join.lack = Lack{base::Seq{in.u64()}, base::NodeId{in.u32()}, in.u32(), in.u32()};
    }
    return Message{std::move(join)};
}

// A have-list: of each range how many numbers are missing before it, and how many it has.
void put(ByteWriter& out, base::Seq aru, const std::vector<Range>& held) {
    ASSERT(held.size() <= kMaxRanges);
    out.u8(static_cast<std::uint8_t>(held.size()));
    base::Seq end = aru;
    for (const Range& range : held) {
        out.u32(static_cast<std::uint32_t>(range.first.value - end.value - 1));
        out.u32(static_cast<std::uint32_t>(range.last.value - range.first.value + 1));
        end = range.last;
    }
}

bool get_held(ByteReader& in, CommitEntry& e) {
    const std::size_t count = in.u8();
    if (count > kMaxRanges) return false;
    base::Seq end = e.aru;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t missing = in.u32();
        const std::uint32_t has = in.u32();
        const std::uint64_t left = e.high.value - end.value;
        if (missing == 0 || has == 0 || std::uint64_t{missing} + has > left) return false;
        e.held.push_back({{end.value + missing + 1}, {end.value + missing + has}});
        end = e.held.back().last;
    }
    return count == kMaxRanges || end == e.high;
}

void put(ByteWriter& out, const CommitToken& token) {
    ASSERT(!token.entries.empty() && token.entries.size() <= kMaxMembers);
    put(out, token.ring);
    out.u16(token.hop);
    out.u32(token.features);
    out.u32(token.window);
    out.u8(static_cast<std::uint8_t>(token.entries.size()));
    for (const CommitEntry& e : token.entries) {
        out.u32(e.member.node.value);
        out.u64(e.member.incarnation.value);
        out.u8(e.filled ? 1 : 0);
        put(out, e.old_ring);
        out.u64(e.stable.value);
        out.u64(e.aru.value);
        out.u64(e.high.value);
        out.u64(e.obliged);
        put(out, e.aru, e.held);
    }
}

Result<Message> get_commit(ByteReader& in) {
    CommitToken token;
    token.ring = get_ring(in);
    token.hop = in.u16();
    token.features = in.u32();
    token.window = in.u32();
    if (token.window == 0) return bad("commit token without a window");
    const std::size_t count = in.u8();
    if (count == 0 || count > kMaxMembers) return bad("commit token without members or with too many");
    if (token.hop > 2 * count) return bad("commit token went round more than twice");
    for (std::size_t i = 0; i < count; ++i) {
        CommitEntry e;
        e.member.node = base::NodeId{in.u32()};
        e.member.incarnation = base::Incarnation{in.u64()};
        const std::uint8_t filled = in.u8();
        e.old_ring = get_ring(in);
        e.stable = base::Seq{in.u64()};
        e.aru = base::Seq{in.u64()};
        e.high = base::Seq{in.u64()};
        e.obliged = in.u64();
        if (!valid(e.member.node) || filled > 1 || e.stable > e.aru || e.aru > e.high)
            return bad("commit token has a malformed entry");
        if (!get_held(in, e)) return bad("commit token has a malformed have-list");
        if (!token.entries.empty() && token.entries.back().member.node >= e.member.node) {
            return bad("commit token's members are not ascending");
        }
        e.filled = filled == 1;
        token.entries.push_back(std::move(e));
    }
    std::vector<Member> members;
    for (const CommitEntry& e : token.entries) members.push_back(e.member);
    if (token.ring != ring_of(token.ring.seq, members))
        return bad("commit token's ring is not named after its members");
    return Message{std::move(token)};
}

void put(ByteWriter& out, const Beacon& beacon) {
    out.u64(beacon.serial);
    put(out, beacon.ring);
    ASSERT(beacon.nodes.size() <= kMaxMembers);
    out.u8(static_cast<std::uint8_t>(beacon.nodes.size()));
    for (const BeaconNode& n : beacon.nodes) {
        out.u32(n.member.node.value);
        out.u64(n.member.incarnation.value);
        out.u8(
            static_cast<std::uint8_t>((n.mate ? kMate : 0) | (n.held ? kHeld : 0) | (n.heard ? kHeard : 0)));
    }
}

Result<Message> get_beacon(ByteReader& in) {
    Beacon beacon;
    beacon.serial = in.u64();
    beacon.ring = get_ring(in);
    const std::size_t count = in.u8();
    if (count > kMaxMembers) return bad("beacon names too many nodes");
    for (std::size_t i = 0; i < count; ++i) {
        BeaconNode n;
        n.member.node = base::NodeId{in.u32()};
        n.member.incarnation = base::Incarnation{in.u64()};
        const std::uint8_t flags = in.u8();
        if (!valid(n.member.node) || flags > (kMate | kHeld | kHeard) ||
            (flags & (kMate | kHeld)) == (kMate | kHeld))
            return bad("beacon has a malformed node");
        if (!beacon.nodes.empty() && beacon.nodes.back().member.node >= n.member.node)
            return bad("beacon's nodes are not ascending");
        n.mate = (flags & kMate) != 0;
        n.held = (flags & kHeld) != 0;
        n.heard = (flags & kHeard) != 0;
        beacon.nodes.push_back(n);
    }
    return Message{std::move(beacon)};
}

void put(ByteWriter& out, const Wake& wake) {
    put(out, wake.ring);
}

void put(ByteWriter& out, const TokenAck& ack) {
    put(out, ack.ring);
    out.u64(ack.token_seq);
}

Result<Message> get_ack(ByteReader& in) {
    TokenAck ack;
    ack.ring = get_ring(in);
    ack.token_seq = in.u64();
    return Message{ack};
}

void put(ByteWriter& out, const Leave& leave) {
    out.u64(leave.serial);
    out.u8(leave.died ? 1 : 0);
}

Result<Message> get_leave(ByteReader& in) {
    Leave leave;
    leave.serial = in.u64();
    const std::uint8_t died = in.u8();
    if (died > 1) return bad("leave has unknown flags");
    leave.died = died == 1;
    return Message{leave};
}

void put(ByteWriter& out, const Probe& probe) {
    out.u8(static_cast<std::uint8_t>(probe.kind));
}

Result<Message> get_probe(ByteReader& in) {
    const std::uint8_t kind = in.u8();
    if (kind >= kProbeKinds) return bad("probe of an unknown kind");
    return Message{Probe{static_cast<ProbeKind>(kind)}};
}

Result<Message> get_body(Type type, ByteReader& in) {
    switch (type) {
        case Type::token:
            return get_token(in);
        case Type::data:
            return get_data(in);
        case Type::join:
            return get_join(in);
        case Type::commit:
            return get_commit(in);
        case Type::beacon:
            return get_beacon(in);
        case Type::wake:
            return Message{Wake{get_ring(in)}};
        case Type::ack:
            return get_ack(in);
        case Type::leave:
            return get_leave(in);
        case Type::probe:
            return get_probe(in);
    }
    return bad("unknown type");
}

}  // namespace

base::Bytes encode(const Message& message) {
    base::Bytes bytes;
    ByteWriter out(bytes);
    out.u8(kVersion);
    out.u8(static_cast<std::uint8_t>(message.index() + 1));  // Type has the order of the variant
    std::visit([&](const auto& m) { put(out, m); }, message);
    return bytes;
}

bool of_other_version(base::ByteView bytes) {
    return !bytes.empty() && bytes[0] != kVersion;
}

base::Result<Message> decode(base::ByteView bytes) {
    if (bytes.size() > kMaxDatagram) return bad("too long");
    ByteReader in(bytes);
    const std::uint8_t version = in.u8();
    const std::uint8_t type = in.u8();
    if (!in.ok()) return bad("too short");
    if (version != kVersion) return bad("unknown version");
    if (type < 1 || type > std::variant_size_v<Message>) return bad("unknown type");
    TRY(Message message, get_body(static_cast<Type>(type), in));
    if (!in.done()) return bad("truncated, or with bytes left over");
    return message;
}

}  // namespace totem::wire

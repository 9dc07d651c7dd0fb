#include <algorithm>

#include "membership/groups/message.hpp"

namespace membership::groups {

namespace {

enum class Kind : std::uint8_t { join = 1, leave, gone, multicast };

void put_name(base::ByteWriter& w, const std::string& name) {
    ASSERT(is_group_name(name));
    w.u8(static_cast<std::uint8_t>(name.size()));
    w.raw(base::as_bytes(name));
}

std::string get_name(base::ByteReader& in) {
    return std::string(base::as_text(in.raw(in.u8())));
}

std::optional<Message> checked(const base::ByteReader& in, const std::string& group, Message message) {
    if (!in.done() || !is_group_name(group)) return std::nullopt;
    return message;
}

bool is_end(GroupReason why) {
    return why == GroupReason::leave || why == GroupReason::process_died || why == GroupReason::cut_off;
}

}  // namespace

bool is_group_name(const std::string& name) {
    return !name.empty() && name.size() <= kMaxGroupName;
}

base::Bytes encode(const Message& message) {
    base::Bytes out;
    const auto* multicast = std::get_if<Multicast>(&message);
    out.reserve(160 + (multicast != nullptr ? multicast->payload.size() : 0));
    base::ByteWriter w(out);
    if (multicast != nullptr) {
        w.u8(static_cast<std::uint8_t>(Kind::multicast));
        w.u64(multicast->client);
        w.u32(multicast->pid);
        put_name(w, multicast->group);
        w.raw(multicast->payload);
    } else if (const auto* join = std::get_if<Join>(&message)) {
        w.u8(static_cast<std::uint8_t>(Kind::join));
        w.u64(join->client);
        w.u32(join->pid);
        put_name(w, join->group);
    } else if (const auto* leave = std::get_if<Leave>(&message)) {
        w.u8(static_cast<std::uint8_t>(Kind::leave));
        w.u64(leave->client);
        put_name(w, leave->group);
    } else {
        const auto& gone = std::get<Gone>(message);
        ASSERT(is_end(gone.why));
        w.u8(static_cast<std::uint8_t>(Kind::gone));
        w.u64(gone.client);
        w.u8(static_cast<std::uint8_t>(gone.why));
    }
    return out;
}

std::optional<Message> decode(base::ByteView bytes) {
    base::ByteReader in(bytes);
    const auto kind = static_cast<Kind>(in.u8());
    const ClientId client = in.u64();
    switch (kind) {
        case Kind::join: {
            Join join{client, in.u32(), get_name(in)};
            return checked(in, join.group, join);
        }
        case Kind::leave: {
            Leave leave{client, get_name(in)};
            return checked(in, leave.group, leave);
        }
        case Kind::gone: {
            const Gone gone{client, static_cast<GroupReason>(in.u8())};
            return in.done() && is_end(gone.why) ? std::optional<Message>(gone) : std::nullopt;
        }
        case Kind::multicast: {
            Multicast multicast{client, in.u32(), get_name(in), {}};
            multicast.payload = in.raw(in.left());
            if (multicast.payload.size() > kMaxGroupMessage) return std::nullopt;
            return checked(in, multicast.group, multicast);
        }
    }
    return std::nullopt;
}

base::Bytes encode_table(const Table& table, std::optional<totem::Member> node) {
    base::Bytes out;
    base::ByteWriter w(out);
    for (const auto& [group, seats] : table) {
        const auto is_meant = [&](const Seat& seat) { return !node || seat.who.node == *node; };
        const auto count = std::count_if(seats.begin(), seats.end(), is_meant);
        if (count == 0) continue;
        put_name(w, group);
        w.u32(static_cast<std::uint32_t>(count));
        for (const Seat& seat : seats) {
            if (!is_meant(seat)) continue;
            if (!node) {
                w.u32(seat.who.node.node.value);
                w.u64(seat.who.node.incarnation.value);
            }
            w.u64(seat.who.client);
            w.u32(seat.who.pid);
            w.u64(seat.stamp.ring_seq);
            w.u32(seat.stamp.representative.value);
            w.u64(seat.stamp.seq);
        }
    }
    return out;
}

std::optional<Table> decode_table(base::ByteView bytes, const totem::Member& node) {
    constexpr std::size_t kSeatSize = 32;
    base::ByteReader in(bytes);
    Table table;
    std::string last;
    while (in.left() > 0) {
        const std::string group = get_name(in);
        const std::size_t count = in.u32();
        const bool ascending = table.empty() || group > last;
        if (!in.ok() || !is_group_name(group) || !ascending || count == 0 || count > in.left() / kSeatSize)
            return std::nullopt;
        std::vector<Seat>& seats = table[group];
        for (std::size_t i = 0; i < count; ++i) {
            Seat seat;
            seat.who.node = node;
            seat.who.client = in.u64();
            seat.who.pid = in.u32();
            seat.stamp.ring_seq = in.u64();
            seat.stamp.representative.value = in.u32();
            seat.stamp.seq = in.u64();
            if (!seats.empty() && seat <= seats.back()) return std::nullopt;
            seats.push_back(seat);
        }
        last = group;
    }
    return in.done() ? std::optional(std::move(table)) : std::nullopt;
}

}  // namespace membership::groups

// What the groups of all nodes say to each other, as values; codec.cpp has the layout.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "membership/groups/groups.hpp"

namespace membership::groups {

struct Join {
    ClientId client{0};
    std::uint32_t pid{0};
    std::string group;
    bool operator==(const Join&) const = default;
};
struct Leave {
    ClientId client{0};
    std::string group;
    bool operator==(const Leave&) const = default;
};
// The client leaves all its groups.
struct Gone {
    ClientId client{0};
    GroupReason why{GroupReason::leave};  // leave, process_died or cut_off
    bool operator==(const Gone&) const = default;
};
struct Multicast {
    ClientId client{0};
    std::uint32_t pid{0};
    std::string group;
    base::ByteView payload;
};
using Message = std::variant<Join, Leave, Gone, Multicast>;

[[nodiscard]] base::Bytes encode(const Message& message);
// Nothing: malformed. Views into `bytes`.
[[nodiscard]] std::optional<Message> decode(base::ByteView bytes);

// When a member joined, as its own node saw it: members stand in this order, at all nodes.
struct Stamp {
    std::uint64_t ring_seq{0};
    base::NodeId representative;
    std::uint64_t seq{0};
    auto operator<=>(const Stamp&) const = default;
};
// A member of a group.
struct Seat {
    Stamp stamp;
    GroupMember who;
    auto operator<=>(const Seat&) const = default;
};
using Table = std::map<std::string, std::vector<Seat>>;  // seats ascending

// The seats of `node` alone, or of all nodes.
[[nodiscard]] base::Bytes encode_table(const Table& table, std::optional<totem::Member> node);
// A table of seats of `node` alone. Nothing: malformed.
[[nodiscard]] std::optional<Table> decode_table(base::ByteView bytes, const totem::Member& node);

[[nodiscard]] bool is_group_name(const std::string& name);

}  // namespace membership::groups

// What custosd and a client of process groups say to each other over the group socket: values and bytes. Both
// ends are of this folder's code (the daemon's server, libcustos), but a client may be of another release:
// hello and welcome carry a version, and whoever does not know a kind says so and ends.
//
// A frame: length u32 of what follows, kind u8, body. Integers are little-endian; names are a length u8 and
// bytes. docs/groups.md has the layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"

namespace tools::frames {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeader = 4;  // the length
constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxMessage = 4'193'280;            // bytes of a multicast
constexpr std::size_t kMaxRequest = kMaxMessage + 256;    // length of a client's frame
constexpr std::size_t kMaxReply = std::size_t{16} << 20;  // length of the daemon's
constexpr std::size_t kOverhead = 64;  // bytes that each request is charged beside its payload

// --- client -> daemon
// The first word of a client that wants to be one. flags: bit 0: with the ring's views.
struct Hello {
    std::uint16_t version{kVersion};
    bool ring_views{false};
    bool operator==(const Hello&) const = default;
};
// In place of hello: all groups and members, once; then the connection ends.
struct List {
    std::uint16_t version{kVersion};
    bool operator==(const List&) const = default;
};
struct Join {
    std::string group;
    bool operator==(const Join&) const = default;
};
struct Leave {
    std::string group;
    bool operator==(const Leave&) const = default;
};
struct Send {
    bool safe{false};
    std::string group;
    base::ByteView payload;
};
// Nothing follows. Without it, an end of the connection is the death of the process.
struct Goodbye {
    bool operator==(const Goodbye&) const = default;
};
using Request = std::variant<Hello, List, Join, Leave, Send, Goodbye>;

// --- daemon -> client
struct Member {
    std::uint32_t node{0};
    std::uint64_t incarnation{0};  // of the node's process
    std::uint64_t client{0};       // a connection; of one process of a node never used again
    std::uint32_t pid{0};
    bool operator==(const Member&) const = default;
};
// A place in the order of a ring.
struct Place {
    std::uint64_t ring{0};  // the ring's sequence
    std::uint32_t representative{0};
    std::uint64_t digest{0};  // of the ring's members
    std::uint64_t seq{0};
    bool operator==(const Place&) const = default;
};
struct Welcome {
    std::uint16_t version{kVersion};
    Member self;
    std::uint32_t max_groups{0};  // that this client may be a member of
    bool operator==(const Welcome&) const = default;
};
struct Credits {
    std::uint64_t bytes{0};
    std::uint32_t messages{0};
    bool operator==(const Credits&) const = default;
};
struct Change {
    Member who;
    std::uint8_t why{0};  // membership::GroupReason
    bool operator==(const Change&) const = default;
};
struct View {
    std::string group;
    Place place;
    bool transitional{false};
    std::vector<Member> members;
    std::vector<Change> left, joined;
    bool operator==(const View&) const = default;
};
struct Message {
    std::string group;
    Member sender;
    Place place;
    bool transitional{false};
    base::ByteView payload;
};
struct Ring {
    struct Node {
        std::uint32_t node{0};
        std::uint64_t incarnation{0};
        bool operator==(const Node&) const = default;
    };
    Place place;
    std::vector<Node> members;
    bool operator==(const Ring&) const = default;
};
// A join that was not done.
struct Refused {
    std::string group;
    std::string why;
    bool operator==(const Refused&) const = default;
};
// The last frame: the daemon ends the connection.
struct End {
    std::string why;
    bool operator==(const End&) const = default;
};
struct Groups {
    struct Group {
        std::string name;
        std::vector<Member> members;
        bool operator==(const Group&) const = default;
    };
    std::vector<Group> groups;
    bool operator==(const Groups&) const = default;
};
using Reply = std::variant<Welcome, Credits, View, Message, Ring, Refused, End, Groups>;

// Whole frames. Names are of 1 to kMaxName bytes, payloads of at most kMaxMessage.
[[nodiscard]] base::Bytes encode(const Request& request);
[[nodiscard]] base::Bytes encode(const Reply& reply);
// The frame of a message but for its payload, which follows.
[[nodiscard]] base::Bytes encode_head(const Message& message, std::size_t payload);
// The same of a client's.
[[nodiscard]] base::Bytes encode_head(const Send& send, std::size_t payload);

// How long a frame is behind its header of kHeader bytes.
[[nodiscard]] std::uint32_t length_of(base::ByteView header);
// What stands behind the header. Nothing: malformed, or of no known kind. Views into `body`.
[[nodiscard]] std::optional<Request> decode_request(base::ByteView body);
[[nodiscard]] std::optional<Reply> decode_reply(base::ByteView body);

[[nodiscard]] inline bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= kMaxName;
}
// What a request is charged against the client's credits: of a multicast with so many bytes, or 0 of another.
[[nodiscard]] inline std::size_t charge(std::size_t payload) {
    return kOverhead + payload;
}

}  // namespace tools::frames

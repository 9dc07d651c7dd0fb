// What the links say to each other, beside the ring's messages: bodies of sealed frames whose first byte is
// kMark, which no ring message begins with. docs/protocol.md, "Links", has the layouts.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/heard.hpp"
#include "totem/base/time.hpp"

namespace totem {

constexpr std::uint8_t kLinkMark = 0xC1;
constexpr std::size_t kMaxLinks = 8;

// What the sender of a heartbeat has heard of its receiver by one link.
struct LinkReport {
    std::uint8_t link{0};    // number
    bool hears{false};       // has heard it lately
    std::uint32_t heard{0};  // highest heartbeat number; 0: none
    std::uint32_t mask{0};   // bit i: number heard - i was heard
    base::Duration hold;     // how long ago the highest one came; in microseconds on the wire
    // Of the link's group, if it has one: whether what the receiver sends by it arrives here, and the highest
    // number that was sent by it from here.
    bool hears_group{false};
    std::uint32_t group_sent{0};
    bool operator==(const LinkReport&) const = default;
};

// The list of nodes that a node goes by, as far as others must know it (membership/roster).
struct RosterMark {
    std::uint64_t counted{0};  // its version; 0: nobody but its own file vouches for it
    std::uint64_t mark{0};     // equal lists have equal ones
    bool operator==(const RosterMark&) const = default;
    // Whether nodes that go by these two can be in one ring.
    [[nodiscard]] bool agrees(const RosterMark& other) const {
        return mark == other.mark || (counted == 0 && other.counted == 0);
    }
};

struct Heartbeat {
    std::uint8_t link{0};             // by which it is sent
    std::uint32_t number{0};          // from 1, for each (sender, receiver, link)
    std::vector<LinkReport> reports;  // at most kMaxLinks
    base::Heard heard;                // of the receiver's process, as the seal counts
    // The process of the receiver whose heartbeats `reports` speak of; 0: none was heard yet.
    base::Incarnation of{};
    bool urgent{false};     // to be answered by a heartbeat at once, by the same link
    std::uint32_t word{0};  // of the sender's Rider to that process; 0: nothing
    RosterMark roster{};    // of the sender
    bool operator==(const Heartbeat&) const = default;
};

// "Does a frame of this size pass?" The answer is small.
struct SizeProbe {
    std::uint8_t link{0};
    std::uint32_t id{0};
    bool operator==(const SizeProbe&) const = default;
};
struct SizeAnswer {
    std::uint8_t link{0};
    std::uint32_t id{0};
    bool operator==(const SizeAnswer&) const = default;
};

// By the group of a link, to all at once: does the group reach them?
struct GroupBeat {
    std::uint8_t link{0};
    std::uint32_t number{0};  // from 1, for each (sender, link)
    bool operator==(const GroupBeat&) const = default;
};

// A part of a ring message that is larger than what the path carries.
struct Piece {
    std::uint32_t id{0};  // of the message, for each sender
    std::uint8_t index{0}, count{0};
    base::ByteView bytes;  // of the decoded body: valid as long as that
};

// To a node that goes by an older list of nodes than the sender: the one that counts. What is in it is for
// the layers above.
struct RosterOffer {
    base::Bytes list;
    bool operator==(const RosterOffer&) const = default;
};

using LinkMessage = std::variant<Heartbeat, SizeProbe, SizeAnswer, Piece, GroupBeat, RosterOffer>;

[[nodiscard]] inline bool is_link_message(base::ByteView body) {
    return !body.empty() && body.front() == kLinkMark;
}
// Padded to `size` bytes where the message is smaller; pieces never are.
[[nodiscard]] base::Bytes encode(const LinkMessage& message, std::size_t size = 0);
// Total: any bytes give a well-formed message or none.
[[nodiscard]] std::optional<LinkMessage> decode_link_message(base::ByteView body);

constexpr std::size_t kPieceHeader = 8;
constexpr std::size_t kMaxPieces = 128;  // of one message

}  // namespace totem

// What Sync says on the ring, as values; codec.cpp has the layout.
//
// Each message: service u8 (0: Sync itself), kind u8, body. What a member says keeps its order, and it says
// hello first in each view, and nothing else before it has seen everybody's hello. So whatever is ordered
// before the last hello was said in a former view and is void, at all members alike; only a hello has to say
// which view it is meant for.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "membership/sync/service.hpp"

namespace membership::sync {

constexpr std::size_t kMaxServices = 16;
constexpr std::size_t kHeaderSize = 2;

// What a member went through last: the last ring whose hellos were complete for it, and who left that ring
// together with it (the lowest node of its transitional view). Members with the same lineage have delivered
// the same messages.
struct Lineage {
    base::RingId ring;
    base::NodeId lowest;
    auto operator<=>(const Lineage&) const = default;
};

// A member's first word in a view.
struct Hello {
    std::uint64_t ring_seq{0};  // of the view
    struct Entry {
        ServiceId service{0};
        bool current{false};   // was synchronised at the end of lineage.ring
        bool diverged{false};  // was found to have another state than others with the same past
        Standing standing;
        bool operator==(const Entry&) const = default;
    };
    Lineage lineage;
    std::vector<Entry> services;  // ascending by id
    bool operator==(const Hello&) const = default;
};

// A message of the service.
struct Data {
    base::ByteView payload;
};

// A piece of a snapshot, in order.
struct Chunk {
    std::uint64_t total{0};   // bytes of the snapshot
    std::uint64_t offset{0};  // of this piece
    base::ByteView bytes;
};

// All compute the digest of their state at the place of this message.
struct Mark {};

// A member's digest at a mark.
struct Report {
    base::Seq mark;
    std::optional<Digest> digest;  // none: it has no state that it vouches for
};

struct Decoded {
    ServiceId service{0};
    std::variant<Hello, Data, Chunk, Mark, Report> body;  // views into the decoded bytes
};

[[nodiscard]] base::Bytes encode(const Hello& hello);
[[nodiscard]] base::Bytes encode(ServiceId service, const Data& data);
[[nodiscard]] base::Bytes encode(ServiceId service, const Chunk& chunk);
[[nodiscard]] base::Bytes encode(ServiceId service, const Mark& mark);
[[nodiscard]] base::Bytes encode(ServiceId service, const Report& report);
// Nothing: malformed, or of a kind that this version does not know.
[[nodiscard]] std::optional<Decoded> decode(base::ByteView bytes);

}  // namespace membership::sync

// Ring messages in pieces, for a path that carries less than was already sequenced. Each piece is sealed like
// any frame; the receiver puts them together before the ring sees anything. What lacks a piece is given up:
// the ring asks for it again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/monitor/messages.hpp"

namespace totem {

// Cuts a body into bodies of at most `size` bytes each. Needs 2 to kMaxPieces of them.
[[nodiscard]] std::vector<base::Bytes> cut(base::ByteView body, std::uint32_t id, std::size_t size);

class PieceStore {
  public:
    static constexpr std::size_t kMaxOpen = 64;                    // messages in parts, for each sender
    static constexpr std::size_t kMaxBytes = 1u << 20;             // of these, for each sender
    static constexpr base::Duration kPatience = base::seconds(2);  // for the rest of a message

    // The message that this piece completes. The oldest ones in parts go when a bound is met; a new process
    // of the node forgets those of the old one.
    [[nodiscard]] std::optional<base::Bytes> add(base::Instant now, base::NodeId node,
                                                 base::Incarnation incarnation, const Piece& piece);
    [[nodiscard]] std::size_t held_bytes() const;
    [[nodiscard]] std::uint64_t given_up() const { return given_up_; }  // messages

  private:
    struct Open {
        std::uint32_t id{0};
        base::Instant since;
        std::size_t bytes{0}, missing{0};
        std::vector<base::Bytes> parts;
    };
    struct Sender {
        base::Incarnation incarnation;
        std::deque<Open> open;  // the oldest first
        std::size_t bytes{0};
    };
    void drop_oldest(Sender& sender);
    std::map<base::NodeId, Sender> senders_;
    std::uint64_t given_up_{0};
};

}  // namespace totem

// The clear header of a frame: 48 bytes, little-endian, all of it associated data of the ciphertext that
// follows.
#pragma once

#include <cstdint>
#include <variant>

#include "totem/base/bytes.hpp"
#include "totem/seal/seal.hpp"

namespace totem::detail {

struct Header {
    static constexpr std::size_t kSize = 48;
    static constexpr std::uint8_t kVersion = 1;
    static constexpr std::uint8_t kRingStream =
        0;  // who of a node speaks; another speaker gets a stream, hence a key, of its own
    static constexpr std::uint8_t kLastWordsStream = 1;  // of a process that has ended, by its guard
    // Which start is alive. Each frame has a salt, hence a key, of its own.
    static constexpr std::uint8_t kChallengeStream = 2;
    static constexpr std::uint8_t kAnswerStream =
        3;  // its key is bound to the challenge; counter: see Impl::floor
    static constexpr std::uint8_t kOutdatedStream = 4;  // "I knew a later start of yours"
    static constexpr std::uint8_t kLastStream = kOutdatedStream;

    std::uint8_t stream{kRingStream};
    std::uint8_t key_id{0};        // which of the cluster's live master keys
    std::uint16_t length{0};       // of the body
    std::uint64_t cluster{0};      // hash of the cluster's name
    std::uint32_t sender{0};       // node id
    std::uint32_t epoch{0};        // grows within an incarnation; half of the nonce
    std::uint64_t incarnation{0};  // the sender's process start
    std::uint64_t salt{0};         // random, drawn with the epoch
    std::uint64_t counter{0};      // from 1, grows within an incarnation; the other half of the nonce
};

// Appends the 48 bytes.
void write_header(const Header& header, base::Bytes& out);

// Reads the header of a whole frame. Refuses what is no frame of ours by its first bytes, naming corosync's;
// a length that does not fit the frame is `tag` (a damaged frame).
[[nodiscard]] std::variant<Header, Rejected> read_header(base::ByteView frame);

}  // namespace totem::detail

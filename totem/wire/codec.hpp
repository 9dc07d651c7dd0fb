// Bytes <-> ring messages. Hand-packed, little-endian, version byte first, type byte second; layouts in
// docs/protocol.md.
#pragma once

#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"
#include "totem/wire/message.hpp"

namespace totem::wire {

// The datagram for a message. The message must respect the limits in message.hpp.
[[nodiscard]] base::Bytes encode(const Message& message);

// Total: any input gives a message or an error. Counts are checked against their limits before anything is
// done with them, and nothing may be left over. Errors name the field.
[[nodiscard]] base::Result<Message> decode(base::ByteView bytes);

// Whether the datagram is of a protocol version that we don't speak.
[[nodiscard]] bool of_other_version(base::ByteView bytes);

// Bytes of a data datagram before its payload: as it is sent first, and what encapsulation in recovery adds
// to that.
constexpr std::size_t kDataHeader = 2 + 20 + 8 + 4 + 1;
constexpr std::size_t kEncapsulation = 20 + 8 + 4;

}  // namespace totem::wire

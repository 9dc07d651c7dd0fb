// Bytes of the local control protocol: a frame is a length (u32, little-endian) and one protobuf message. The
// generated types stay behind codec.cpp. Decoders are total: any input gives a value or an error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tools/ipc/control.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"

namespace tools {

inline constexpr std::size_t kFrameHeader = 4;
inline constexpr std::size_t kMaxFrame = std::size_t{16} << 20;  // of a payload, in bytes

[[nodiscard]] base::Bytes encode(const Request& request);
[[nodiscard]] base::Result<Request> decode_request(base::ByteView bytes);
[[nodiscard]] base::Bytes encode(const Reply& reply);
[[nodiscard]] base::Result<Reply> decode_reply(base::ByteView bytes);

// The frame that carries `payload`. Errc::invalid when it is longer than kMaxFrame.
[[nodiscard]] base::Result<base::Bytes> frame(base::ByteView payload);
// The payload length that a frame header of kFrameHeader bytes announces. Errc::invalid when it is above
// kMaxFrame or zero.
[[nodiscard]] base::Result<std::size_t> payload_length(base::ByteView header);

}  // namespace tools

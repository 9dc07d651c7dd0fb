// Any bytes as a request or a reply of the control socket: a value or an error. A value's bytes give the same
// bytes again.
#include <cstddef>
#include <cstdint>

#include "tools/ipc/codec.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView bytes(data, size);
    if (const auto request = tools::decode_request(bytes)) {
        const base::Bytes once = tools::encode(*request);
        ASSERT(tools::encode(*tools::decode_request(once)) == once);
    }
    if (const auto reply = tools::decode_reply(bytes)) {
        const base::Bytes once = tools::encode(*reply);
        ASSERT(tools::encode(*tools::decode_reply(once)) == once);
    }
    if (bytes.size() >= tools::kFrameHeader)
        static_cast<void>(tools::payload_length(bytes.first(tools::kFrameHeader)));
    return 0;
}

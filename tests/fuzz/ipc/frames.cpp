// Any bytes as a frame of the group socket, to either end: a value or nothing, and a value's bytes are those.
#include "tools/groups/frames.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace frames = tools::frames;
    const base::ByteView body(data, size);
    const auto is_same = [&](const base::Bytes& frame) {
        return frame.size() == size + frames::kHeader && frames::length_of(frame) == size &&
               std::equal(body.begin(), body.end(), frame.begin() + frames::kHeader);
    };
    if (const auto request = frames::decode_request(body)) ASSERT(is_same(frames::encode(*request)));
    if (const auto reply = frames::decode_reply(body)) ASSERT(is_same(frames::encode(*reply)));
    return 0;
}

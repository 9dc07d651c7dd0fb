// Any bytes give a message or an error; a message encodes to the same bytes. As a payload, they give messages
// or a refusal, and nothing longer than allowed is kept.
#include "totem/base/check.hpp"
#include "totem/wire/codec.hpp"
#include "totem/wire/packing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView bytes(data, size);
    if (const auto message = totem::wire::decode(bytes)) {
        const base::Bytes again = totem::wire::encode(*message);
        ASSERT(base::ByteView(again).size() == size && std::equal(again.begin(), again.end(), data));
    }
    constexpr std::size_t kMax = 1000;
    totem::wire::Reassembler reassembler;
    for (std::size_t at = 0; at < size; at += 100) {
        const base::ByteView payload = bytes.subspan(at, std::min<std::size_t>(100, size - at));
        static_cast<void>(reassembler.add(
            payload, kMax, [](std::size_t, const base::Bytes& message) { ASSERT(message.size() <= kMax); }));
        ASSERT(reassembler.held_bytes() <= kMax);
    }
    return 0;
}

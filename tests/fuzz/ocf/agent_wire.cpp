// Bytes between the processes and from the network segment: packets of guard, frames of the runner, ARP. The
// first byte says which; what decodes must encode to something that decodes to the same again.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "agents/guard/frames.hpp"
#include "agents/runner/codec.hpp"
#include "agents/vip/arp.hpp"
#include "totem/base/check.hpp"

namespace {

void guard_request(base::ByteView in) {
    const auto command = agents::decode_request(in);
    if (!command) return;
    const auto packet = agents::encode(*command);
    ASSERT(packet);
    base::Bytes bytes(sizeof(*packet));
    std::memcpy(bytes.data(), &*packet, bytes.size());
    const auto again = agents::decode_request(bytes);
    ASSERT(again && again->kind == command->kind && again->ring == command->ring);
    ASSERT(again->address.request == command->address.request &&
           again->address.resource == command->address.resource);
}

void runner_stream(base::ByteView in) {
    agents::FrameBuffer buffer;
    buffer.append(in);
    for (auto body = buffer.next(); body && body->has_value(); body = buffer.next()) {
        const auto message = agents::decode_to_runner(**body);
        if (!message) continue;
        base::Bytes frame = agents::encode_frame(*message);
        const auto again = agents::decode_to_runner(base::ByteView(frame).subspan(4));
        ASSERT(again && again->index() == message->index());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const base::ByteView rest(data + 1, size - 1);
    switch (data[0] % 5) {
        case 0:
            guard_request(rest);
            break;
        case 1:
            static_cast<void>(agents::decode_reply(rest));
            break;
        case 2:
            runner_stream(rest);
            break;
        case 3:
            static_cast<void>(agents::decode_from_runner(rest));
            break;
        default:
            static_cast<void>(agents::parse_arp(rest));
            break;
    }
    return 0;
}

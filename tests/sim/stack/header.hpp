// The clear header of a frame as docs/protocol.md has it ("The seal", "Frame"), read without the seal's code.
#pragma once

#include <cstdint>

#include "totem/base/bytes.hpp"

namespace stack_sim {

struct Header {
    static constexpr std::size_t kSize = 48, kOverhead = 64;
    // Of a whole frame that a stack has sealed.
    explicit Header(base::ByteView frame) {
        base::ByteReader in(frame);
        static_cast<void>(in.raw(4));
        stream = in.u8();
        key_id = in.u8();
        static_cast<void>(in.raw(10));
        sender = in.u32();
        epoch = in.u32();
        incarnation = in.u64();
        salt = in.u64();
        counter = in.u64();
    }
    std::uint8_t stream{0}, key_id{0};
    std::uint32_t sender{0}, epoch{0};
    std::uint64_t incarnation{0}, salt{0}, counter{0};
};

}  // namespace stack_sim

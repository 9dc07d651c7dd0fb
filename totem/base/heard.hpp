// What a node has heard of one process of another, in terms of the seal.
#pragma once

#include <cstdint>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"

namespace base {

// The frame with the highest counter that was opened of a process. Its process knows whether that is so: if
// it has sealed less, or something else at that place, its memory is from the past.
struct Heard {
    Incarnation incarnation;   // of which process; 0: of none
    std::uint64_t counter{0};  // of the frame; 0: nothing was opened yet
    std::uint64_t mark{0};     // the first bytes of the frame's tag
    bool operator==(const Heard&) const = default;

    static constexpr std::size_t kSize = 24;  // as bytes
    void write(ByteWriter& out) const {
        out.u64(incarnation.value);
        out.u64(counter);
        out.u64(mark);
    }
    static Heard read(ByteReader& in) {
        Heard heard;
        heard.incarnation = {in.u64()};
        heard.counter = in.u64();
        heard.mark = in.u64();
        return heard;
    }
};

}  // namespace base

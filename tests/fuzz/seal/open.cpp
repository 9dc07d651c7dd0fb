// Arbitrary bytes to Sealer::open. The first byte says how: 0 as they are; else they are laid over a good
// frame from that offset on, so that the paths behind the magic are reached. Opening anything but the
// untouched frame would be a forgery.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "totem/seal/seal.hpp"

namespace {

totem::Sealer& sender() {
    static totem::Sealer s(totem::MasterKey(std::array<std::uint8_t, 32>{1}), "fuzz", base::NodeId{1},
                           base::Incarnation{5}, {base::NodeId{1}, base::NodeId{2}});
    return s;
}
totem::Sealer& receiver() {
    static totem::Sealer s(totem::MasterKey(std::array<std::uint8_t, 32>{1}), "fuzz", base::NodeId{2},
                           base::Incarnation{6}, {base::NodeId{1}, base::NodeId{2}});
    return s;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const base::ByteView rest(data + 1, size - 1);
    if (data[0] == 0) {
        if (std::holds_alternative<totem::OpenedFrame>(receiver().open(rest))) std::abort();
        return 0;
    }
    const base::Bytes body(40, 7);
    const base::Bytes good = sender().seal(body);
    base::Bytes frame = good;
    for (std::size_t i = 0; i < rest.size() && data[0] - 1 + i < frame.size(); ++i)
        frame[data[0] - 1 + i] = rest[i];
    const auto result = receiver().open(frame);
    if (std::holds_alternative<totem::OpenedFrame>(result) != (frame == good)) std::abort();
    return 0;
}

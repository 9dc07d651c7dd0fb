// Arbitrary bytes to Sealer::open. The first byte says how: 0 as they are; else they are laid over a good
// frame from that offset on, so that the paths behind the magic are reached: a frame of the ring, or what the
// sealers say to each other (second byte), of another length (third byte). Taking anything but the untouched
// frame would be a forgery.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "totem/base/rng.hpp"
#include "totem/seal/seal.hpp"

namespace {

totem::Sealer::Random seeded(std::uint64_t seed) {
    return [rng = base::Rng(seed)](std::span<std::uint8_t> out) mutable {
        for (std::uint8_t& b : out) b = static_cast<std::uint8_t>(rng.next());
    };
}

std::unique_ptr<totem::Sealer> sealer(std::uint32_t node) {
    return std::make_unique<totem::Sealer>(totem::MasterKey(std::array<std::uint8_t, 32>{1}), "fuzz",
                                           base::NodeId{node}, base::Incarnation{5 + node},
                                           base::NodeSet{base::NodeId{1}, base::NodeId{2}}, seeded(node));
}

// Two nodes that have just met: node 2 has asked, node 1 has answered and asked back, and so on as far as
// `known` says; at last node 1 was silent, and has answered again. Made anew for each input, so that a
// finding needs no history.
struct Pair {
    explicit Pair(unsigned known) {
        static_cast<void>(two->open(one->seal(base::Bytes(64))));
        challenge = two->take_replies().at(0).frame;
        if (known == 0) return;
        static_cast<void>(one->open(challenge));
        answer = one->take_replies().at(0).frame;
        if (known == 1) return;
        static_cast<void>(two->open(answer));
        static_cast<void>(two->take_proven());
        static_cast<void>(one->open(two->take_replies().at(0).frame));
        if (known == 2) return;
        for (int i = 1; i <= 4; ++i) two->set_time(base::Instant{} + base::milliseconds(400) * i);
        static_cast<void>(two->open(one->seal(base::Bytes(64))));
        static_cast<void>(one->open(two->take_replies().at(0).frame));
        answer = one->take_replies().at(0).frame;
    }
    std::unique_ptr<totem::Sealer> one = sealer(1);
    std::unique_ptr<totem::Sealer> two = sealer(2);
    base::Bytes challenge, answer;
};

// Takes the frame, or doesn't; whether it did.
bool taken(totem::Sealer& by, base::ByteView frame) {
    const auto result = by.open(frame);
    const auto* why = std::get_if<totem::Rejected>(&result);
    const bool good = why == nullptr || *why == totem::Rejected::handshake;
    if (!good && *why != totem::Rejected::unproven &&
        !(by.take_replies().empty() && by.take_proven().empty()))
        std::abort();  // a refused frame changes nothing
    return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const base::ByteView rest(data + 3, size - 3);
    const unsigned stage = data[1] % 4U;
    Pair pair(stage);
    totem::Sealer& receiver = stage == 0 ? *pair.one : *pair.two;
    if (data[0] == 0) {
        if (taken(receiver, rest)) std::abort();
        return 0;
    }
    const base::Bytes good = stage == 0   ? pair.challenge
                             : stage != 2 ? pair.answer
                                          : pair.one->seal(base::Bytes(40, 7));
    base::Bytes frame = good;
    for (std::size_t i = 0; i < rest.size() && data[0] - 1U + i < frame.size(); ++i)
        frame[data[0] - 1U + i] = rest[i];
    if (data[2] != 0) frame.resize(data[2] - 1U);  // cut, or with more behind it
    if (taken(receiver, frame) != (frame == good)) std::abort();
    return 0;
}

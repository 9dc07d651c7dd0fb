#include <doctest/doctest.h>

#include "totem/base/rng.hpp"
#include "totem/wire/packing.hpp"

using totem::Guarantee;
using totem::wire::Packer;
using totem::wire::Reassembler;

namespace {

base::Bytes message_of(std::size_t size, std::uint64_t seed) {
    base::Rng rng(seed);
    base::Bytes bytes(size);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(rng.next());
    return bytes;
}

constexpr std::size_t kMax = 4u << 20;

}  // namespace

TEST_CASE("messages of any size come out as they went in, in order") {
    for (const std::size_t payload_size : {16u, 100u, 1233u, 65'000u}) {
        Packer packer(payload_size);
        std::vector<base::Bytes> sent;
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{3}, payload_size - 3, payload_size - 2, payload_size,
              3 * payload_size + 1, std::size_t{20}, std::size_t{100'000}, std::size_t{0}}) {
            sent.push_back(message_of(size, size));
            packer.push(sent.back(), Guarantee::agreed);
        }
        std::vector<base::Bytes> received;
        Reassembler reassembler;
        while (!packer.empty()) {
            const base::Bytes payload = packer.next().payload;
            CHECK(payload.size() <= payload_size);
            CHECK(reassembler.add(payload, kMax,
                                  [&](std::size_t, base::Bytes m) { received.push_back(std::move(m)); }));
        }
        CHECK(received == sent);
        CHECK(packer.queued_bytes() == 0);
        CHECK(reassembler.held_bytes() == 0);
    }
}

TEST_CASE("small messages share a datagram and are counted in it") {
    Packer packer(1000);
    for (int i = 0; i < 10; ++i) packer.push(message_of(50, 1), Guarantee::agreed);
    CHECK(packer.backlog() == 1);
    std::vector<std::size_t> indices;
    Reassembler reassembler;
    CHECK(reassembler.add(packer.next().payload, kMax,
                          [&](std::size_t index, const base::Bytes&) { indices.push_back(index); }));
    CHECK(packer.empty());
    CHECK(indices == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("messages of different guarantees share no datagram, and keep their order") {
    Packer packer(300);
    const std::vector<Guarantee> kinds{Guarantee::agreed, Guarantee::safe,   Guarantee::safe,
                                       Guarantee::agreed, Guarantee::agreed, Guarantee::safe};
    const std::vector<std::size_t> sizes{10, 400, 10, 500, 20, 30};
    std::vector<base::Bytes> sent;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        sent.push_back(message_of(sizes[i], i));
        packer.push(sent.back(), kinds[i]);
    }
    std::vector<base::Bytes> received;
    std::vector<Guarantee> as;
    Reassembler reassembler;
    while (!packer.empty()) {
        const Packer::Packed packed = packer.next();
        CHECK(reassembler.add(packed.payload, kMax, [&](std::size_t, base::Bytes m) {
            received.push_back(std::move(m));
            as.push_back(packed.guarantee);
        }));
    }
    CHECK(received == sent);
    CHECK(as == kinds);
}

TEST_CASE("after a ring change a message of which a part was sent starts again") {
    Packer packer(1000);
    const base::Bytes message = message_of(5000, 2);
    packer.push(message, Guarantee::agreed);
    static_cast<void>(packer.next().payload);
    CHECK(packer.queued_bytes() == 5000);
    packer.restart_partial();
    std::vector<base::Bytes> received;
    Reassembler fresh;
    while (!packer.empty()) {
        CHECK(fresh.add(packer.next().payload, kMax,
                        [&](std::size_t, base::Bytes m) { received.push_back(std::move(m)); }));
    }
    CHECK(received == std::vector<base::Bytes>{message});
}

TEST_CASE("the backlog never promises more datagrams than there are") {
    Packer packer(200);
    base::Rng rng(3);
    for (int i = 0; i < 200; ++i) packer.push(message_of(rng.below(500), 1), Guarantee::agreed);
    while (!packer.empty()) {
        CHECK(packer.backlog() >= 1);
        static_cast<void>(packer.next().payload);
    }
    CHECK(packer.backlog() == 0);
}

TEST_CASE("malformed payloads are refused and leave nothing behind") {
    const auto refuse = [](const base::Bytes& payload) {
        Reassembler reassembler;
        const bool ok = reassembler.add(payload, 1000, [](std::size_t, const base::Bytes&) {});
        CHECK_FALSE(ok);
        CHECK(reassembler.held_bytes() == 0);
    };
    refuse({2, 1, 0, 7});                          // last without first
    refuse({4, 0, 0});                             // unknown flag
    refuse({3, 5, 0, 1});                          // shorter than it says
    refuse({1, 1, 0, 0xff, 0xff, 0xff, 0x7f, 1});  // 2 GiB to come
    refuse({1, 2, 0, 1, 0, 0, 0, 1, 2});           // more than its total
    refuse({1, 1, 0, 9, 0, 0, 0, 1, 3, 1, 0, 7});  // first amid another message
    refuse({1, 1, 0, 9, 0, 0, 0, 1, 2, 1, 0, 7});  // last before the total is there
}

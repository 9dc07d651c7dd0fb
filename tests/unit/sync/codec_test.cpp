#include <doctest/doctest.h>

#include "membership/sync/message.hpp"

namespace said = membership::sync;
using base::Bytes;

namespace {

Bytes with(Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes.at(at) = value;
    return bytes;
}

said::Hello a_hello() {
    said::Hello hello;
    hello.ring_seq = 9;
    hello.lineage = {{7, {2}, 3}, {1}};
    hello.services.push_back({1, true, false, {{1, 2, 3}, membership::digest_of({})}});
    hello.services.push_back({200, false, true, {{}, {}}});
    return hello;
}

}  // namespace

TEST_CASE("a hello comes back as it was") {
    const auto decoded = said::decode(said::encode(a_hello()));
    REQUIRE(decoded);
    CHECK(decoded->service == 0);
    CHECK(std::get<said::Hello>(decoded->body) == a_hello());
}

TEST_CASE("layout: service, kind, body") {
    const Bytes payload{0xaa, 0xbb};
    CHECK(said::encode(7, said::Data{payload}) == Bytes{7, 1, 0xaa, 0xbb});
    CHECK(said::encode(7, said::Chunk{3, 1, payload}) ==
          Bytes{7, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb});
    CHECK(said::encode(7, said::Mark{}) == Bytes{7, 3});
    CHECK(said::encode(7, said::Report{{5}, std::nullopt}) == Bytes{7, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(said::encode(7, said::Report{{5}, membership::Digest{}}).size() == 2 + 8 + 1 + 32);
}

TEST_CASE("what is malformed is not read") {
    const Bytes hello = said::encode(a_hello());
    for (std::size_t size = 0; size < hello.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(said::decode({hello.data(), size}));
    }
    constexpr std::size_t kCount = 2 + 8 + 24, kFirst = kCount + 1;
    CHECK_FALSE(said::decode(with(hello, kCount, 17)));     // services that are not there
    CHECK_FALSE(said::decode(with(hello, kFirst, 0)));      // id 0
    CHECK_FALSE(said::decode(with(hello, kFirst, 200)));    // twice the same
    CHECK_FALSE(said::decode(with(hello, kFirst + 1, 8)));  // a flag that is none
    CHECK_FALSE(said::decode(with(hello, 0, 1)));           // a hello of a service
    CHECK_FALSE(said::decode(Bytes{0, 1, 2}));              // data of Sync itself
    CHECK_FALSE(said::decode(Bytes{1, 5, 2}));              // no such kind
    CHECK_FALSE(said::decode(Bytes{1, 3, 0}));              // something after a mark
    CHECK_FALSE(said::decode(said::encode(1, said::Chunk{1, 0, Bytes{1, 2}})));  // more than there is
    CHECK_FALSE(said::decode(said::encode(1, said::Chunk{1, 2, {}})));           // beyond its end
    CHECK_FALSE(said::decode(with(said::encode(1, said::Report{{5}, std::nullopt}), 10, 2)));
}

TEST_CASE("a digest tells every byte and the length") {
    Bytes bytes(20);
    const membership::Digest zeros = membership::digest_of(bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at)
        CHECK(membership::digest_of(with(bytes, at, 1)) != zeros);
    bytes.push_back(0);
    CHECK(membership::digest_of(bytes) != zeros);
}

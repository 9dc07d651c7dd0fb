#include <doctest/doctest.h>

#include <algorithm>

#include "totem/monitor/pieces.hpp"

using totem::cut;
using totem::decode_link_message;
using totem::Heartbeat;
using totem::Piece;
using totem::PieceStore;

namespace {

constexpr base::NodeId kNode{2};
constexpr base::Incarnation kFirst{1};

base::Bytes message(std::size_t size) {
    base::Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return out;
}

std::optional<base::Bytes> give(PieceStore& store, const base::Bytes& body, base::Instant now = {},
                                base::Incarnation incarnation = kFirst) {
    const auto decoded = decode_link_message(body);
    REQUIRE(decoded);
    return store.add(now, kNode, incarnation, std::get<Piece>(*decoded));
}

}  // namespace

TEST_CASE("link messages come out as they went in, padded or not") {
    const Heartbeat beat{3,
                         77,
                         {{0, true, 5, 0x1f, base::microseconds(1234)}, {3, false, 0, 0, {}, true, 1 << 20}},
                         {base::Incarnation{9}, 8, 7},
                         base::Incarnation{9},
                         true,
                         1'000'000,
                         {12, 0x1234567890abcdef}};
    for (const std::size_t size : {0u, 100u, 1408u}) {
        const base::Bytes body = totem::encode(beat, size);
        CHECK(body.size() >= size);
        if (size > 0) CHECK(body.size() == size);
        const auto back = decode_link_message(body);
        REQUIRE(back);
        CHECK(std::get<Heartbeat>(*back) == beat);
        for (std::size_t cut_at = 0; cut_at < body.size(); ++cut_at)
            CHECK_FALSE(decode_link_message(base::ByteView(body).first(cut_at)));
    }
    const auto probe = decode_link_message(totem::encode(totem::SizeProbe{1, 9}, 700));
    REQUIRE(probe);
    CHECK(std::get<totem::SizeProbe>(*probe) == totem::SizeProbe{1, 9});
    const auto answer = decode_link_message(totem::encode(totem::SizeAnswer{1, 9}));
    REQUIRE(answer);
    CHECK(std::get<totem::SizeAnswer>(*answer) == totem::SizeAnswer{1, 9});
    const totem::RosterOffer offer{{1, 2, 3, 200}};
    const base::Bytes offered = totem::encode(offer);
    REQUIRE(decode_link_message(offered));
    CHECK(std::get<totem::RosterOffer>(*decode_link_message(offered)) == offer);
    for (std::size_t cut_at = 0; cut_at < offered.size(); ++cut_at)
        CHECK_FALSE(decode_link_message(base::ByteView(offered).first(cut_at)));
    const base::Bytes group = totem::encode(totem::GroupBeat{1, 9}, 64);
    CHECK(group.size() == 64);
    REQUIRE(decode_link_message(group));
    CHECK(std::get<totem::GroupBeat>(*decode_link_message(group)) == totem::GroupBeat{1, 9});
    CHECK_FALSE(decode_link_message(totem::encode(totem::GroupBeat{8, 1})));
    CHECK_FALSE(decode_link_message(totem::encode(totem::GroupBeat{1, 0})));
    CHECK_FALSE(decode_link_message(base::Bytes{1, 1}));                       // a ring message
    CHECK_FALSE(decode_link_message(totem::encode(totem::SizeProbe{8, 1})));   // no such link
    CHECK_FALSE(decode_link_message(totem::encode(Heartbeat{0, 0, {}, {}})));  // numbers begin at 1
    CHECK_FALSE(
        decode_link_message(totem::encode(Heartbeat{0, 1, {}, {}, {}, false, 5})));  // a word to nobody
    CHECK_FALSE(decode_link_message(totem::encode(Piece{1, 2, 2, message(5)})));     // beyond the last
}

TEST_CASE("a message in pieces is put together in any order, once") {
    const base::Bytes whole = message(3000);
    auto bodies = cut(whole, 7, 576);
    REQUIRE(bodies.size() == 6);
    for (const auto& body : bodies) CHECK(body.size() <= 576);
    PieceStore store;
    std::reverse(bodies.begin(), bodies.end());
    for (std::size_t i = 0; i + 1 < bodies.size(); ++i) {
        CHECK_FALSE(give(store, bodies[i]));
        CHECK_FALSE(give(store, bodies[i]));  // a copy
    }
    const auto done = give(store, bodies.back());
    REQUIRE(done);
    CHECK(*done == whole);
    CHECK(store.held_bytes() == 0);
}

TEST_CASE("messages in parts are bounded in number, bytes and time, and end with their process") {
    PieceStore store;
    const auto first_of = [](std::uint32_t id, std::size_t size) {
        return cut(message(size), id, size / 2 + 20)[0];
    };
    for (std::uint32_t id = 0; id < 200; ++id) CHECK_FALSE(give(store, first_of(id, 200)));
    CHECK(store.given_up() == 200 - PieceStore::kMaxOpen);
    for (std::uint32_t id = 1000; id < 1060; ++id) CHECK_FALSE(give(store, first_of(id, 60'000)));
    CHECK(store.held_bytes() <= PieceStore::kMaxBytes);
    CHECK_FALSE(give(store, first_of(1, 200), {}, {2}));
    CHECK(store.held_bytes() < 200);
    CHECK_FALSE(
        give(store, first_of(2, 200), base::Instant{} + PieceStore::kPatience + base::seconds(1), {2}));
    CHECK(store.held_bytes() < 200);
    // What disagrees about the number of pieces is not mixed.
    const auto two = cut(message(200), 2, 120), three = cut(message(200), 2, 80);
    CHECK_FALSE(give(store, three.back(), base::Instant{} + base::seconds(4), {2}));
    CHECK(give(store, two.back(), base::Instant{} + base::seconds(4), {2}) == message(200));
}

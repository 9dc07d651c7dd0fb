#include <doctest/doctest.h>

#include "totem/base/rng.hpp"
#include "totem/wire/codec.hpp"

using namespace totem::wire;
using base::Incarnation;
using base::NodeId;
using base::RingId;
using base::Seq;
using totem::Guarantee;

namespace {

const RingId kRing = totem::ring_of(8, {{NodeId{1}, Incarnation{77}}, {NodeId{2}, Incarnation{4}}});

std::vector<Message> samples() {
    Token token{kRing,     5,  Seq{40}, Seq{38}, NodeId{2}, NodeId{3},         9000, 8000, 800, 3, true,
                NodeId{4}, 77, 7,       9,       1,         {Seq{39}, Seq{40}}};
    Data data{kRing, Seq{41}, NodeId{3}, Guarantee::safe, std::nullopt, {1, 2, 3}};
    Data recovered{kRing, Seq{1}, NodeId{3}, Guarantee::safe, Origin{{4, NodeId{2}, 5}, Seq{9}, NodeId{4}},
                   {9}};
    Join join{3,
              8,
              0,
              Reason::token_lost,
              NodeId{2},
              {{NodeId{1}, {Incarnation{77}, false}}, {NodeId{2}, {Incarnation{4}, true}}},
              {{0, 3, 0, 2}, {1, 9, 1, 0}},
              std::nullopt};
    Join leaving = join;
    leaving.reason = Reason::failed_to_receive;
    leaving.lack = Lack{Seq{17}, NodeId{1}, 1000, 40};
    CommitToken commit{kRing,
                       3,
                       6,
                       9000,
                       {{{NodeId{1}, Incarnation{77}},
                         true,
                         {4, NodeId{1}, 77},
                         Seq{2},
                         Seq{3},
                         Seq{9},
                         9,
                         {{Seq{5}, Seq{6}}, {Seq{8}, Seq{9}}}},
                        {{NodeId{2}, Incarnation{4}}, false, {}, {}, {}, {}, 0, {}}}};
    return {token,
            data,
            recovered,
            join,
            commit,
            Beacon{4,
                   kRing,
                   {{{NodeId{1}, Incarnation{5}}, true, false, true},
                    {{NodeId{3}, Incarnation{6}}, false, true, true}}},
            Wake{kRing},
            TokenAck{kRing, 12},
            Leave{9},
            Leave{9, true},
            Probe{ProbeKind::ask},
            leaving};
}

}  // namespace

TEST_CASE("every message comes back as it was sent") {
    for (const Message& message : samples()) {
        const auto back = decode(encode(message));
        REQUIRE(back);
        CHECK(*back == message);
    }
}

TEST_CASE("a message that is cut short or has bytes left over is refused") {
    for (const Message& message : samples()) {
        const base::Bytes bytes = encode(message);
        const bool open_ended = std::holds_alternative<Data>(message);  // its payload is whatever is left
        for (std::size_t n = 0;
             n < bytes.size() - (open_ended ? std::get<Data>(message).payload.size() - 1 : 0); ++n) {
            CHECK_FALSE(decode(base::ByteView(bytes).first(n)));
        }
        base::Bytes longer = bytes;
        longer.push_back(0);
        CHECK(decode(longer).has_value() == open_ended);
    }
}

TEST_CASE("a foreign version and an unknown type are refused") {
    base::Bytes bytes = encode(Leave{1});
    bytes[0] = kVersion + 1;
    CHECK(decode(bytes).error().message == "ring message: unknown version");
    bytes[0] = kVersion;
    for (const int type : {0, 10, 255}) {
        bytes[1] = static_cast<std::uint8_t>(type);
        CHECK(decode(bytes).error().message == "ring message: unknown type");
    }
}

TEST_CASE("numbers that contradict each other are refused") {
    Token token;
    token.ring = kRing;
    token.seq = Seq{3};
    token.aru = Seq{4};
    CHECK_FALSE(decode(encode(token)));
    token.aru = Seq{1};
    token.everywhere = 1;
    CHECK_FALSE(decode(encode(token)));
    token.everywhere = 0;
    token.window = 0;
    CHECK_FALSE(decode(encode(token)));
    token.window = 1;
    CHECK(decode(encode(token)));
    token.retransmit = {Seq{3}, Seq{2}};
    CHECK_FALSE(decode(encode(token)));
    token.retransmit = {Seq{4}};
    CHECK_FALSE(decode(encode(token)));
    token.retransmit = {Seq{2}, Seq{3}};
    CHECK(decode(encode(token)));

    CommitToken commit = std::get<CommitToken>(samples()[4]);
    commit.hop = 5;
    CHECK_FALSE(decode(encode(commit)));
    commit.hop = 4;
    CHECK(decode(encode(commit)));
    commit.window = 0;
    CHECK_FALSE(decode(encode(commit)));
    commit.window = 1;
    commit.ring = totem::ring_of(8, {{NodeId{1}, Incarnation{77}}});
    CHECK_FALSE(decode(encode(commit)));

    commit = std::get<CommitToken>(samples()[4]);
    commit.entries[0].stable = Seq{4};  // not all that it has received itself
    CHECK_FALSE(decode(encode(commit)));

    const auto with_list = [](std::vector<Range> held) {
        CommitToken changed = std::get<CommitToken>(samples()[4]);
        changed.entries[0].held = std::move(held);
        return decode(encode(changed)).has_value();
    };
    CHECK(with_list({{Seq{5}, Seq{9}}}));
    CHECK_FALSE(with_list({}));                                    // says nothing of what is up to high
    CHECK_FALSE(with_list({{Seq{5}, Seq{8}}}));                    // nor this
    CHECK_FALSE(with_list({{Seq{5}, Seq{10}}}));                   // above high
    CHECK_FALSE(with_list({{Seq{4}, Seq{9}}}));                    // aru would be higher
    CHECK_FALSE(with_list({{Seq{5}, Seq{6}}, {Seq{7}, Seq{9}}}));  // is one range

    CHECK_FALSE(decode(encode(Data{kRing, Seq{0}, NodeId{3}, Guarantee::agreed, std::nullopt, {1}})));
    CHECK_FALSE(decode(encode(Data{kRing, Seq{1}, NodeId{0}, Guarantee::agreed, std::nullopt, {1}})));
    CHECK_FALSE(decode(encode(Data{kRing, Seq{1}, NodeId{3}, Guarantee::agreed, std::nullopt, {}})));
}

TEST_CASE("a count above its limit is refused before the list is read") {
    Join join;
    for (std::uint32_t i = 1; i <= kMaxMembers; ++i)
        join.nodes.push_back({NodeId{i}, {Incarnation{1}, false}});
    base::Bytes bytes = encode(join);
    REQUIRE(decode(bytes));
    const std::size_t count_at = 2 + 8 + 8 + 4 + 1 + 4;
    REQUIRE(bytes[count_at] == kMaxMembers);
    bytes[count_at] = kMaxMembers + 1;
    CHECK(decode(bytes).error().message == "ring message: join names no node or too many");
}

TEST_CASE("damaged messages give a message or an error, never anything else") {
    base::Rng rng(1);
    const std::vector<Message> all = samples();
    for (int i = 0; i < 20'000; ++i) {
        base::Bytes bytes = encode(all[rng.below(all.size())]);
        for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
            bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
        }
        bytes.resize(bytes.size() - rng.below(bytes.size() / 2));
        const auto message = decode(bytes);
        if (message) CHECK(encode(*message) == bytes);
    }
}

TEST_CASE("the headers are as long as the packer believes") {
    CHECK(encode(Data{kRing, Seq{1}, NodeId{3}, Guarantee::agreed, std::nullopt, {1}}).size() ==
          kDataHeader + 1);
    CHECK(encode(std::get<Data>(samples()[2])).size() == kDataHeader + kEncapsulation + 1);
}

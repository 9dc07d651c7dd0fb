#include <doctest/doctest.h>

#include "membership/groups/message.hpp"

namespace groups = membership::groups;
using base::Bytes;
using membership::GroupReason;

namespace {

const totem::Member kOne{{1}, {100}}, kTwo{{2}, {200}};

Bytes with(Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes.at(at) = value;
    return bytes;
}

template <typename T>
void comes_back(const T& message) {
    const auto decoded = groups::decode(groups::encode(message));
    REQUIRE(decoded);
    CHECK(std::get<T>(*decoded) == message);
}

groups::Table a_table() {
    groups::Table table;
    table["a"] = {{{5, {1}, 9}, {kOne, 7, 1007}}, {{5, {1}, 11}, {kTwo, 3, 1003}}};
    table["b"] = {{{5, {1}, 10}, {kOne, 7, 1007}}};
    return table;
}

}  // namespace

TEST_CASE("messages come back as they were") {
    comes_back(groups::Join{7, 4321, std::string("g\0\xff", 3)});
    comes_back(groups::Leave{7, std::string(membership::kMaxGroupName, 'x')});
    for (const GroupReason why : {GroupReason::leave, GroupReason::process_died, GroupReason::cut_off})
        comes_back(groups::Gone{8, why});
    const Bytes payload{1, 2, 3};
    const Bytes bytes = groups::encode(groups::Multicast{9, 55, "web", payload});
    const auto decoded = groups::decode(bytes);
    REQUIRE(decoded);
    const auto& multicast = std::get<groups::Multicast>(*decoded);
    CHECK(multicast.client == 9);
    CHECK(multicast.pid == 55);
    CHECK(multicast.group == "web");
    CHECK(Bytes(multicast.payload.begin(), multicast.payload.end()) == payload);
}

TEST_CASE("layout: kind, client, pid, name, payload") {
    CHECK(groups::encode(groups::Join{7, 258, "g"}) == Bytes{1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 'g'});
    CHECK(groups::encode(groups::Leave{7, "g"}) == Bytes{2, 7, 0, 0, 0, 0, 0, 0, 0, 1, 'g'});
    CHECK(groups::encode(groups::Gone{7, GroupReason::cut_off}) == Bytes{3, 7, 0, 0, 0, 0, 0, 0, 0, 3});
    CHECK(groups::encode(groups::Multicast{7, 258, "g", Bytes{9}}) ==
          Bytes{4, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 'g', 9});
}

TEST_CASE("what is malformed is not read") {
    for (const groups::Message& message :
         {groups::Message{groups::Join{7, 1, "group"}}, groups::Message{groups::Leave{7, "group"}},
          groups::Message{groups::Gone{7, GroupReason::leave}},
          groups::Message{groups::Multicast{7, 1, "group", {}}}}) {
        const Bytes bytes = groups::encode(message);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(groups::decode({bytes.data(), size}));
        }
    }
    CHECK_FALSE(groups::decode(with(groups::encode(groups::Leave{7, "g"}), 0, 0)));  // no such kind
    CHECK_FALSE(groups::decode(with(groups::encode(groups::Leave{7, "g"}), 0, 5)));
    CHECK_FALSE(groups::decode(with(groups::encode(groups::Leave{7, "g"}), 9, 0)));  // no name, and a rest
    Bytes longer = groups::encode(groups::Leave{7, std::string(membership::kMaxGroupName, 'x')});
    longer[9] = membership::kMaxGroupName + 1;
    longer.push_back('x');
    CHECK_FALSE(groups::decode(longer));
    // Reasons that no client is gone for.
    for (const int why : {0, 4, 5, 6, 255})
        CHECK_FALSE(groups::decode(
            with(groups::encode(groups::Gone{7, GroupReason::leave}), 9, static_cast<std::uint8_t>(why))));
    Bytes large = groups::encode(groups::Multicast{7, 1, "g", Bytes(membership::kMaxGroupMessage)});
    CHECK(groups::decode(large));
    large.push_back(0);
    CHECK_FALSE(groups::decode(large));
}

TEST_CASE("a node's part of the table comes back, and no other node's") {
    const groups::Table table = a_table();
    const auto one = groups::decode_table(groups::encode_table(table, kOne), kOne);
    REQUIRE(one);
    CHECK(one->size() == 2);
    CHECK(one->at("a") == std::vector<groups::Seat>{table.at("a").front()});
    const auto two = groups::decode_table(groups::encode_table(table, kTwo), kTwo);
    REQUIRE(two);
    CHECK(two->size() == 1);
    CHECK(groups::encode_table(table, totem::Member{{3}, {300}}).empty());
    CHECK(groups::decode_table({}, kOne)->empty());
    // The whole table, of which only digests are made, says whose each seat is.
    groups::Table other = table;
    other["a"].back().who.node = kOne;
    CHECK(groups::encode_table(other, std::nullopt) != groups::encode_table(table, std::nullopt));
}

TEST_CASE("a malformed table is not read") {
    const Bytes bytes = groups::encode_table(a_table(), kOne);
    constexpr std::size_t kGroup = 1 + 1 + 4 + 32;  // name, count, one seat
    REQUIRE(bytes.size() == 2 * kGroup);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK(groups::decode_table({bytes.data(), size}, kOne).has_value() == (size == 0 || size == kGroup));
    }
    CHECK_FALSE(groups::decode_table(with(bytes, 2, 0), kOne));     // a group without members
    CHECK_FALSE(groups::decode_table(with(bytes, 5, 0xff), kOne));  // more seats than there are bytes
    CHECK_FALSE(groups::decode_table(with(bytes, 1, 'b'), kOne));   // the same group twice
    CHECK_FALSE(groups::decode_table(with(bytes, 1, 'c'), kOne));   // groups out of order
    Bytes twice = groups::encode_table({{"a", {a_table().at("a").front()}}}, kOne);
    const Bytes seat(twice.end() - 32, twice.end());
    twice[2] = 2;
    twice.insert(twice.end(), seat.begin(), seat.end());
    CHECK_FALSE(groups::decode_table(twice, kOne));  // one seat twice
}

#include <doctest/doctest.h>

#include "tools/groups/frames.hpp"

namespace frames = tools::frames;
using base::Bytes;
using base::ByteView;

namespace {

ByteView body_of(const Bytes& frame) {
    REQUIRE(frame.size() > frames::kHeader);
    REQUIRE(frames::length_of(frame) == frame.size() - frames::kHeader);
    return ByteView(frame).subspan(frames::kHeader);
}

template <typename T>
void request_comes_back(const T& value) {
    const Bytes frame = frames::encode(frames::Request{value});
    const auto decoded = frames::decode_request(body_of(frame));
    REQUIRE(decoded);
    CHECK(std::get<T>(*decoded) == value);
    CHECK_FALSE(frames::decode_reply(body_of(frame)));
}

template <typename T>
void reply_comes_back(const T& value) {
    const Bytes frame = frames::encode(frames::Reply{value});
    const auto decoded = frames::decode_reply(body_of(frame));
    REQUIRE(decoded);
    CHECK(std::get<T>(*decoded) == value);
    CHECK_FALSE(frames::decode_request(body_of(frame)));
    for (std::size_t size = 0; size + 1 < body_of(frame).size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(frames::decode_reply(body_of(frame).first(size)));
    }
}

const frames::Member kOne{1, 100, 7, 4321}, kTwo{2, 200, 8, 4322};
const frames::Place kPlace{5, 1, 0xabcdef, 65536};

}  // namespace

TEST_CASE("requests come back as they were") {
    request_comes_back(frames::Hello{1, true});
    request_comes_back(frames::List{1});
    request_comes_back(frames::Join{std::string("g\0", 2)});
    request_comes_back(frames::Leave{std::string(frames::kMaxName, 'x')});
    request_comes_back(frames::Goodbye{});
    const Bytes payload{1, 2, 3};
    const Bytes frame = frames::encode(frames::Request{frames::Send{true, "g", payload}});
    const auto decoded = frames::decode_request(body_of(frame));
    REQUIRE(decoded);
    const auto& send = std::get<frames::Send>(*decoded);
    CHECK(send.safe);
    CHECK(send.group == "g");
    CHECK(Bytes(send.payload.begin(), send.payload.end()) == payload);
    Bytes pieces = frames::encode_head(frames::Send{true, "g", {}}, payload.size());
    pieces.insert(pieces.end(), payload.begin(), payload.end());
    CHECK(pieces == frame);
}

TEST_CASE("replies come back as they were, and no part of one is one") {
    reply_comes_back(frames::Welcome{1, kOne, 64});
    reply_comes_back(frames::Credits{1u << 20, 256});
    reply_comes_back(frames::View{"g", kPlace, true, {kOne, kTwo}, {{kOne, 4}}, {{kTwo, 0}, {kOne, 5}}});
    reply_comes_back(frames::Ring{kPlace, {{1, 100}, {2, 200}}});
    reply_comes_back(frames::Refused{"g", "why"});
    reply_comes_back(frames::End{"why"});
    reply_comes_back(frames::Groups{{{"a", {kOne, kTwo}}, {"b", {kOne}}}});
    const Bytes payload{9};
    const Bytes frame = frames::encode(frames::Reply{frames::Message{"g", kTwo, kPlace, false, payload}});
    const auto decoded = frames::decode_reply(body_of(frame));
    REQUIRE(decoded);
    const auto& message = std::get<frames::Message>(*decoded);
    CHECK(message.sender == kTwo);
    CHECK(message.place == kPlace);
    CHECK(Bytes(message.payload.begin(), message.payload.end()) == payload);
}

TEST_CASE("layout: length, kind, body") {
    CHECK(frames::encode(frames::Request{frames::Hello{1, true}}) == Bytes{4, 0, 0, 0, 1, 1, 0, 1});
    CHECK(frames::encode(frames::Request{frames::Join{"g"}}) == Bytes{3, 0, 0, 0, 3, 1, 'g'});
    CHECK(frames::encode(frames::Request{frames::Send{false, "g", Bytes{9}}}) ==
          Bytes{5, 0, 0, 0, 5, 0, 1, 'g', 9});
    CHECK(frames::encode(frames::Request{frames::Goodbye{}}) == Bytes{1, 0, 0, 0, 6});
    CHECK(frames::encode(frames::Reply{frames::End{"x"}}) == Bytes{6, 0, 0, 0, 70, 1, 0, 0, 0, 'x'});
}

TEST_CASE("what is malformed is not read") {
    const auto request = [](const Bytes& body) { return frames::decode_request(body).has_value(); };
    const auto reply = [](const Bytes& body) { return frames::decode_reply(body).has_value(); };
    CHECK_FALSE(request({}));
    CHECK_FALSE(request({0}));
    CHECK_FALSE(request({9}));
    CHECK_FALSE(request({1, 1, 0}));       // hello without flags
    CHECK_FALSE(request({1, 1, 0, 2}));    // a flag that is none
    CHECK_FALSE(request({3, 0}));          // no name
    CHECK_FALSE(request({3, 2, 'g'}));     // a shorter one than it says
    CHECK_FALSE(request({3, 1, 'g', 0}));  // something behind it
    CHECK_FALSE(request({6, 0}));
    CHECK_FALSE(reply({65, 0, 0}));
    Bytes ring = frames::encode(frames::Reply{frames::Ring{kPlace, {{1, 100}}}});
    ring[frames::kHeader + 1 + 28 + 3] = 0xff;  // more nodes than there are bytes
    CHECK_FALSE(frames::decode_reply(body_of(ring)));
    Bytes large(5 + frames::kMaxMessage);
    large[0] = 5;
    large[2] = 1;
    large[3] = 'g';
    CHECK_FALSE(request(large));  // one byte too many
    large.pop_back();
    CHECK(request(large));
}

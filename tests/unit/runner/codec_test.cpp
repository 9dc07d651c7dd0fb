#include "agents/runner/codec.hpp"

#include <doctest/doctest.h>

#include "totem/base/rng.hpp"

using agents::FrameBuffer;
using agents::FromRunner;
using agents::ToRunner;

namespace {

base::Bytes body(const base::Bytes& frame) {
    return {frame.begin() + 4, frame.end()};
}

manager::OperationRequest request() {
    manager::OperationRequest r;
    r.id = 7;
    r.resource = "web";
    r.agent = {"ocf", "heartbeat", "apache"};
    r.action = "monitor";
    r.interval = base::seconds(10);
    r.timeout = base::milliseconds(1500);
    r.params = {{"a", "1"}, {"b", std::string("\xff\0x", 3)}};
    r.meta = {{"m", ""}};
    r.op_attributes = {{"OCF_CHECK_LEVEL", "10"}};
    r.node = "n1";
    return r;
}

}  // namespace

TEST_CASE("operations cross as they are, with values that are no UTF-8 too") {
    const auto decoded = agents::decode_to_runner(body(agents::encode_frame(ToRunner{request()})));
    REQUIRE(decoded);
    const auto& r = std::get<manager::OperationRequest>(*decoded);
    const auto expected = request();
    CHECK(r.id == expected.id);
    CHECK(r.resource == expected.resource);
    CHECK(r.agent == expected.agent);
    CHECK(r.action == expected.action);
    CHECK(r.interval == expected.interval);
    CHECK(r.timeout == expected.timeout);
    CHECK(r.params == expected.params);
    CHECK(r.meta == expected.meta);
    CHECK(r.op_attributes == expected.op_attributes);
    CHECK(r.node == expected.node);
}

TEST_CASE("results and the small messages cross") {
    const manager::OperationResult result{9, manager::kOcfTimeout, "too\nlate", base::milliseconds(5)};
    const auto back = agents::decode_from_runner(body(agents::encode_frame(FromRunner{result})));
    REQUIRE(back);
    const auto& r = std::get<manager::OperationResult>(*back);
    CHECK(r.id == 9);
    CHECK(r.code == manager::kOcfTimeout);
    CHECK(r.reason == "too\nlate");
    CHECK(r.duration == base::milliseconds(5));
    const auto note =
        agents::decode_from_runner(body(agents::encode_frame(FromRunner{agents::RunnerNote{"n"}})));
    CHECK(std::get<agents::RunnerNote>(*note).text == "n");
    const auto cancel =
        agents::decode_to_runner(body(agents::encode_frame(ToRunner{agents::CancelRecurring{"r"}})));
    CHECK(std::get<agents::CancelRecurring>(*cancel).resource == "r");
    const auto persist =
        agents::decode_to_runner(body(agents::encode_frame(ToRunner{agents::PersistNonlocalBind{}})));
    CHECK(std::holds_alternative<agents::PersistNonlocalBind>(*persist));
    const auto file =
        agents::decode_to_runner(body(agents::encode_frame(ToRunner{agents::WriteNodeFile{"t", "f", true}})));
    CHECK(std::get<agents::WriteNodeFile>(*file).text == "t");
    CHECK(std::get<agents::WriteNodeFile>(*file).from == "f");
    CHECK(std::get<agents::WriteNodeFile>(*file).keep);
    const auto written = agents::decode_from_runner(
        body(agents::encode_frame(FromRunner{agents::NodeFileWritten{"no room", "there"}})));
    CHECK(std::get<agents::NodeFileWritten>(*written).trouble == "no room");
    CHECK(std::get<agents::NodeFileWritten>(*written).edit == "there");
}

TEST_CASE("malformed bodies are errors: nothing, every truncation, noise") {
    CHECK_FALSE(agents::decode_to_runner({}));
    CHECK_FALSE(agents::decode_from_runner({}));
    const base::Bytes whole = body(agents::encode_frame(ToRunner{request()}));
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK_FALSE(agents::decode_to_runner(base::ByteView(whole).first(n)));
    base::Rng rng(7);
    for (int i = 0; i < 2000; ++i) {
        base::Bytes noise(rng.below(64));
        for (auto& b : noise) b = static_cast<std::uint8_t>(rng.next());
        (void)agents::decode_to_runner(noise);
        (void)agents::decode_from_runner(noise);
    }
}

TEST_CASE("frames are cut out of a stream whatever its pieces; a length beyond all reason loses the stream") {
    const base::Bytes one = agents::encode_frame(ToRunner{request()});
    const base::Bytes two = agents::encode_frame(ToRunner{agents::CancelRecurring{"r"}});
    base::Bytes stream = one;
    stream.insert(stream.end(), two.begin(), two.end());
    for (std::size_t piece = 1; piece < 40; ++piece) {
        FrameBuffer buffer;
        std::vector<base::Bytes> bodies;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            buffer.append(base::ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
            for (auto next = buffer.next(); next && next->has_value(); next = buffer.next())
                bodies.push_back(**next);
        }
        CHECK(bodies == std::vector<base::Bytes>{body(one), body(two)});
    }
    FrameBuffer lost;
    lost.append(base::Bytes{0xff, 0xff, 0xff, 0x7f});
    CHECK_FALSE(lost.next());
}

// A process whose machine was put back to a former state, memory included, against those who heard it since.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "support.hpp"

using seal_test::acquaint;
using seal_test::at_ms;
using seal_test::bytes;
using seal_test::kUnproven;
using seal_test::outcome;
using seal_test::proven;
using seal_test::start;
using seal_test::talk;
using totem::Sealer;

namespace {

const std::string kBeat(64, 'b');  // as long as the shortest heartbeat

// Nodes 1 and 2 know each other. What is done to node 1's sealer by remember() is done to its image as well,
// which is it as it was then.
struct Pair {
    Pair() {
        acquaint(1, one, 2, two);
        acquaint(1, image, 2, mirror);
    }
    base::Bytes remember(const std::string& text) {
        static_cast<void>(image.seal(bytes(text)));
        return one.seal(bytes(text));
    }
    // Nothing is heard for so long; then the image goes on, for whom no time has passed.
    void silence(std::int64_t ms) { seal_test::pass(two, 0, ms); }
    Sealer one = start({.node = 1}), image = start({.node = 1});
    Sealer two = start({.node = 2}), mirror = start({.node = 2});
};

}  // namespace

TEST_CASE("who has heard more of a process than it remembers refuses what it says, and can tell it so") {
    Pair pair;
    CHECK(outcome(pair.two, pair.remember("a")) == "opened: a");
    for (int i = 0; i < 5; ++i) CHECK(outcome(pair.two, pair.one.seal(bytes("later"))) == "opened: later");
    pair.silence(3000);
    CHECK(outcome(pair.two, pair.image.seal(bytes("again"))) == "replay");
    pair.image.told(pair.two.heard(base::NodeId{1}));
    CHECK(pair.image.from_the_past());
    pair.one.told(pair.two.heard(base::NodeId{1}));
    CHECK_FALSE(pair.one.from_the_past());
}

TEST_CASE("a new epoch does not help a memory from the past") {
    Pair pair;
    CHECK(outcome(pair.two, pair.remember("a")) == "opened: a");
    for (int i = 0; i < 5; ++i) CHECK(outcome(pair.two, pair.one.seal(bytes("later"))) == "opened: later");
    pair.image.renew();
    CHECK(outcome(pair.two, pair.image.seal(bytes("again"))) == "replay");
    pair.image.told(pair.two.heard(base::NodeId{1}));
    CHECK(pair.image.from_the_past());
}

TEST_CASE("counters go on from epoch to epoch, and a frame opens once whatever its epoch") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    std::vector<base::Bytes> frames;
    for (int i = 0; i < 6; ++i) {
        if (i % 3 == 2) one.renew();
        frames.push_back(one.seal(bytes(std::to_string(i))));
    }
    const auto counter = [&](std::size_t i) {
        return base::ByteReader(base::ByteView(frames[i]).subspan(40)).u64();
    };
    for (std::size_t i = 1; i < frames.size(); ++i) CHECK(counter(i) == counter(i - 1) + 1);
    for (std::size_t i = 0; i < frames.size(); ++i)
        CHECK(outcome(two, frames[i]) == "opened: " + std::to_string(i));
    for (const base::Bytes& frame : frames) CHECK(outcome(two, frame) == "replay");
}

TEST_CASE("after a silence a process answers before it counts again, and nothing of it is lost") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
    const base::Bytes late = one.seal(bytes("late"));
    CHECK(outcome(two, one.seal(bytes("b"))) == "opened: b");
    seal_test::pass(two, 0, 1001);
    CHECK(outcome(two, late) == "replay");  // too late: it may be of a process that was put back
    const base::Bytes beat = one.seal(bytes(kBeat));
    CHECK(outcome(two, beat) == kUnproven);
    CHECK(outcome(two, beat) == "replay");
    CHECK(outcome(two, one.seal(bytes("c"))) == kUnproven);
    CHECK(talk({{1, &one}, {2, &two}}) >= 2);
    CHECK(proven(two) == std::vector<std::string>{kBeat, "c"});
    CHECK(outcome(two, one.seal(bytes("d"))) == "opened: d");
    CHECK(seal_test::count(two, totem::Rejected::unproven) == 0);
}

TEST_CASE("after a silence of both, each answers once, and nothing of either is lost") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    seal_test::pass(one, 0, 1001);
    seal_test::pass(two, 0, 1001);
    CHECK(outcome(one, two.seal(bytes(kBeat))) == kUnproven);
    CHECK(talk({{1, &one}, {2, &two}}) == 3);
    CHECK(proven(one) == std::vector<std::string>{kBeat});
    CHECK(outcome(two, one.seal(bytes("urgent"))) == "opened: urgent");
    CHECK(outcome(one, two.seal(bytes("join"))) == "opened: join");
}

TEST_CASE("who was away itself does not take others for silent") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    two.set_time(at_ms(60'000));
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
}

TEST_CASE("a memory from the past that has said more than was heard of its future does not get in either") {
    Pair pair;
    CHECK(outcome(pair.two, pair.remember("a")) == "opened: a");
    CHECK(outcome(pair.two, pair.one.seal(bytes("later"))) == "opened: later");
    pair.silence(3000);
    CHECK(outcome(pair.two, pair.image.seal(bytes("again"))) == "replay");
    CHECK(outcome(pair.two, pair.image.seal(bytes(kBeat))) == kUnproven);
    talk({{1, &pair.image}, {2, &pair.two}});
    CHECK(proven(pair.two).empty());
    CHECK(pair.image.from_the_past());
    CHECK(outcome(pair.two, pair.image.seal(bytes(kBeat))) == kUnproven);
}

TEST_CASE("what was never heard of a process's future is not missed") {
    Pair pair;
    CHECK(outcome(pair.two, pair.remember("a")) == "opened: a");
    static_cast<void>(pair.one.seal(bytes("lost")));
    pair.silence(3000);
    CHECK(outcome(pair.two, pair.image.seal(bytes(kBeat))) == kUnproven);
    talk({{1, &pair.image}, {2, &pair.two}});
    CHECK(proven(pair.two) == std::vector<std::string>{kBeat});
    CHECK_FALSE(pair.image.from_the_past());
}

TEST_CASE("what was heard of another start, or so long ago that it is forgotten, proves nothing") {
    Sealer one = start({.node = 1});
    for (int i = 0; i < 5000; ++i) static_cast<void>(one.seal(bytes("x")));
    const base::Incarnation self{100};
    one.told({});
    one.told({base::Incarnation{99}, 9000, 1});
    one.told({base::Incarnation{101}, 9000, 1});
    one.told({self, 0, 1});
    one.told({self, 5, 1});
    CHECK_FALSE(one.from_the_past());
    Sealer another = start({.node = 1});
    another.told({self, 1, 0});
    CHECK(another.from_the_past());
    one.told({self, 4900, 1});
    CHECK(one.from_the_past());
}

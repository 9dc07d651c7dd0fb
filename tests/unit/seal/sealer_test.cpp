#include <doctest/doctest.h>

#include <vector>

#include "support.hpp"

using seal_test::acquaint;
using seal_test::bytes;
using seal_test::count;
using seal_test::outcome;
using seal_test::start;
using totem::Rejected;
using totem::Sealer;

TEST_CASE("what one node seals every other node opens, once, knowing the sender") {
    Sealer one = start({.node = 1, .incarnation = 100});
    Sealer two = start({.node = 2, .incarnation = 200});
    Sealer three = start({.node = 3, .incarnation = 300});
    acquaint(1, one, 2, two);
    acquaint(1, one, 3, three);
    const base::Bytes frame = one.seal(bytes("token"));
    CHECK(frame.size() == 5 + Sealer::kOverhead);
    CHECK(base::as_text(frame).find("token") == std::string_view::npos);

    const auto at_two = two.open(frame);
    const auto* opened = std::get_if<totem::OpenedFrame>(&at_two);
    REQUIRE(opened != nullptr);
    CHECK(opened->sender == base::NodeId{1});
    CHECK(opened->incarnation == base::Incarnation{100});
    CHECK(opened->body == bytes("token"));
    CHECK(outcome(three, frame) == "opened: token");
    CHECK(outcome(two, frame) == "replay");
    CHECK(count(two, Rejected::replay) == 1);
}

TEST_CASE("empty and largest bodies pass") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    CHECK(outcome(two, one.seal({})) == "opened: ");
    const std::string large(Sealer::kMaxBody, 'x');
    CHECK(outcome(two, one.seal(bytes(large))) == "opened: " + large);
}

TEST_CASE("a body sealed twice gives two frames, both of which open") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes a = one.seal(bytes("join"));
    const base::Bytes b = one.seal(bytes("join"));
    CHECK(a != b);
    CHECK(outcome(two, a) == "opened: join");
    CHECK(outcome(two, b) == "opened: join");
}

TEST_CASE("no bit of a frame can be changed, and a refused frame leaves no trace") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes frame = one.seal(bytes("data"));
    for (std::size_t at = 0; at < frame.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            base::Bytes damaged = frame;
            damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ (1U << bit));
            CAPTURE(at);
            CAPTURE(bit);
            CHECK(outcome(two, damaged).substr(0, 6) != "opened");
        }
    }
    CHECK(outcome(two, frame) == "opened: data");
    // Also once the sender is known, forged starts and epochs displace nothing.
    const base::Bytes next = one.seal(bytes("more"));
    for (std::size_t at = 0; at < frame.size(); ++at) {
        base::Bytes damaged = next;
        damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ 0x80U);
        CAPTURE(at);
        CHECK(outcome(two, damaged).substr(0, 6) != "opened");
    }
    CHECK(outcome(two, next) == "opened: more");
}

TEST_CASE("a frame cut at any byte, or with bytes after its end, is refused") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    base::Bytes frame = one.seal(bytes("some data"));
    for (std::size_t size = 0; size < frame.size(); ++size) {
        CAPTURE(size);
        CHECK(outcome(two, base::ByteView(frame).first(size)) ==
              (size < Sealer::kOverhead ? "foreign traffic" : "wrong key"));
    }
    frame.push_back(0);
    CHECK(outcome(two, frame) == "wrong key");
}

TEST_CASE("a wrong key, another cluster, an unknown node and our own node id are told apart") {
    Sealer two = start({.node = 2, .incarnation = 200});
    CHECK(outcome(two, start({.node = 1, .key = 8}).seal(bytes("x"))) == "wrong key");
    CHECK(outcome(two, start({.node = 1, .cluster = "other"}).seal(bytes("x"))) == "another cluster");
    CHECK(outcome(two, start({.node = 9}).seal(bytes("x"))) == "unknown node");
    CHECK(outcome(two, two.seal(bytes("x"))) == "own frame");
    CHECK(outcome(two, start({.node = 2, .incarnation = 201}).seal(bytes("x"))) == "unknown node");
    CHECK(count(two, Rejected::own) == 1);
    CHECK(count(two, Rejected::node) == 2);
}

TEST_CASE("the cluster's name is part of the key, not only of the header") {
    Sealer one = start({.node = 1, .cluster = "a"});
    Sealer two = start({.node = 2, .cluster = "b"});
    base::Bytes frame = one.seal(bytes("x"));
    const base::Bytes theirs = two.seal(bytes("y"));
    std::copy(theirs.begin() + 8, theirs.begin() + 16, frame.begin() + 8);  // the cluster hash
    CHECK(outcome(two, frame) == "wrong key");
}

TEST_CASE("frames may overtake each other within the window, and no further") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    std::vector<base::Bytes> frames;
    for (int i = 0; i < 2049; ++i) frames.push_back(one.seal(bytes(std::to_string(i))));
    CHECK(outcome(two, frames[2048]) == "opened: 2048");
    CHECK(outcome(two, frames[0]) == "replay");  // 2048 older: outside
    CHECK(outcome(two, frames[1]) == "opened: 1");
    CHECK(outcome(two, frames[1]) == "replay");
    CHECK(outcome(two, frames[2047]) == "opened: 2047");
}

TEST_CASE("a newer start of a node replaces the older one, never the other way") {
    Sealer old_one = start({.node = 1, .incarnation = 100});
    Sealer two = start({.node = 2});
    acquaint(1, old_one, 2, two);
    const base::Bytes recorded = old_one.seal(bytes("old"));
    CHECK(outcome(two, old_one.seal(bytes("a"))) == "opened: a");
    Sealer new_one = start({.node = 1, .incarnation = 101});
    two.set_time({base::milliseconds(20).ns});
    acquaint(1, new_one, 2, two);
    CHECK(outcome(two, new_one.seal(bytes("b"))) == "opened: b");
    CHECK(outcome(two, recorded) == "older start of the node");
    CHECK(outcome(two, old_one.seal(bytes("late"))) == "older start of the node");
    CHECK(outcome(two, new_one.seal(bytes("c"))) == "opened: c");
}

TEST_CASE("a forged newer start does not displace the true one") {
    Sealer one = start({.node = 1, .incarnation = 100});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
    CHECK(outcome(two, start({.node = 1, .incarnation = 999, .key = 8}).seal(bytes("x"))) == "wrong key");
    CHECK(outcome(two, one.seal(bytes("b"))) == "opened: b");
}

TEST_CASE(
    "a renewed key is taken up; frames of the one before it may still arrive, older and recorded ones may "
    "not") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes first = one.seal(bytes("epoch 1"));
    const base::Bytes first_late = one.seal(bytes("epoch 1, late"));
    CHECK(outcome(two, first) == "opened: epoch 1");
    one.renew();
    CHECK(outcome(two, one.seal(bytes("epoch 2"))) == "opened: epoch 2");
    CHECK(outcome(two, first_late) == "opened: epoch 1, late");
    CHECK(outcome(two, first) == "replay");
    one.renew();
    CHECK(outcome(two, one.seal(bytes("epoch 3"))) == "opened: epoch 3");
    CHECK(outcome(two, first_late) == "replay");
}

TEST_CASE("last words open whatever was sealed since, also twice; those of a former start don't") {
    Sealer one = start({.node = 1, .incarnation = 100});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes last = one.seal_last_words(bytes("bye"));
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
    for (int i = 0; i < 5; ++i) one.renew();
    const base::Bytes between = one.seal(bytes("b"));
    CHECK(outcome(two, last) == "opened: bye");
    CHECK(outcome(two, between) == "opened: b");
    CHECK(outcome(two, between) == "replay");
    CHECK(outcome(two, last) == "opened: bye");
    base::Bytes as_ring = last;  // they are nothing else: their key is their own
    as_ring[4] = 0;
    CHECK(outcome(two, as_ring) == "replay");  // an epoch that is over
    base::Bytes damaged = last;
    damaged.back() ^= 1;
    CHECK(outcome(two, damaged) == "wrong key");
    Sealer again = start({.node = 1, .incarnation = 101});
    const base::Bytes new_last = again.seal_last_words(bytes("bye"));
    CHECK(outcome(two, new_last) == "unproven start of the node");  // nobody is left to answer for it
    two.set_time({base::milliseconds(20).ns});
    acquaint(1, again, 2, two);
    CHECK(outcome(two, again.seal(bytes("c"))) == "opened: c");
    CHECK(outcome(two, last) == "older start of the node");
    CHECK(outcome(two, new_last) == "opened: bye");
}

TEST_CASE("two copies of one process do not share a key after both renewed") {
    Sealer copy_a = start({.node = 1, .seed = 1});
    Sealer copy_b = start({.node = 1, .seed = 2});
    Sealer two = start({.node = 2});
    acquaint(1, copy_a, 2, two);
    CHECK(outcome(two, copy_a.seal(bytes("a"))) == "opened: a");
    CHECK(outcome(two, copy_b.seal(bytes("b"))) == "replay");  // same start and epoch number, another salt
}

TEST_CASE("corosync's frames are recognised") {
    Sealer two = start({.node = 2});
    // udpu join: magic, version, type, encapsulated, node id, target
    const base::Bytes totem{0x70, 0xC0, 3, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 9};
    const base::Bytes totem_big_endian{0xC0, 0x70, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    const base::Bytes knet_ping{1, 0x81, 0, 1, 1, 0, 0, 1, 2, 3, 4};
    const base::Bytes knet_data{1, 0, 0, 1, 1, 0, 0, 7};
    for (const auto& frame : {totem, totem_big_endian, knet_ping, knet_data})
        CHECK(outcome(two, frame) == "corosync");
    CHECK(count(two, Rejected::corosync) == 4);
    CHECK(outcome(two, base::ByteView(totem).first(12)) == "foreign traffic");
    CHECK(outcome(
              two,
              bytes("GET / HTTP/1.1\r\nHost: somewhere.example\r\nAccept: text/html, text/plain\r\n\r\n")) ==
          "foreign traffic");
}

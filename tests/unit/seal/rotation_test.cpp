// The cluster changes from one master key to another while it runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "support.hpp"

using seal_test::acquaint;
using seal_test::bytes;
using seal_test::outcome;
using seal_test::start;
using seal_test::talk;
using totem::MasterKeys;
using totem::Sealer;

namespace {

const MasterKeys::Live kOld{0, seal_test::key(7)};
const MasterKeys::Live kNew{1, seal_test::key(9)};

// Of a frame: under which key and nonce it was sealed. The salt is left out: it is random, and luck is no
// proof.
std::tuple<int, std::uint32_t, std::uint64_t> nonce(base::ByteView frame) {
    base::ByteReader r(frame.subspan(5));
    const int key = r.u8();
    static_cast<void>(r.raw(14));
    const std::uint32_t epoch = r.u32();
    static_cast<void>(r.raw(16));
    return {key, epoch, r.u64()};
}

}  // namespace

TEST_CASE("both keys open, the one for sending seals: not a frame is lost from one key to the other") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const auto both_ways = [&](const std::string& when) {
        CAPTURE(when);
        CHECK(outcome(two, one.seal(bytes(when))) == "opened: " + when);
        CHECK(outcome(one, two.seal(bytes(when))) == "opened: " + when);
    };
    both_ways("before");
    const MasterKeys install(kOld, kNew);
    const MasterKeys activate(kNew, kOld);
    const base::Bytes under_way = one.seal(bytes("under way"));
    one.change_keys(install);
    both_ways("one has installed");
    two.change_keys(install);
    both_ways("both have installed");
    one.change_keys(activate);
    both_ways("one has activated");
    CHECK(two.senders(1) == base::NodeSet{base::NodeId{1}});
    CHECK(one.senders(0) == base::NodeSet{base::NodeId{2}});
    CHECK(one.senders(1).empty());
    CHECK(outcome(two, under_way) == "opened: under way");
    two.change_keys(activate);
    both_ways("both have activated");
    CHECK(one.senders(1) == base::NodeSet{base::NodeId{2}});
    one.change_keys(MasterKeys(kNew));
    both_ways("one has retired the old key");
    two.change_keys(MasterKeys(kNew));
    both_ways("both have");
    CHECK(outcome(two, start({.node = 3}).seal(bytes("old key"))) == "wrong key");

    // Somebody who starts anew is asked and answers with the new key.
    Sealer three(MasterKeys(kNew), "lab", base::NodeId{3}, base::Incarnation{1}, seal_test::roster());
    acquaint(3, three, 1, one);
    CHECK(outcome(one, three.seal(bytes("hello"))) == "opened: hello");
}

TEST_CASE("no nonce comes twice under a key, also when a key comes back") {
    Sealer one(MasterKeys(kOld), "lab", base::NodeId{1}, base::Incarnation{1}, seal_test::roster(),
               [](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), std::uint8_t{4}); });
    std::set<std::tuple<int, std::uint32_t, std::uint64_t>> used;
    const auto seal_some = [&] {
        for (int i = 0; i < 5; ++i) CHECK(used.insert(nonce(one.seal(bytes("x")))).second);
    };
    seal_some();
    for (int round = 0; round < 3; ++round) {
        one.change_keys(MasterKeys(kNew, kOld));
        seal_some();
        one.change_keys(MasterKeys(kNew));
        seal_some();
        one.change_keys(MasterKeys(kOld, kNew));
        seal_some();
    }
    CHECK(used.size() == 50);
}

TEST_CASE("a key that is no longer live opens nothing, and what it opened stays closed when it comes back") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes seen = one.seal(bytes("seen"));
    CHECK(outcome(two, seen) == "opened: seen");
    two.change_keys(MasterKeys(kNew));
    CHECK(outcome(two, one.seal(bytes("a"))) == "wrong key");
    two.change_keys(MasterKeys(kOld, kNew));
    CHECK(outcome(two, seen) == "replay");
    CHECK(outcome(two, one.seal(bytes("b"))) == "opened: b");

    // Another key under an id that was used is another key.
    two.change_keys(MasterKeys({0, seal_test::key(8)}));
    CHECK(outcome(two, one.seal(bytes("c"))) == "wrong key");
}

TEST_CASE("last words are sealed anew with the new key") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    acquaint(1, one, 2, two);
    const base::Bytes with_old = one.seal_last_words(bytes("bye"));
    one.change_keys(MasterKeys(kNew, kOld));
    const base::Bytes with_new = one.seal_last_words(bytes("bye"));
    two.change_keys(MasterKeys(kNew));
    CHECK(outcome(two, with_old) == "wrong key");
    CHECK(outcome(two, with_new) == "opened: bye");
}

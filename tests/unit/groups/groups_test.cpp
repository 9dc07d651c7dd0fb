// What ordered messages and views do to groups, and what their members are told.
#include "nodes.hpp"

using namespace groups_test;  // NOLINT(google-build-using-namespace)

TEST_CASE("a join is one view, the same everywhere, with the reason") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 7);
    CHECK(n[1].take(7) == Texts{"g: 1/7, joined 1/7 (join)"});
    n.member(2, 5);
    CHECK(n[1].take(7) == Texts{"g: 1/7 2/5, joined 2/5 (join)"});
    CHECK(n[2].take(5) == Texts{"g: 1/7 2/5, joined 2/5 (join)"});
    for (const std::uint32_t id : {1u, 2u}) {
        CHECK(n.groups(id).groups() == Texts{"g"});
        CHECK(n.groups(id).members("g").size() == 2);
        CHECK(n.groups(id).members("other").empty());
    }
    CHECK(n.groups(1).digest() == n.groups(2).digest());
}

TEST_CASE(
    "messages come to all members and to the sender, in one order; nothing before a join or after a leave") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n.member(2, 1);
    n.say(1, 1, "a");
    n.say(2, 1, "b");
    REQUIRE(n.groups(2).connect(2, 1, 0, false));
    REQUIRE(n.groups(2).join(2, "g"));
    n.say(2, 1, "c");
    n[1].take(1);
    n[2].take(1);
    n.rest();
    // The clients of node 2 take turns.
    const Texts all{"g: 1/1 says a", "g: 1/1 2/1 2/2, joined 2/2 (join)", "g: 2/1 says b", "g: 2/1 says c"};
    CHECK(n[1].take(1) == all);
    CHECK(n[2].take(1) == all);
    CHECK(n[2].take(2) == Texts(all.begin() + 1, all.end()));
    REQUIRE(n.groups(2).leave(1, "g"));
    n.say(1, 1, "d");
    n.order(2);
    n.order(1);
    // Who leaves is told so, as the last thing.
    CHECK(n[2].take(1) == Texts{"g: 1/1 2/2, left 2/1 (leave)"});
    CHECK(n[1].take(1) == Texts{"g: 1/1 2/2, left 2/1 (leave)", "g: 1/1 says d"});
}

TEST_CASE("who is no member may send, and gets nothing") {
    Nodes n(1);
    n.view({1}, {});
    n.member(1, 1);
    n[1].take(1);
    REQUIRE(n.groups(1).connect(9, 1, 0, false));
    n.say(1, 9, "x");
    n.say(1, 9, "y", "nobody's");
    n.rest();
    CHECK(n[1].take(1) == Texts{"g: 1/9 says x"});
    CHECK(n[1].take(9).empty());
    CHECK(n.groups(1).groups() == Texts{"g"});
}

TEST_CASE("a client that dies, or says goodbye, leaves all its groups with that reason") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1, "a");
    n.member(1, 1, "b");
    n.member(2, 1, "a");
    n.member(2, 1, "b");
    n.member(2, 2, "a");
    n[2].take(1);
    n.groups(1).disconnect(1, false);
    n.groups(2).disconnect(2, true);
    n.rest();
    CHECK(n[2].take(1) ==
          Texts{"a: 2/1 2/2, left 1/1 (died)", "b: 2/1, left 1/1 (died)", "a: 2/1, left 2/2 (leave)"});
    CHECK(n.groups(1).clients().empty());
    CHECK(n.groups(2).clients().size() == 1);
}

TEST_CASE("what a client sent before it died is sent") {
    Nodes n(1);
    n.view({1}, {});
    n.member(1, 1);
    n.member(1, 2);
    n[1].take(1);
    n.say(1, 2, "last words");
    n.groups(1).disconnect(2, false);
    n.rest();
    CHECK(n[1].take(1) == Texts{"g: 1/2 says last words", "g: 1/1, left 1/2 (died)"});
}

TEST_CASE("a node that is lost takes its members along, in one view of each group") {
    Nodes n(3);
    n.view({1, 2, 3}, {});
    n.member(1, 1);
    n.member(2, 1);
    n.member(3, 1);
    n.member(3, 2);
    n.member(1, 1, "quiet");
    n[1].take(1);
    n[2].take(1);
    n.view({1, 2}, {{1, 2}});
    CHECK(n[1].take(1) == Texts{"g: 1/1 2/1, left 3/1 (down), left 3/2 (down)"});
    CHECK(n[2].take(1) == Texts{"g: 1/1 2/1, left 3/1 (down), left 3/2 (down)"});
    CHECK(n.groups(1).digest() == n.groups(2).digest());
}

TEST_CASE("a new ring of the same nodes is no news to groups") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n.member(2, 1);
    n[1].take(1);
    n.view({1, 2}, {{1, 2}});
    CHECK(n[1].take(1).empty());
}

TEST_CASE("after a cut both sides' members are in one group again, in the order of their joins") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(2, 1);
    n.member(1, 1);
    n.view({1}, {});
    CHECK(n[1].take(1).back() == "g: 1/1, left 2/1 (down)");
    n.member(1, 2);
    n[1].take(1);
    n.view({2}, {});
    n[2].take(1);
    n.view({1, 2}, {});
    CHECK(n[1].take(1) == Texts{"g: 2/1 1/1 1/2, joined 2/1 (up)"});
    CHECK(n[2].take(1) == Texts{"g: 2/1 1/1 1/2, joined 1/1 (up), joined 1/2 (up)"});
}

TEST_CASE("who was apart unnoticed is in both lists, and its place in the group stays") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n.member(2, 1);
    n[1].take(1);
    n.view({1, 2}, {});  // node 2 was in another ring meanwhile
    CHECK(n[1].take(1) == Texts{"g: 1/1 2/1, left 2/1 (down), joined 2/1 (up)"});
}

TEST_CASE("a node that starts anew has other members") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n.member(2, 1);
    n[1].take(1);
    n.restart(2);
    n.view({1, 2}, {});
    CHECK(n[1].take(1) == Texts{"g: 1/1, left 2/1 (down)"});
    n.member(2, 1);
    CHECK(n[1].take(1) == Texts{"g: 1/1 2/1, joined 2/1 (join)"});
}

TEST_CASE("what happens while a ring breaks up says so") {
    Nodes n(1);
    n.view({1}, {}, true);
    REQUIRE(n.groups(1).connect(1, 1, 0, false));
    REQUIRE(n.groups(1).join(1, "g"));
    n.order(1, true);
    n.say(1, 1, "x");
    n.order(1, true);
    CHECK(n[1].take(1) == Texts{"g: 1/1, joined 1/1 (join), transitional", "g: 1/1 says x, transitional"});
}

TEST_CASE("a node without groups, or whose word can't be read, costs the others nothing") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n[1].take(1);
    membership::SyncedView synced;
    synced.view = {{50, {1}, 77}, {n[1].who, n[2].who}};
    synced.place = {synced.view.ring, {900}};
    synced.standings[n[1].who] = n.groups(1).standing();
    synced.standings[n[2].who] = {bytes("garbage"), {}};
    synced.together = {n[1].who};
    n.groups(1).synchronised(synced);
    n[1].drain();
    CHECK(n[1].take(1).empty());
    CHECK(n.groups(1).members("g").size() == 1);
}

TEST_CASE("what can't be read, or is of nobody here, changes nothing") {
    Nodes n(2);
    n.view({1, 2}, {});
    n.member(1, 1);
    n[1].take(1);
    const membership::Digest before = n.groups(1).digest();
    n.deliver(2, bytes("garbage"));
    n.deliver(2, membership::groups::encode(membership::groups::Leave{1, "g"}));  // its own client 1: none
    n.deliver(2, membership::groups::encode(membership::groups::Gone{1, GroupReason::leave}));
    CHECK(n.groups(1).digest() == before);
    CHECK(n[1].take(1).empty());
}

TEST_CASE("clients that want the ring's views get the present one at once, and each that is synchronised") {
    Nodes n(2);
    n.view({1, 2}, {});
    REQUIRE(n.groups(1).connect(1, 1, 0, true));
    n[1].drain();
    CHECK(n[1].take(1) == Texts{"ring {1,2}"});
    REQUIRE(n.groups(1).join(1, "g"));
    n.rest();
    n.member(2, 1);
    n[1].take(1);
    n.view({1}, {});
    // The group's view comes first, as clients of corosync expect.
    CHECK(n[1].take(1) == Texts{"g: 1/1, left 2/1 (down)", "ring {1}"});
}

TEST_CASE("groups transfer no state: the hellos hold it") {
    Nodes n(1);
    CHECK_FALSE(n.groups(1).authority({{n[1].who, n.groups(1).standing()}}));
    CHECK(n.groups(1).snapshot()->size() == 0);
    CHECK_FALSE(n.groups(1).install({}));
    CHECK(n.groups(1).standing().digest == n.groups(1).digest());
}

// What clients may ask, what it costs them, and who is cut off.
#include "nodes.hpp"

using namespace groups_test;  // NOLINT(google-build-using-namespace)
using base::Errc;

namespace {

std::size_t charge(std::size_t payload) {
    return Groups::charge(payload);
}

}  // namespace

TEST_CASE("requests that break the rules are refused with the kind of the fault") {
    GroupsConfig config;
    config.max_groups_of_client = 2;
    config.max_joins = 3;
    Nodes n(1, config);
    n.view({1}, {});
    CHECK(n.groups(1).join(1, "g").error().code == Errc::not_found);
    n.member(1, 1);
    CHECK(n.groups(1).join(1, "g").error().code == Errc::conflict);
    CHECK(n.groups(1).leave(1, "other").error().code == Errc::conflict);
    CHECK(n.groups(1).join(1, "").error().code == Errc::invalid);
    CHECK(n.groups(1).join(1, std::string(membership::kMaxGroupName + 1, 'x')).error().code == Errc::invalid);
    CHECK(n.groups(1).multicast(1, "g", base::Bytes(membership::kMaxGroupMessage + 1)).error().code ==
          Errc::invalid);
    n.member(1, 1, "second");
    CHECK(n.groups(1).join(1, "third").error().code == Errc::unavailable);
    n.member(1, 2);
    const auto full = n.groups(1).join(2, "second");
    CHECK(full.error().code == Errc::unavailable);  // of all clients together
    // A leave makes room once it is ordered.
    REQUIRE(n.groups(1).leave(1, "second"));
    CHECK_FALSE(n.groups(1).join(2, "second"));
    n.rest();
    CHECK(n.groups(1).join(2, "second"));
}

TEST_CASE("there are only so many clients, and so many of a user") {
    GroupsConfig config;
    config.max_clients = 3;
    config.max_clients_of_user = 2;
    Nodes n(1, config);
    REQUIRE(n.groups(1).connect(1, 1, 500, false));
    REQUIRE(n.groups(1).connect(2, 1, 500, false));
    CHECK(n.groups(1).connect(3, 1, 500, false).error().code == Errc::unavailable);
    REQUIRE(n.groups(1).connect(3, 1, 501, false));
    CHECK(n.groups(1).connect(4, 1, 502, false).error().code == Errc::unavailable);
    n.groups(1).disconnect(1, false);
    CHECK(n.groups(1).connect(4, 1, 500, false));
}

TEST_CASE("credits: given at first, used up by asking, back when it was ordered") {
    GroupsConfig config;
    config.send_bytes = 1000;
    config.send_messages = 3;
    Nodes n(1, config);
    n.view({1}, {});
    REQUIRE(n.groups(1).connect(1, 1, 0, false));
    n[1].drain();
    CHECK(n[1].credits[1] == std::pair<std::size_t, std::size_t>{3, 1000});
    n[1].credits.clear();
    REQUIRE(n.groups(1).join(1, "g"));
    REQUIRE(n.groups(1).multicast(1, "g", base::Bytes(10)));
    CHECK(n.groups(1).clients().front().sent == 2);
    CHECK(n.groups(1).clients().front().sent_bytes == charge(0) + charge(10));
    REQUIRE(n.groups(1).multicast(1, "g", base::Bytes(20)));
    CHECK(n.groups(1).multicast(1, "g", {}).error().code == Errc::invalid);
    n.rest();
    CHECK(n[1].credits[1] == std::pair<std::size_t, std::size_t>{3, charge(0) + charge(10) + charge(20)});
    // The last one may exceed the bytes, whatever its size; then nothing goes.
    n[1].take(1);
    REQUIRE(n.groups(1).multicast(1, "g", base::Bytes(100'000)));
    CHECK(n.groups(1).multicast(1, "g", {}).error().code == Errc::invalid);
    CHECK(n.groups(1).leave(1, "g").error().code == Errc::invalid);
    n.rest();
    CHECK(n.groups(1).leave(1, "g"));
}

TEST_CASE("clients take turns, a message each") {
    Nodes n(1);
    n.view({1}, {});
    n.member(1, 1);
    n.member(1, 2);
    n.member(1, 3);
    n[1].take(1);
    for (const char* text : {"a", "b", "c"}) n.say(1, 1, text);
    n.say(1, 2, "d");
    n.say(1, 3, "e");
    n.rest();
    CHECK(n[1].take(1) ==
          Texts{"g: 1/1 says a", "g: 1/2 says d", "g: 1/3 says e", "g: 1/1 says b", "g: 1/1 says c"});
}

TEST_CASE(
    "who does not take what it is given is cut off; the others are told why, and it costs them nothing") {
    GroupsConfig config;
    config.keep_messages = 4;
    Nodes n(2, config);
    n.view({1, 2}, {});
    n.member(1, 1);
    n.member(1, 2);
    n.member(2, 1);
    n[1].take(1);
    n[1].take(2);
    n[2].take(1);
    for (int i = 0; i < 5; ++i) {
        n.say(2, 1, std::to_string(i));
        n.rest();
        n[1].take(1);
        n[2].take(1);
    }
    CHECK(n[1].cut.count(1) == 0);
    CHECK(n[1].cut.at(2) == "cut off: 5 messages, 330 bytes were not taken");
    CHECK(n.groups(1).multicast(2, "g", {}).error().code == Errc::not_found);
    n.groups(1).taken(2, 1, 10);       // too late
    n.groups(1).disconnect(2, false);  // its connection ends, too: no news
    n.rest();
    CHECK(n.groups(1).clients().size() == 1);
    n.say(1, 1, "on");
    n.rest();
    CHECK(n[1].take(1) == Texts{"g: 1/1 says on"});
    CHECK(n.groups(2).members("g").size() == 2);
}

TEST_CASE("who is cut off leaves with that reason, at all members") {
    GroupsConfig config;
    config.keep_bytes = 300;
    Nodes n(2, config);
    n.view({1, 2}, {});
    n.member(1, 2);
    n.member(2, 1);
    n[1].take(2);
    n[2].take(1);
    n.say(2, 1, std::string(250, 'x'));  // one thing alone is never too much
    n.rest();
    n[2].take(1);
    CHECK(n[1].cut.empty());
    n.say(2, 1, "y");
    n.rest();
    CHECK(n[1].cut.count(2) == 1);
    const Texts told = n[2].take(1);
    CHECK(told.back() == "g: 2/1, left 1/2 (cut off)");
}

TEST_CASE("what all clients leave untaken is bounded: who holds most of it is cut off") {
    GroupsConfig config;
    config.keep_total_bytes = 23'000;
    Nodes n(2, config);
    n.view({1, 2}, {});
    n.member(1, 1, "small");
    n.member(1, 2, "large");
    n.member(1, 3, "large");
    n.member(1, 4, "alone");
    n.member(2, 9, "elsewhere");
    for (ClientId client = 1; client <= 4; ++client) n[1].take(client);
    CHECK(n.groups(1).kept_bytes() == 0);
    const auto say = [&](const std::string& group, int times) {
        for (; times > 0; --times) {
            n.say(2, 9, std::string(1000, 'x'), group);
            n.rest();
        }
    };
    say("small", 2);
    say("large", 6);
    say("alone", 4);
    // Those of "large" wait for more bytes, but for the same ones.
    CHECK(n.groups(1).kept_bytes() > 12'000);
    CHECK(n[1].cut.empty());
    say("alone", 1);
    CHECK(n[1].cut.empty());
    say("small", 1);
    REQUIRE(n[1].cut.size() == 1);
    CHECK(n[1].cut.at(4) ==
          "cut off: the clients of this node together left more than 23000 bytes untaken, and this one the "
          "most: 5 messages, 5345 bytes");
    CHECK(n.groups(1).kept_bytes() < 17'000);
    CHECK(n[1].take(2).size() == 6);
    CHECK(n.groups(1).kept_bytes() > 10'000);  // client 3 waits for them still
    CHECK(n[1].take(3).size() == 6);
    CHECK(n[1].take(1).size() == 3);
    CHECK(n.groups(1).kept_bytes() == 0);
    CHECK(n[2].cut.empty());
}

TEST_CASE("who watches the ring alone and does not take its views is cut off, and forgotten at once") {
    GroupsConfig config;
    config.keep_messages = 2;
    config.max_clients = 1;
    Nodes n(1, config);
    REQUIRE(n.groups(1).connect(1, 1, 0, true));
    for (int i = 0; i < 3; ++i) n.view({1}, {{1}});
    CHECK(n[1].cut.count(1) == 1);
    CHECK(n.groups(1).clients().empty());
    CHECK(n.groups(1).connect(2, 1, 0, false));
}

TEST_CASE("what was not drained yet is not handed to who is gone") {
    Nodes n(1);
    n.view({1}, {});
    n.member(1, 1);
    n.say(1, 1, "x");
    const auto message = n.groups(1).next();
    REQUIRE(message);
    n.groups(1).deliver({n[1].who, {{1, {1}, 77}, {500}}, false, message->payload});
    n.groups(1).disconnect(1, false);
    CHECK(n.groups(1).drain().empty());
}

// Which start of a node is alive: what a challenge lets in, and what it keeps out.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.hpp"
#include "totem/seal/detail/budget.hpp"

using seal_test::acquaint;
using seal_test::at_ms;
using seal_test::bytes;
using seal_test::count;
using seal_test::kUnproven;
using seal_test::outcome;
using seal_test::proven;
using seal_test::start;
using seal_test::talk;
using totem::Rejected;
using totem::Sealer;

namespace {

constexpr char kOlder[] = "older start of the node";
const std::string kJoin(64, 'j');  // as long as the shortest heartbeat

}  // namespace

TEST_CASE("a start that is heard for the first time counts after one round trip, and both know each other") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    CHECK(outcome(two, one.seal(bytes(kJoin))) == kUnproven);
    CHECK(outcome(two, one.seal(bytes("more"))) == kUnproven);

    auto challenge = two.take_replies();  // two -> one
    REQUIRE(challenge.size() == 1);
    CHECK(challenge[0].to == base::NodeId{1});
    CHECK(outcome(one, challenge[0].frame) == "handshake");
    auto answer = one.take_replies();  // one -> two: the answer, and one's own challenge
    REQUIRE(answer.size() == 1);
    CHECK(outcome(two, answer[0].frame) == "handshake");
    CHECK(proven(two) == std::vector<std::string>{kJoin, "more"});  // what came meanwhile
    CHECK(count(two, Rejected::unproven) == 0);
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");

    auto back = two.take_replies();
    REQUIRE(back.size() == 1);
    const base::Bytes behind = two.seal(bytes("b"));
    CHECK(outcome(one, back[0].frame) == "handshake");
    CHECK(outcome(one, behind) == "opened: b");
    CHECK(one.take_replies().empty());
}

TEST_CASE("no reply is longer than what it replies to") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    const base::Bytes join = one.seal(bytes(kJoin));
    CHECK(outcome(two, join) == kUnproven);
    const auto challenge = two.take_replies();
    REQUIRE(challenge.size() == 1);
    CHECK(challenge[0].frame.size() <= join.size());
    static_cast<void>(one.open(challenge[0].frame));
    const auto answer = one.take_replies();
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].frame.size() <= challenge[0].frame.size());
    static_cast<void>(two.open(answer[0].frame));
    const auto back = two.take_replies();
    REQUIRE(back.size() == 1);
    CHECK(back[0].frame.size() <= answer[0].frame.size());

    // Short frames add up before they are worth a challenge.
    Sealer three = start({.node = 3});
    CHECK(outcome(three, one.seal({})) == kUnproven);
    CHECK(three.take_replies().empty());
    CHECK(outcome(three, one.seal({})) == kUnproven);
    CHECK(three.take_replies().size() == 1);
}

TEST_CASE("when both ask at once, both answer, and neither asks again") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    CHECK(outcome(two, one.seal(bytes(kJoin))) == kUnproven);
    CHECK(outcome(one, two.seal(bytes(kJoin))) == kUnproven);
    CHECK(talk({{1, &one}, {2, &two}}) == 4);
    CHECK(proven(one) == std::vector<std::string>{kJoin});
    CHECK(proven(two) == std::vector<std::string>{kJoin});
}

TEST_CASE("a recording of a former start changes nothing but a counter, whatever the receiver knows") {
    Sealer former = start({.node = 1, .incarnation = 100});
    Sealer then_two = start({.node = 2, .incarnation = 200});
    std::vector<base::Bytes> recorded{former.seal(bytes(kJoin))};
    static_cast<void>(then_two.open(recorded[0]));
    for (const auto& reply : then_two.take_replies()) static_cast<void>(former.open(reply.frame));
    for (const auto& reply : former.take_replies()) recorded.push_back(reply.frame);  // also its answers
    for (int i = 0; i < 30; ++i) recorded.push_back(former.seal(bytes("data " + std::to_string(i))));
    const base::Bytes last_words = former.seal_last_words(bytes("bye"));

    // All nodes have started anew.
    Sealer one = start({.node = 1, .incarnation = 101});
    Sealer two = start({.node = 2, .incarnation = 201});
    const auto replay = [&](const char* expected) {
        for (std::size_t i = 0; i < recorded.size(); ++i) {
            CAPTURE(i);
            CHECK(outcome(two, recorded[i]) == (i == 1 ? "replay" : expected));
        }
        CHECK(outcome(two, last_words) == expected);
        CHECK(proven(two).empty());
    };
    replay(kUnproven);
    CHECK(count(two, Rejected::unproven) == 32);
    talk({{1, &one}, {2, &two}});  // the one that is alive answers for itself, not for its former start
    CHECK(proven(two).empty());
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
    replay(kOlder);
    CHECK(outcome(two, one.seal(bytes("b"))) == "opened: b");
}

TEST_CASE("an answer counts once, for the challenge that was asked, and only in time") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    Sealer three = start({.node = 3});
    static_cast<void>(two.open(one.seal(bytes(kJoin))));
    static_cast<void>(three.open(one.seal(bytes(kJoin))));
    const auto of_two = two.take_replies();
    const auto of_three = three.take_replies();
    static_cast<void>(one.open(of_three[0].frame));
    const auto for_three = one.take_replies();
    CHECK(outcome(two, for_three[0].frame) == "replay");  // an answer to somebody else
    CHECK(outcome(three, of_two[0].frame) == "replay");   // a question to somebody else
    static_cast<void>(one.open(of_two[0].frame));
    const auto for_two = one.take_replies();
    base::Bytes damaged = for_two[0].frame;
    damaged.back() ^= 1;
    CHECK(outcome(two, damaged) == "replay");
    two.set_time(at_ms(1001));
    CHECK(outcome(two, for_two[0].frame) == "replay");  // too late
    CHECK(outcome(two, one.seal(bytes(kJoin))) == kUnproven);
    talk({{1, &one}, {2, &two}});
    CHECK(proven(two) == std::vector<std::string>{kJoin});  // the old one is not handed out any more
    CHECK(outcome(two, for_two[0].frame) == "replay");
}

TEST_CASE("a lost challenge is asked again, not more often than every 20 ms; what is kept is bounded") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    std::size_t challenges = 0;
    for (std::int64_t ms = 0; ms < 200; ++ms) {
        two.set_time(at_ms(ms));
        for (int i = 0; i < 5; ++i) static_cast<void>(two.open(one.seal(bytes(kJoin))));
        challenges += two.take_replies().size();
    }
    CHECK(challenges == 10);
    two.set_time(at_ms(220));
    static_cast<void>(two.open(one.seal(bytes(kJoin))));
    talk({{1, &one}, {2, &two}});
    CHECK(proven(two).size() == 8);
}

TEST_CASE("recorded challenges get a bounded number of answers") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    static_cast<void>(two.open(one.seal(bytes(kJoin))));
    const base::Bytes challenge = two.take_replies()[0].frame;
    std::size_t answers = 0;
    for (int i = 0; i < 1000; ++i) {
        static_cast<void>(one.open(challenge));
        answers += one.take_replies().size();
    }
    CHECK(answers == 16);
    one.set_time(at_ms(2));
    static_cast<void>(one.open(challenge));
    CHECK(one.take_replies().size() == 1);
}

TEST_CASE("of a start that is alive, recordings of what it sent long before it was proven don't open") {
    Sealer one = start({.node = 1});
    const base::Bytes recorded = one.seal(bytes(kJoin));
    const base::Bytes also = one.seal(bytes(kJoin));
    one.set_time(at_ms(5000));
    static_cast<void>(one.seal(bytes("now")));
    Sealer two = start({.node = 2, .incarnation = 201});  // has just started, knows nothing
    CHECK(outcome(two, recorded) == kUnproven);
    talk({{1, &one}, {2, &two}});
    CHECK(proven(two).empty());
    CHECK(outcome(two, also) == "replay");
    CHECK(outcome(two, one.seal(bytes("a"))) == "opened: a");
}

TEST_CASE("a start with a lower number that is alive learns which one it must exceed") {
    Sealer former = start({.node = 1, .incarnation = 100});
    Sealer two = start({.node = 2});
    acquaint(1, former, 2, two);
    Sealer set_back = start({.node = 1, .incarnation = 50});
    two.set_time(at_ms(2000));
    CHECK(outcome(two, set_back.seal(bytes(kJoin))) == kOlder);
    talk({{1, &set_back}, {2, &two}});
    REQUIRE(set_back.outdated_by());
    CHECK(*set_back.outdated_by() == base::Incarnation{100});
    CHECK(proven(two).empty());
    CHECK(outcome(two, former.seal(bytes("a"))) == "opened: a");  // as long as it is the highest

    Sealer successor = start({.node = 1, .incarnation = 101});
    CHECK_FALSE(successor.outdated_by());
    two.set_time(at_ms(2100));
    CHECK(outcome(two, successor.seal(bytes(kJoin))) == kUnproven);
    talk({{1, &successor}, {2, &two}});
    CHECK(proven(two) == std::vector<std::string>{kJoin});
}

TEST_CASE("handshakes of a wrong key, cut, damaged or for others do nothing") {
    Sealer one = start({.node = 1});
    Sealer two = start({.node = 2});
    static_cast<void>(two.open(one.seal(bytes(kJoin))));
    const base::Bytes challenge = two.take_replies()[0].frame;
    for (std::size_t at = 0; at < challenge.size(); ++at) {
        base::Bytes damaged = challenge;
        damaged[at] ^= 0x10;
        CAPTURE(at);
        CHECK(outcome(one, damaged) != "handshake");
        CHECK(outcome(one, base::ByteView(challenge).first(at)) != "handshake");
    }
    Sealer three = start({.node = 3});
    CHECK(outcome(three, challenge) == "replay");  // asks node 1
    Sealer stranger = start({.node = 1, .key = 8});
    CHECK(outcome(stranger, challenge) == "wrong key");
    CHECK(one.take_replies().empty());
    CHECK(three.take_replies().empty());
}

TEST_CASE("a budget gives its burst, then one per interval, and saves up no more than its burst") {
    totem::detail::Budget budget(3, base::milliseconds(10));
    const auto taken = [&](std::int64_t ms) {
        int n = 0;
        while (budget.take(at_ms(ms))) ++n;
        return n;
    };
    CHECK(taken(0) == 3);
    CHECK(taken(9) == 0);
    CHECK(taken(10) == 1);
    CHECK(taken(35) == 2);
    CHECK(taken(39) == 0);
    CHECK(taken(40) == 1);
    CHECK(taken(1'000'000) == 3);
}

// The simulator's checker, told stories of rings that break a guarantee: each must be seen, and the one that
// breaks none must not.
#include "tests/sim/ring/checker.hpp"

#include <doctest/doctest.h>

using base::Incarnation;
using base::NodeId;
using base::RingId;
using base::Seq;
using totem::Guarantee;
using totem::Member;
using totem::View;

namespace {

const Member kOne{NodeId{1}, Incarnation{5}}, kTwo{NodeId{2}, Incarnation{5}},
    kThree{NodeId{3}, Incarnation{5}};
const RingId kFirst{1, NodeId{1}, Incarnation{5}}, kSecond{2, NodeId{1}, Incarnation{5}},
    kOther{2, NodeId{3}, Incarnation{5}};

// Three processes on one ring, of which the stories start.
class Told {
  public:
    Told() {
        for (const Member& m : all()) checker.started(m, true);
        for (const Member& m : all()) regular(m, kFirst, all());
    }
    static std::vector<Member> all() { return {kOne, kTwo, kThree}; }

    Told& send(const Member& who, std::uint64_t id, Guarantee guarantee = Guarantee::agreed) {
        checker.submitted(who, sim::make_payload(id, 8), guarantee);
        return *this;
    }
    Told& deliver(const Member& who, std::uint64_t id, const Member& sender, std::uint64_t place,
                  bool transitional = false) {
        checker.happened(
            who, totem::Delivered{kFirst, Seq{place}, sender, sim::make_payload(id, 8), transitional});
        return *this;
    }
    Told& transitional(const Member& who, const std::vector<Member>& members) {
        checker.happened(who, totem::Transitional{View{kFirst, members}});
        return *this;
    }
    Told& regular(const Member& who, const RingId& ring, const std::vector<Member>& members) {
        totem::Regular event;
        event.view = View{ring, members};
        checker.happened(who, event);
        return *this;
    }
    // It goes on without the others.
    Told& part(const Member& who) {
        return transitional(who, {who}).regular(who, {2, who.node, who.incarnation}, {who});
    }
    bool says(const std::string& part) {
        CAPTURE(checker.violation());
        return checker.violation().find(part) != std::string::npos;
    }

    sim::Checker checker{{NodeId{1}, NodeId{2}, NodeId{3}}};
};

}  // namespace

TEST_CASE("checker: a story in which all is right") {
    Told t;
    t.send(kOne, 1, Guarantee::safe).send(kTwo, 2);
    for (const Member& m : Told::all()) t.deliver(m, 1, kOne, 1).deliver(m, 2, kTwo, 2);
    t.send(kThree, 3, Guarantee::safe).deliver(kThree, 3, kThree, 3);
    t.transitional(kOne, {kOne, kTwo}).deliver(kOne, 3, kThree, 3, true).regular(kOne, kSecond, {kOne, kTwo});
    t.transitional(kTwo, {kOne, kTwo}).deliver(kTwo, 3, kThree, 3, true).regular(kTwo, kSecond, {kOne, kTwo});
    t.part(kThree);
    CHECK(t.checker.violation() == "");
    CHECK(t.checker.finally(Told::all()) == "");
}

TEST_CASE("checker: E7, a message after one that it happened before") {
    Told t;
    t.send(kOne, 1).transitional(kTwo, {kTwo}).deliver(kTwo, 1, kOne, 1, true).send(kTwo, 2);
    t.deliver(kThree, 2, kTwo, 2).deliver(kThree, 1, kOne, 1);  // the answer first
    CHECK(t.says("after one that it happened before"));
}

TEST_CASE("checker: E7, an answer in a transitional view without the question") {
    Told t;
    t.send(kOne, 1)
        .deliver(kOne, 1, kOne, 1)
        .deliver(kTwo, 1, kOne, 1)
        .send(kTwo, 2)
        .deliver(kTwo, 2, kTwo, 2);
    t.transitional(kThree, {kThree}).deliver(kThree, 2, kTwo, 2, true).regular(kThree, kOther, {kThree});
    CHECK(t.checker.violation() == "");
    CHECK(t.checker.finally({}).find("without message 1 of 1/5, which happened before it") !=
          std::string::npos);
}

TEST_CASE("checker: E8, one place has one message, one message one place, and places grow") {
    Told two_messages, two_places, backwards;
    two_messages.send(kOne, 1).send(kTwo, 2).deliver(kOne, 1, kOne, 1).deliver(kTwo, 2, kTwo, 1);
    CHECK(two_messages.says("which elsewhere is message 1"));
    two_places.send(kOne, 1).deliver(kOne, 1, kOne, 1).deliver(kTwo, 1, kOne, 2);
    CHECK(two_places.says("which elsewhere has another place"));
    backwards.send(kOne, 1).send(kTwo, 2).deliver(kOne, 1, kOne, 2).deliver(kOne, 2, kTwo, 1);
    CHECK(backwards.says("after 2"));
}

TEST_CASE("checker: E9, a message left out in a regular view, or at its end though a companion had it") {
    Told skipped, lost;
    for (Told* t : {&skipped, &lost}) t->send(kOne, 1).deliver(kOne, 1, kOne, 1).send(kTwo, 2);
    skipped.deliver(kTwo, 2, kTwo, 2);
    CHECK(skipped.says("where others delivered message 1"));
    lost.transitional(kTwo, {kOne, kTwo}).regular(kTwo, kSecond, {kOne, kTwo});
    CHECK(lost.says("together with 1/5, but without message 1"));
}

TEST_CASE("checker: E10, a safe message that a member of the regular view does without") {
    for (const bool before : {true, false}) {
        Told t;
        t.send(kOne, 1, Guarantee::safe);
        if (before) t.part(kThree);
        t.deliver(kOne, 1, kOne, 1);
        CHECK(t.checker.violation().empty() == !before);
        if (!before) t.part(kThree);
        CHECK(t.says(before ? "which 3/5 left without it" : "without message 1, which 1/5 delivered"));
    }
    Told agreed;  // promises nothing of the kind
    agreed.send(kOne, 1).deliver(kOne, 1, kOne, 1).part(kThree);
    CHECK(agreed.checker.violation() == "");
}

TEST_CASE("checker: E10, a message of a transitional view that one of its members does without") {
    Told t;
    t.send(kThree, 1).transitional(kOne, {kOne, kTwo}).deliver(kOne, 1, kThree, 1, true);
    t.regular(kOne, kSecond, {kOne, kTwo}).part(kTwo);
    CHECK(t.says("without message 1, which 1/5 delivered"));
}

TEST_CASE("checker: E10, a safe message that is still owed at the end") {
    Told t;
    t.send(kOne, 1, Guarantee::safe).deliver(kOne, 1, kOne, 1);
    CHECK(t.checker.finally({kOne}) == "");
    CHECK(t.checker.finally(Told::all()).find("did not deliver safe message 1") != std::string::npos);
}

TEST_CASE("checker: E14, more is kept than the configuration allows") {
    totem::RingConfig config;
    config.window = 10;
    config.max_queued = 100;
    totem::RingStatus status;
    status.phase = "operational";
    status.queued_bytes = 100;
    status.logged = 90;
    Told t;
    t.checker.bounded(kOne, status, config);
    CHECK(t.checker.violation() == "");
    status.logged = 91;
    t.checker.bounded(kOne, status, config);
    CHECK(t.says("keeps datagrams: 91, more than 90"));
    Told other;
    status.queued_bytes = 101;
    other.checker.bounded(kOne, status, config);
    CHECK(other.says("keeps bytes to send: 101"));
}

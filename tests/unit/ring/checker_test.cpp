// The simulator's checker, told stories of rings that break a guarantee: each must be seen, and the one that
// breaks none must not.
#include "tests/sim/ring/checker.hpp"

#include <doctest/doctest.h>

#include "tests/sim/ring/bounds.hpp"

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
const RingId kFirst{1, NodeId{1}, 5}, kSecond{2, NodeId{1}, 5}, kOther{2, NodeId{3}, 5};

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
        return transitional(who, {who}).regular(who, {2, who.node, who.incarnation.value}, {who});
    }
    // What it found is this guarantee, told with these words.
    bool breaks(const std::string& guarantee, const std::string& part) const {
        return names(checker.violation(), guarantee, part);
    }
    static bool names(const std::string& violation, const std::string& guarantee, const std::string& part) {
        INFO(violation);
        CHECK(violation.find(part) != std::string::npos);
        return violation.rfind(guarantee + ", ", 0) == 0;
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

TEST_CASE(
    "checker: E1, a message that nobody sent, that was changed, of another, of elsewhere, or too early") {
    Told nobody, changed, another, elsewhere, early, marked;
    nobody.deliver(kOne, 1, kOne, 1);
    CHECK(nobody.breaks("E1", "that nobody sent"));
    changed.send(kOne, 1);
    base::Bytes bytes = sim::make_payload(1, 9);
    changed.checker.happened(kTwo, totem::Delivered{kFirst, Seq{1}, kOne, std::move(bytes), false});
    CHECK(changed.breaks("E1", "changed"));
    another.send(kOne, 1).deliver(kThree, 1, kTwo, 1);
    CHECK(another.breaks("E1", "of 1/5 as sent by 2/5"));
    elsewhere.send(kOne, 1).part(kTwo).deliver(kTwo, 1, kOne, 1);
    CHECK(elsewhere.breaks("E1", "of a process outside its view"));
    const Member again{NodeId{2}, Incarnation{6}};
    early.checker.started(again, true);
    early.send(kOne, 1).deliver(again, 1, kOne, 1);
    CHECK(early.breaks("E1", "before its first view"));
    marked.send(kOne, 1).deliver(kTwo, 1, kOne, 1, true);
    CHECK(marked.breaks("E1", "with the wrong transitional mark"));
}

TEST_CASE("checker: E2, a message twice") {
    Told t;
    t.send(kOne, 1).deliver(kTwo, 1, kOne, 1).deliver(kTwo, 1, kOne, 2);
    CHECK(t.breaks("E2", "delivered message 1 twice"));
}

TEST_CASE("checker: E3, a view without the process that sees it") {
    Told regular, transitional;
    regular.transitional(kTwo, {kTwo}).regular(kTwo, kSecond, {kOne, kThree});
    CHECK(regular.breaks("E3", "without itself"));
    transitional.transitional(kTwo, {kOne, kThree});
    CHECK(transitional.breaks("E3", "without itself"));
}

TEST_CASE("checker: E4, two memberships of one ring, or a ring sequence that does not grow at its node") {
    Told two, same, again;
    two.transitional(kOne, {kOne}).regular(kOne, kSecond, {kOne});
    two.transitional(kTwo, {kTwo}).regular(kTwo, kSecond, {kTwo, kThree});
    CHECK(two.breaks("E4", "that elsewhere is of {1/5}"));
    same.transitional(kThree, {kThree}).regular(kThree, {1, NodeId{3}, 5}, {kThree});
    CHECK(same.breaks("E4", "after one with sequence 1"));
    const Member next{NodeId{2}, Incarnation{6}};  // over a restart, too
    again.checker.started(next, true);
    again.regular(next, {1, NodeId{2}, 6}, {next});
    CHECK(again.breaks("E4", "after one with sequence 1"));
}

TEST_CASE(
    "checker: E5, no transitional view, one of strangers, one that not all of it share or come out of") {
    Told none, twice, strangers, unlike, lost;
    none.regular(kOne, kSecond, Told::all());
    CHECK(none.breaks("E5", "without a transitional view"));
    twice.transitional(kOne, {kOne}).transitional(kOne, {kOne});
    CHECK(twice.breaks("E5", "twice"));
    strangers.transitional(kOne, {kOne, {NodeId{2}, Incarnation{6}}});
    CHECK(strangers.breaks("E5", "with 2/6 of elsewhere"));
    for (const Member& m : {kOne, kTwo})
        unlike.transitional(m, m == kOne ? std::vector{kOne} : std::vector{kOne, kTwo})
            .regular(m, kSecond, {kOne, kTwo});
    CHECK(unlike.breaks("E5", "through {1/5,2/5}, unlike 1/5 through {1/5}"));
    lost.transitional(kOne, {kOne, kTwo}).regular(kOne, kSecond, {kOne});
    CHECK(lost.breaks("E5", "without 2/5 of its transitional view"));
}

TEST_CASE("checker: E6, a message after a later one of its sender") {
    Told t;
    t.send(kOne, 1).send(kOne, 2).deliver(kTwo, 2, kOne, 1).deliver(kTwo, 1, kOne, 2);
    CHECK(t.breaks("E6", "delivered message 1 after a later one of its sender"));
}

TEST_CASE("checker: E7, a message after one that it happened before") {
    Told t;
    t.send(kOne, 1).transitional(kTwo, {kTwo}).deliver(kTwo, 1, kOne, 1, true).send(kTwo, 2);
    t.deliver(kThree, 2, kTwo, 2).deliver(kThree, 1, kOne, 1);  // the answer first
    CHECK(t.breaks("E7", "after one that it happened before"));
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
    CHECK(Told::names(t.checker.finally({}), "E7", "without message 1 of 1/5, which happened before it"));
}

TEST_CASE("checker: E8, one place has one message, one message one place, and places grow") {
    Told two_messages, two_places, backwards;
    two_messages.send(kOne, 1).send(kTwo, 2).deliver(kOne, 1, kOne, 1).deliver(kTwo, 2, kTwo, 1);
    CHECK(two_messages.breaks("E8", "which elsewhere is message 1"));
    two_places.send(kOne, 1).deliver(kOne, 1, kOne, 1).deliver(kTwo, 1, kOne, 2);
    CHECK(two_places.breaks("E8", "which elsewhere has another place"));
    backwards.send(kOne, 1).send(kTwo, 2).deliver(kOne, 1, kOne, 2).deliver(kOne, 2, kTwo, 1);
    CHECK(backwards.breaks("E8", "after 2"));
}

TEST_CASE("checker: E9, a message left out in a regular view, or at its end though a companion had it") {
    Told skipped, lost;
    for (Told* t : {&skipped, &lost}) t->send(kOne, 1).deliver(kOne, 1, kOne, 1).send(kTwo, 2);
    skipped.deliver(kTwo, 2, kTwo, 2);
    CHECK(skipped.breaks("E9", "where others delivered message 1"));
    lost.transitional(kTwo, {kOne, kTwo}).regular(kTwo, kSecond, {kOne, kTwo});
    CHECK(lost.breaks("E9", "together with 1/5, but without message 1"));
}

TEST_CASE("checker: E10, a safe message that a member of the regular view does without") {
    for (const bool before : {true, false}) {
        Told t;
        t.send(kOne, 1, Guarantee::safe);
        if (before) t.part(kThree);
        t.deliver(kOne, 1, kOne, 1);
        CHECK(t.checker.violation().empty() == !before);
        if (!before) t.part(kThree);
        CHECK(
            t.breaks("E10", before ? "which 3/5 left without it" : "without message 1, which 1/5 delivered"));
    }
    Told agreed;  // promises nothing of the kind
    agreed.send(kOne, 1).deliver(kOne, 1, kOne, 1).part(kThree);
    CHECK(agreed.checker.violation() == "");
}

TEST_CASE("checker: E10, a message of a transitional view that one of its members does without") {
    Told t;
    t.send(kThree, 1).transitional(kOne, {kOne, kTwo}).deliver(kOne, 1, kThree, 1, true);
    t.regular(kOne, kSecond, {kOne, kTwo}).part(kTwo);
    CHECK(t.breaks("E10", "without message 1, which 1/5 delivered"));
}

TEST_CASE("checker: E10, a safe message that is still owed at the end") {
    Told t;
    t.send(kOne, 1, Guarantee::safe).deliver(kOne, 1, kOne, 1);
    CHECK(t.checker.finally({kOne}) == "");
    CHECK(Told::names(t.checker.finally(Told::all()), "E10", "did not deliver safe message 1"));
}

TEST_CASE("checker: E11, its own message never comes") {
    Told t;
    t.send(kOne, 1).send(kTwo, 2).deliver(kOne, 1, kOne, 1);
    CHECK(t.checker.undelivered({kOne}) == "");
    CHECK(Told::names(t.checker.undelivered({kOne, kTwo}), "E11", "2/5 did not deliver its own message 2"));
}

TEST_CASE("checker: E12, two that go together have not delivered the same") {
    for (const bool in_transitional : {false, true}) {
        Told t;
        t.send(kThree, 1);
        if (!in_transitional) t.deliver(kTwo, 1, kThree, 1);
        for (const Member& m : {kOne, kTwo}) t.transitional(m, {kOne, kTwo});
        if (in_transitional) t.deliver(kTwo, 1, kThree, 1, true);
        t.regular(kTwo, kSecond, {kOne, kTwo});
        t.regular(kOne, kSecond, {kOne, kTwo});
        CHECK(t.breaks("E12", in_transitional ? "having delivered 0 messages in the transitional view"
                                              : "having delivered 0 messages in the regular view"));
    }
}

TEST_CASE("checker: E13, something of the past leads to a view") {
    Told t;
    t.checker.allow(0, sim::Checker::Disturbance::past);
    t.part(kThree);
    CHECK(t.breaks("E13", "as view number 1 where 0 are allowed"));
}

TEST_CASE("checker: E14, more is kept than the configuration allows") {
    totem::RingConfig config;
    config.window = 10 * 1024;
    config.max_queued = 100;
    totem::RingStatus fine;
    fine.phase = "operational";
    fine.queued_bytes = 100;
    fine.logged = 33;
    fine.outstanding = fine.window = fine.largest_window = 10 * 1024;
    const auto finds = [&](const totem::RingStatus& status) {
        Told t;
        t.checker.looked(kOne, status, config);
        return t.checker.violation();
    };
    CHECK(finds(fine) == "");
    totem::RingStatus status = fine;
    status.logged = 34;
    CHECK(Told::names(finds(status), "E14", "keeps datagrams: 34, more than 33"));
    status = fine;
    status.queued_bytes = 101;
    CHECK(Told::names(finds(status), "E14", "keeps bytes to send: 101"));
    status = fine;
    status.outstanding = 10 * 1024 + 1;
    CHECK(Told::names(finds(status), "E14", "keeps bytes on their way: 10241, more than 10240"));
    status = fine;
    config.receive_buffer = 10'000;
    CHECK(Told::names(finds(status), "E14", "keeps bytes of window at most: 10240, more than 10000"));
}

TEST_CASE("checker: E14, more is sent in one rotation than a quarter of the window") {
    namespace wire = totem::wire;
    totem::RingConfig config;
    config.window = 40'000;  // a rotation: 10,000
    Told t;
    std::uint64_t seq = 0, token_seq = 0;
    const auto data = [&](const sim::Member& who, std::size_t size) {
        const base::Bytes payload(size - 1024 - wire::kDataHeader);
        t.checker.sent(who, wire::encode(wire::Data{kFirst, base::Seq{++seq}, who.node, {}, {}, payload}),
                       config);
    };
    const auto pass = [&](const sim::Member& who) {
        wire::Token token;
        token.ring = kFirst;
        token.token_seq = ++token_seq;
        for (int copies = 0; copies < 2; ++copies) t.checker.sent(who, wire::encode(token), config);
    };
    data(kOne, 6000);
    pass(kOne);
    data(kTwo, 4000);
    pass(kTwo);
    data(kOne, 6000);
    pass(kOne);
    pass(kTwo);
    data(kOne, 10'000);
    pass(kOne);
    CHECK(t.checker.violation() == "");
    data(kTwo, 1100);
    CHECK(t.breaks("E14", "in one rotation: 11100 bytes, more than 10000"));
}

TEST_CASE("checker: E14, a socket overflows where nothing disturbs the ring") {
    Told t;
    t.checker.overflowed(kOne);
    CHECK(t.checker.violation() == "");
    t.checker.allow(0);
    t.checker.overflowed(kOne);
    CHECK(t.breaks("E14", "for want of room"));
}

TEST_CASE("checker: E15, processes that hear each other for long are not one ring") {
    const totem::RingConfig config;
    const base::Duration bound = sim::unites_within(config), almost = bound - base::milliseconds(1);
    totem::RingStatus status;
    status.phase = "operational";
    Told t;
    for (const Member& m : Told::all()) t.checker.looked(m, status, config);
    CHECK(t.checker.apart(Told::all(), bound, bound) == "");
    t.part(kThree);
    CHECK(t.checker.apart(Told::all(), almost, bound) == "");
    CHECK(Told::names(t.checker.apart(Told::all(), bound, bound), "E15", "are not one ring"));
    CHECK(t.checker.apart({kThree}, bound, bound) == "");

    Told gathers;  // for ever, with the right view behind it
    for (const Member& m : Told::all()) gathers.checker.looked(m, status, config);
    status.phase = "gather";
    gathers.checker.looked(kTwo, status, config);
    CHECK(
        Told::names(gathers.checker.apart(Told::all(), bound, bound), "E15", "2/5 gathers after ring 1.1/5"));
}

TEST_CASE("checker: E16, a message that one of a ring delivered never comes to another") {
    Told t;
    t.send(kOne, 1).deliver(kOne, 1, kOne, 1).deliver(kTwo, 1, kOne, 1);
    CHECK(t.checker.undelivered({kOne, kTwo}) == "");
    CHECK(Told::names(t.checker.undelivered(Told::all()), "E16",
                      "3/5 did not deliver message 1 of ring 1.1/5"));
}

TEST_CASE("checker: E17, a view without a fault, or too many after one") {
    Told quiet, fault;
    quiet.checker.allow(0);
    quiet.part(kThree);
    CHECK(quiet.breaks("E17", "as view number 1 where 0 are allowed"));
    fault.checker.allow(sim::kViewsOfOneFault);
    std::uint64_t seq = 1;
    RingId ring = kFirst;
    for (std::uint64_t n = 0; n <= sim::kViewsOfOneFault; ++n) {
        CHECK(fault.checker.violation() == "");
        fault.checker.happened(kThree, totem::Transitional{View{ring, {kThree}}});
        ring = {++seq, NodeId{3}, 5};
        fault.regular(kThree, ring, {kThree});
    }
    CHECK(fault.breaks("E17", "as view number 4 where 3 are allowed"));
}

TEST_CASE("world: it ends when somebody acts again and again at one instant") {
    sim::Observer nobody;
    sim::World world(1, 1, totem::RingConfig{}, nobody);
    std::function<void()> again = [&] { world.at(world.now(), again); };
    world.at(world.now() + base::seconds(1), again);
    world.run_until(world.now() + base::milliseconds(999));
    CHECK(!world.livelocked());
    world.run_until(world.now() + base::seconds(9));
    CHECK(world.livelocked());
    CHECK(world.now() == base::Instant{1'000'000'000});
    CHECK(!world.run_until([] { return false; }, world.now() + base::seconds(9)));
}

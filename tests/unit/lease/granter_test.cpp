#include "membership/lease/granter.hpp"

#include <doctest/doctest.h>

#include "moments.hpp"

using base::Duration;
using base::Instant;
using base::milliseconds;
using base::NodeId;
using base::seconds;
using lease_test::at;
using lease_test::kSecond;
using lease_test::ring;
using membership::Granter;
using membership::Promise;
using membership::stretched;
using totem::Member;

namespace {

const base::NodeSet kRoster{{1}, {2}, {3}};
const Member kSelf{{1}, {10}}, kTwo{{2}, {20}}, kThree{{3}, {30}};
Promise about(const Granter& granter, NodeId node, Instant now) {
    for (const Promise& promise : granter.promises().at(now)) {
        if (promise.node == node) return promise;
    }
    FAIL("no promise");
    return {};
}

}  // namespace

TEST_CASE("a fresh process counts its own start as its last acknowledgement to everybody") {
    const Granter granter(kRoster, {1}, kSecond, seconds(3), at(5000));
    CHECK(granter.promises().at(at(5000)).size() == 2);
    CHECK(about(granter, {2}, at(5000)).left == stretched(seconds(3)));
    CHECK(about(granter, {2}, at(6000)).left == stretched(seconds(3)) - seconds(1));
    CHECK(about(granter, {3}, at(9000)).left == Duration{});
}

TEST_CASE("only who is in the ring is granted anything, by its process") {
    Granter granter(kRoster, {1}, kSecond, kSecond, at(0));
    CHECK(granter.grant(at(2000), kTwo) == Duration{});
    granter.installed(ring(4), {kSelf, kTwo});
    CHECK(granter.grant(at(2000), kTwo) == kSecond);
    CHECK(granter.grant(at(2000), {{2}, {21}}) == Duration{});  // started anew: not yet in the ring
    CHECK(granter.grant(at(2000), kThree) == Duration{});
    CHECK(granter.grant(at(2000), {{9}, {1}}) == Duration{});
    CHECK(about(granter, {2}, at(2000)).left == stretched(kSecond));
    CHECK(about(granter, {3}, at(2000)).left == Duration{});
    // The same acknowledgement said again, and an older one, promise nothing more.
    CHECK(granter.grant(at(2000), kTwo) == kSecond);
    CHECK(granter.grant(at(1900), kTwo) == kSecond);
    CHECK(about(granter, {2}, at(2000)).left == stretched(kSecond));
    granter.installed(ring(5), {kSelf, kThree});
    CHECK(granter.grant(at(2100), kTwo) == Duration{});
    CHECK(granter.grant(at(2100), kThree) == kSecond);
    CHECK(about(granter, {2}, at(2100)).left == stretched(kSecond) - milliseconds(100));
}

TEST_CASE("the last ring of a node, and that a process knows nothing of rings before its first") {
    Granter granter(kRoster, {1}, kSecond, kSecond, at(0));
    CHECK(about(granter, {2}, at(0)).last_ring == 0);
    granter.installed(ring(4), {kSelf, kTwo});
    CHECK(about(granter, {2}, at(0)).last_ring == 4);
    CHECK(about(granter, {3}, at(0)).last_ring == 4);
    granter.installed(ring(6), {kSelf, kThree});
    CHECK(about(granter, {2}, at(0)).last_ring == 4);
    CHECK(about(granter, {3}, at(0)).last_ring == 6);
}

TEST_CASE("a longer term is granted once it is on disk, a shorter one at once") {
    Granter granter(kRoster, {1}, kSecond, kSecond, at(0));
    granter.installed(ring(1), {kSelf, kTwo, kThree});
    CHECK_FALSE(granter.take_persist(at(0)));
    granter.set_term(seconds(4));
    CHECK(granter.grant(at(3000), kTwo) == kSecond);
    CHECK(granter.take_persist(at(3000)) == seconds(4));
    CHECK_FALSE(granter.take_persist(at(3000)));  // once
    CHECK(granter.grant(at(3100), kTwo) == kSecond);
    granter.persisted(seconds(4));
    CHECK(granter.grant(at(3200), kTwo) == seconds(4));
    CHECK(about(granter, {2}, at(3200)).left == stretched(seconds(4)));

    granter.set_term(kSecond);
    CHECK(granter.grant(at(3300), kTwo) == kSecond);
    CHECK(about(granter, {2}, at(3300)).left == stretched(seconds(4)) - milliseconds(100));
    // The disk keeps the longer one until a fresh process would promise no less without it.
    CHECK_FALSE(granter.take_persist(at(3300)));
    const Instant then = at(3200) + (stretched(seconds(4)) - stretched(kSecond));
    CHECK_FALSE(granter.take_persist(then + (Duration{} - base::nanoseconds(1))));
    CHECK(granter.take_persist(then) == kSecond);
}

TEST_CASE("a term that changes while the disk is busy") {
    Granter granter(kRoster, {1}, kSecond, seconds(4), at(0));
    granter.installed(ring(1), {kSelf, kTwo, kThree});
    const Instant later = at(60'000);
    CHECK(granter.take_persist(later) == kSecond);  // on its way to the disk
    granter.set_term(seconds(3));
    CHECK(granter.grant(later, kTwo) == kSecond);
    CHECK(granter.take_persist(later) == seconds(3));
    granter.persisted(kSecond);  // of the first
    CHECK(granter.grant(later, kTwo) == kSecond);
    granter.persisted(seconds(3));
    CHECK(granter.grant(later, kTwo) == seconds(3));
    CHECK_FALSE(granter.take_persist(later));
}

TEST_CASE("nobody grants more than the longest term") {
    Granter granter(kRoster, {1}, seconds(600), seconds(600), at(0));
    granter.installed(ring(1), {kSelf, kTwo});
    CHECK(granter.grant(at(0), kTwo) == membership::kLongestTerm);
}

TEST_CASE("a node that is added counts as granted to just now; one that is removed is forgotten") {
    Granter granter(kRoster, {1}, kSecond, kSecond, at(0));
    granter.installed(ring(4), {kSelf, kTwo});
    granter.set_roster(at(5000), {{1}, {2}, {4}});
    CHECK(granter.promises().about.size() == 2);
    CHECK(about(granter, {4}, at(5000)).left == stretched(kSecond));
    CHECK(about(granter, {4}, at(5000)).last_ring == 4);
    CHECK(granter.grant(at(5000), kTwo) == kSecond);  // who stays is in the ring as before
    CHECK(granter.grant(at(5000), {{4}, {40}}) == Duration{});
    granter.installed(ring(5), {kSelf, kTwo, {{4}, {40}}});
    CHECK(granter.grant(at(5100), {{4}, {40}}) == kSecond);
    // Removed, and added again: what was promised before is not known any more.
    granter.set_roster(at(5200), {{1}, {2}});
    granter.set_roster(at(5300), {{1}, {2}, {4}});
    CHECK(about(granter, {4}, at(5300)).left == stretched(kSecond));
}

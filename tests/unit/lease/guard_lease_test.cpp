#include "membership/lease/guard_lease.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "membership/lease/lease_page.hpp"

#include "moments.hpp"

using base::Instant;
using base::milliseconds;
using base::RingId;
using lease_test::at;
using lease_test::ring;
using membership::GuardLease;
using membership::GuardStatement;
using membership::LeaseVerdict;
using membership::LeaseView;

namespace {

constexpr base::Duration kPatience = base::seconds(1);

// In ring 5, with a right until 1000 ms.
GuardLease holding() {
    GuardLease lease(kPatience, false);
    lease.entered(ring(5));
    REQUIRE(lease.renew(at(10), {ring(5), at(9), at(1000)}) == LeaseVerdict::taken);
    return lease;
}

}  // namespace

TEST_CASE("without a renewal nothing may be held") {
    GuardLease lease(kPatience, false);
    lease.entered(ring(5));
    CHECK_FALSE(lease.may_hold(at(10)));
    CHECK(lease.admit(at(10), ring(5)) == LeaseVerdict::expired);
    CHECK_FALSE(lease.dropping());
    CHECK(lease.next_deadline() == Instant::never());
}

TEST_CASE("the right ends at its moment, and everything goes") {
    GuardLease lease = holding();
    CHECK(lease.next_deadline() == at(1000));
    CHECK(lease.admit(at(999), ring(5)) == LeaseVerdict::taken);
    lease.advance(at(999));
    CHECK_FALSE(lease.dropping());
    lease.advance(at(1000));
    CHECK(lease.dropping());
    CHECK_FALSE(lease.may_hold(at(1000)));
    CHECK(lease.next_deadline() == Instant::never());
}

TEST_CASE("expiry is latched: a renewal that comes after the end counts once everything was dropped") {
    GuardLease lease = holding();
    CHECK(lease.renew(at(1000), {ring(5), at(1000), at(2000)}) == LeaseVerdict::expired);
    CHECK(lease.dropping());
    CHECK(lease.renew(at(1001), {ring(5), at(1001), at(2001)}) == LeaseVerdict::dropping);
    CHECK(lease.admit(at(1001), ring(5)) == LeaseVerdict::dropping);
    lease.dropped();
    CHECK_FALSE(lease.may_hold(at(1002)));
    CHECK_FALSE(lease.take_statement());  // the core lives, and reports what is gone
    CHECK(lease.renew(at(1002), {ring(5), at(1002), at(2002)}) == LeaseVerdict::taken);
    CHECK(lease.admit(at(1002), ring(5)) == LeaseVerdict::taken);
}

TEST_CASE("a renewal that was found after the end is late, whatever clock it is held against") {
    GuardLease lease = holding();
    CHECK(lease.renew(at(990), {ring(5), at(1001), at(2000)}) == LeaseVerdict::expired);
}

TEST_CASE("a command is tested by the clock, not by a timer that may be late") {
    GuardLease lease = holding();
    CHECK(lease.admit(at(1000), ring(5)) == LeaseVerdict::expired);
    CHECK(lease.dropping());
}

TEST_CASE("what an older ring's view decided is refused") {
    GuardLease lease = holding();
    lease.entered(ring(6));
    CHECK(lease.admit(at(20), ring(5)) == LeaseVerdict::older_ring);
    CHECK(lease.admit(at(20), ring(6)) == LeaseVerdict::taken);
    // The lease goes on while the new view is not synchronised yet.
    CHECK(lease.renew(at(20), {ring(5), at(20), at(1100)}) == LeaseVerdict::taken);
    CHECK(lease.renew(at(21), {ring(6), at(21), at(1200)}) == LeaseVerdict::taken);
    // A renewal says as well which view is in force.
    CHECK(lease.renew(at(21), {ring(7), at(21), at(1200)}) == LeaseVerdict::taken);
    CHECK(lease.admit(at(21), ring(6)) == LeaseVerdict::older_ring);
    CHECK(lease.renew(at(22), {ring(5), at(22), at(1300)}) == LeaseVerdict::older_ring);
    CHECK(lease.view() == LeaseView{at(1200), false, ring(6)});
}

TEST_CASE("giving up drops, though the right goes on") {
    GuardLease lease = holding();
    lease.give_up();
    CHECK(lease.dropping());
    CHECK_FALSE(lease.may_hold(at(20)));
    lease.dropped();
    CHECK_FALSE(lease.may_hold(at(20)));
    CHECK_FALSE(lease.take_statement());
}

TEST_CASE("a core that dies is said to be dead; a new one in time keeps everything") {
    GuardLease lease = holding();
    lease.core_ended(at(100));
    CHECK(lease.take_statement() == GuardStatement{GuardStatement::Kind::daemon_dead, ring(5)});
    CHECK_FALSE(lease.take_statement());
    CHECK(lease.next_deadline() == at(1000));
    CHECK(lease.may_hold(at(900)));
    lease.entered(ring(6));
    CHECK(lease.renew(at(900), {ring(6), at(900), at(1900)}) == LeaseVerdict::taken);
    lease.advance(at(1200));
    CHECK_FALSE(lease.dropping());
    CHECK_FALSE(lease.take_statement());
}

TEST_CASE("a core that stays away: dropped, said so, and nothing of its rings counts any more") {
    GuardLease lease = holding();
    REQUIRE(lease.renew(at(11), {ring(5), at(11), at(5000)}) == LeaseVerdict::taken);
    lease.core_ended(at(100));
    static_cast<void>(lease.take_statement());
    lease.advance(at(1099));
    CHECK_FALSE(lease.dropping());
    lease.advance(at(1100));
    CHECK(lease.dropping());
    CHECK_FALSE(lease.take_statement());  // not before it is verified
    lease.dropped();
    CHECK(lease.take_statement() == GuardStatement{GuardStatement::Kind::dropped, ring(5)});
    CHECK(lease.renew(at(1101), {ring(5), at(1101), at(6000)}) == LeaseVerdict::older_ring);
    CHECK(lease.admit(at(1101), ring(5)) == LeaseVerdict::older_ring);
    lease.entered(ring(6));
    CHECK(lease.renew(at(1102), {ring(6), at(1102), at(6000)}) == LeaseVerdict::taken);
    CHECK(lease.admit(at(1102), ring(6)) == LeaseVerdict::taken);
}

TEST_CASE("a dead core's lease that runs out first ends in the same statement") {
    GuardLease lease = holding();
    lease.core_ended(at(900));
    static_cast<void>(lease.take_statement());
    lease.advance(at(1000));
    REQUIRE(lease.dropping());
    lease.dropped();
    CHECK(lease.take_statement() == GuardStatement{GuardStatement::Kind::dropped, ring(5)});
}

TEST_CASE("leaving ends with the core: a new one in a new ring is not shut out of it") {
    GuardLease lease = holding();
    lease.leave();
    lease.core_ended(at(20));
    static_cast<void>(lease.take_statement());
    lease.entered(ring(6));
    lease.dropped();
    CHECK_FALSE(lease.take_statement());
    CHECK(lease.renew(at(30), {ring(6), at(30), at(2000)}) == LeaseVerdict::taken);
    CHECK(lease.admit(at(30), ring(6)) == LeaseVerdict::taken);
}

TEST_CASE("leaving drops and says so") {
    GuardLease lease = holding();
    lease.leave();
    REQUIRE(lease.dropping());
    lease.dropped();
    CHECK(lease.take_statement() == GuardStatement{GuardStatement::Kind::dropped, ring(5)});
    CHECK(lease.renew(at(20), {ring(5), at(20), at(2000)}) == LeaseVerdict::older_ring);
}

TEST_CASE("a new guard first drops what a former one may have left") {
    GuardLease lease(kPatience, true);
    CHECK(lease.dropping());
    lease.entered(ring(7));
    CHECK(lease.renew(at(10), {ring(7), at(10), at(1000)}) == LeaseVerdict::dropping);
    lease.dropped();
    CHECK(lease.renew(at(11), {ring(7), at(11), at(1000)}) == LeaseVerdict::taken);
}

TEST_CASE("where leases are not enforced the right has no end") {
    GuardLease lease = holding();
    CHECK(lease.renew(at(20), {ring(5), at(20), Instant::never()}) == LeaseVerdict::taken);
    lease.advance(at(1'000'000'000));
    CHECK(lease.admit(at(1'000'000'000), ring(5)) == LeaseVerdict::taken);
    CHECK(lease.next_deadline() == Instant::never());
    CHECK(lease.renew(at(30), {ring(5), at(30), at(1030)}) == LeaseVerdict::taken);
    CHECK(lease.next_deadline() == at(1030));
}

TEST_CASE("the page shows what was published") {
    membership::LeasePage page;
    CHECK(membership::look(page) == LeaseView{});
    const LeaseView view{at(1234), true, {7, {3}, 99}};
    membership::publish(page, view);
    CHECK(membership::look(page) == view);
    page.sequence.store(page.sequence.load() + 1);  // its writer died in the middle
    CHECK_FALSE(membership::look(page));
    membership::LeasePage other;
    other.layout = 2;
    CHECK_FALSE(membership::look(other));
}

TEST_CASE("a reader of the page never sees half of a change") {
    membership::LeasePage page;
    constexpr std::uint64_t kChanges = 200'000;
    std::atomic<bool> over{false};
    std::thread writer([&] {
        for (std::uint64_t n = 1; n <= kChanges; ++n) {
            const auto id = static_cast<std::uint32_t>(n);
            membership::publish(page, {Instant{static_cast<std::int64_t>(n)}, n % 2 == 1, {n, {id}, n}});
        }
        over.store(true);
    });
    std::uint64_t torn = 0, last = 0, backwards = 0;
    while (!over.load()) {
        const auto view = membership::look(page);
        if (!view) continue;
        const std::uint64_t n = view->ring.seq;
        const bool whole = view->until.ns == static_cast<std::int64_t>(n) &&
                           view->ring.representative.value == n && view->ring.members == n &&
                           view->dropping == (n % 2 == 1);
        torn += whole ? 0 : 1;
        backwards += n < last ? 1 : 0;
        last = n;
    }
    writer.join();
    CHECK(torn == 0);
    CHECK(backwards == 0);
    CHECK(membership::look(page)->ring.seq == kChanges);
}

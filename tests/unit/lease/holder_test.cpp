#include "membership/lease/holder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "totem/base/rng.hpp"

#include "moments.hpp"

using base::Duration;
using base::Instant;
using base::milliseconds;
using base::NodeId;
using lease_test::at;
using membership::Holder;
using membership::Renewal;

namespace {

const base::RingId kRing{7, {1}, 1};
const membership::LeaseTiming kTiming = membership::lease_timing(base::seconds(1));
const Duration kTerm = kTiming.term;                  // 1 s
const Duration kRight = kTiming.term - kTiming.drop;  // 750 ms

membership::Leasable majority_of(std::size_t nodes) {
    return [nodes](const base::NodeSet& set) { return set.size() * 2 > nodes; };
}

// The answer comes at once, of a node in that ring.
void grant(Holder& holder, NodeId peer, Instant sent, Duration term, std::uint64_t ring = 0) {
    holder.acknowledged(sent, peer, sent, term, membership::ring_mark(ring));
}

}  // namespace

TEST_CASE("of three nodes one grant makes the lease, counted from when the heartbeat was sent") {
    Holder holder({1}, majority_of(3), kTiming);
    CHECK(holder.until() == Instant{});
    grant(holder, {2}, at(100), kTerm);
    CHECK(holder.until() == at(100) + kRight);
    grant(holder, {3}, at(300), kTerm);
    CHECK(holder.until() == at(300) + kRight);
    grant(holder, {2}, at(50), kTerm);   // late: says nothing new
    grant(holder, {1}, at(900), kTerm);  // nobody grants to itself
    CHECK(holder.until() == at(300) + kRight);
}

TEST_CASE("of five nodes the second latest grant counts, whatever the terms") {
    Holder holder({1}, majority_of(5), kTiming);
    grant(holder, {2}, at(500), kTerm);
    CHECK(holder.until() == Instant{});
    grant(holder, {3}, at(100), kTerm);
    CHECK(holder.until() == at(100) + kRight);
    grant(holder, {4}, at(200), kTerm * 3);  // reaches further than what 2 granted
    CHECK(holder.until() == at(500) + kRight);
    grant(holder, {5}, at(600), kTiming.drop);  // no time left to hold anything
    CHECK(holder.until() == at(500) + kRight);
}

// The definition, said plainly: the end is the largest moment that a leasable set's grants all reach.
TEST_CASE("the end is the largest that this node and a leasable set of others reach") {
    base::Rng rng(1);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t nodes = 1 + rng.below(6);
        std::vector<unsigned> votes;
        unsigned all = 0;
        for (std::size_t n = 0; n < nodes; ++n) {
            votes.push_back(static_cast<unsigned>(rng.below(3)));
            all += votes.back();
        }
        const auto leasable = [&](const base::NodeSet& set) {
            unsigned here = 0;
            for (const NodeId n : set) here += votes[n.value - 1];
            return here * 2 > all;
        };
        Holder holder({1}, leasable, kTiming);
        std::vector<Instant> ends(nodes, Instant{});
        for (std::uint32_t n = 2; n <= nodes; ++n) {
            if (rng.chance(300)) continue;
            const Instant sent = at(static_cast<std::int64_t>(rng.below(1000)) + 1);
            grant(holder, {n}, sent, kTerm);
            ends[n - 1] = sent + kRight;
        }
        Instant best{};
        for (std::uint32_t mask = 1; mask < 1U << nodes; mask += 2) {  // with this node
            base::NodeSet set;
            Instant reach = Instant::never();
            for (std::uint32_t n = 1; n <= nodes; ++n) {
                if ((mask >> (n - 1) & 1U) == 0) continue;
                set.insert({n});
                if (n > 1) reach = std::min(reach, ends[n - 1]);
            }
            if (set.size() > 1 && leasable(set)) best = std::max(best, reach);
        }
        CHECK(holder.until() == best);
    }
}

TEST_CASE("a grant counts only while the main thread declares a ring") {
    Holder holder({1}, majority_of(3), kTiming);
    grant(holder, {2}, at(100), kTerm);
    CHECK_FALSE(holder.renew(at(110)));
    CHECK(holder.next_deadline() == Instant::never());
    holder.declare(at(120), kRing);
    CHECK(holder.renew(at(120)) == Renewal{kRing, at(120), at(100) + kRight});
    grant(holder, {2}, at(1100), kTerm);
    CHECK(holder.renew(at(120) + kTiming.patience + base::nanoseconds(1)) == std::nullopt);  // main hangs
    holder.declare(at(1300), kRing);
    CHECK(holder.renew(at(1300)));
    holder.withdraw();
    grant(holder, {2}, at(1700), kTerm);
    CHECK_FALSE(holder.renew(at(1710)));
}

TEST_CASE("a ring that was left is declared on while the right is unbroken, and not after a break") {
    const base::RingId next{8, {1}, 1};
    Holder holder({1}, majority_of(3), kTiming);
    holder.installed(kRing);
    grant(holder, {2}, at(0), kTerm, 7);
    holder.declare(at(1), kRing);
    REQUIRE(holder.renew(at(1)));
    holder.installed(next);
    grant(holder, {2}, at(500), kTerm, 8);
    holder.declare(at(501), kRing);
    CHECK(holder.renew(at(501)) == Renewal{kRing, at(501), at(500) + kRight});

    // The right was out; what the ring has become since grants again.
    grant(holder, {2}, at(3000), kTerm, 8);
    holder.declare(at(3001), kRing);
    CHECK_FALSE(holder.renew(at(3001)));
    holder.declare(at(3002), next);
    CHECK(holder.renew(at(3002)) == Renewal{next, at(3002), at(3000) + kRight});
}

TEST_CASE("grants of a ring that this node has not installed keep a right, and win none") {
    Holder holder({1}, majority_of(3), kTiming);
    holder.installed(kRing);
    grant(holder, {2}, at(0), kTerm, 8);
    holder.declare(at(1), kRing);
    CHECK_FALSE(holder.renew(at(1)));
    grant(holder, {2}, at(2), kTerm, 7);
    REQUIRE(holder.renew(at(2)));
    grant(holder, {2}, at(400), kTerm, 8);  // it has moved on, and we are about to
    CHECK(holder.renew(at(401)));
    grant(holder, {2}, at(2000), kTerm, 8);
    holder.declare(at(2000), kRing);
    CHECK_FALSE(holder.renew(at(2001)));
}

TEST_CASE("a right that ends while a ring that was left is declared does not come back by it") {
    Holder holder({1}, majority_of(3), kTiming);
    grant(holder, {2}, at(0), kTerm);
    holder.declare(at(700), kRing);
    REQUIRE(holder.renew(at(700)));
    holder.installed({8, {1}, 1});
    grant(holder, {2}, at(749), kTerm);
    CHECK_FALSE(holder.renew(at(751)));
}

TEST_CASE("guard is told of what is worth waking it, and in time") {
    Holder holder({1}, majority_of(3), kTiming);
    holder.declare(at(0), kRing);
    grant(holder, {2}, at(1), kTerm);
    CHECK(holder.renew(at(2)));
    grant(holder, {2}, at(100), kTerm);  // 99 ms more
    CHECK_FALSE(holder.renew(at(101)));
    // Half of what guard knows of is used up: now it is told.
    CHECK(holder.next_deadline() == at(1) + kRight / 2);
    CHECK(holder.renew(holder.next_deadline()) == Renewal{kRing, at(376), at(100) + kRight});
    grant(holder, {2}, at(300), kTerm);  // a quarter more: at once
    CHECK(holder.renew(at(376)));
    CHECK_FALSE(holder.renew(at(376)));
    const base::RingId next{8, {1}, 1};
    holder.declare(at(377), next);
    CHECK(holder.renew(at(377)) == Renewal{next, at(377), at(300) + kRight});
    // What has run out is not handed on.
    holder.declare(at(1200), kRing);
    CHECK_FALSE(holder.renew(at(1200)));
}

TEST_CASE("heartbeats become urgent when the right is nearly out") {
    Holder holder({1}, majority_of(3), kTiming);
    holder.declare(at(0), kRing);
    CHECK(holder.urgent(at(0)));  // no right at all yet
    CHECK_FALSE(holder.urgent(at(1)));
    CHECK(holder.next_deadline() == at(0) + kTiming.again);
    CHECK(holder.urgent(at(0) + kTiming.again));
    grant(holder, {2}, at(30), kTerm);
    CHECK(holder.renew(at(31)));
    CHECK_FALSE(holder.urgent(at(60)));
    const Instant low = at(30) + kRight + (base::nanoseconds(1) - kTiming.urgent);
    CHECK(holder.next_deadline() == low);
    CHECK_FALSE(holder.urgent(low + (Duration{} - base::nanoseconds(2))));
    CHECK(holder.urgent(low));
    CHECK(holder.next_deadline() == low + kTiming.again);
}

TEST_CASE("a node that needs nobody renews by itself, while its main thread lives") {
    Holder holder(
        {1}, [](const base::NodeSet& set) { return set.contains({1}); }, kTiming);
    holder.declare(at(10), kRing);
    CHECK_FALSE(holder.urgent(at(10)));
    CHECK(holder.next_deadline() <= at(10));
    CHECK(holder.renew(at(10)) == Renewal{kRing, at(10), at(10) + kRight});
    CHECK_FALSE(holder.renew(at(11)));
    const Instant next = holder.next_deadline();
    CHECK(next == at(10) + kRight / 2);
    CHECK(holder.renew(next) == Renewal{kRing, next, next + kRight});
    CHECK_FALSE(holder.renew(at(1011)));  // not declared any more
    CHECK(holder.next_deadline() == Instant::never());
}

TEST_CASE("what was won under former rules stays won") {
    Holder holder({1}, majority_of(3), kTiming);
    grant(holder, {2}, at(100), kTerm);
    holder.set_rules(majority_of(5));
    CHECK(holder.until() == at(100) + kRight);
    grant(holder, {2}, at(400), kTerm);
    CHECK(holder.until() == at(100) + kRight);
    grant(holder, {3}, at(300), kTerm);
    CHECK(holder.until() == at(300) + kRight);
}

TEST_CASE("timing follows token, and the wish of the administrator") {
    const auto usual = membership::lease_timing(base::seconds(1));
    CHECK(usual.term == base::seconds(1));
    CHECK(usual.drop == milliseconds(250));
    CHECK(usual.urgent == milliseconds(200));
    CHECK(usual.again == milliseconds(25));
    CHECK(membership::lease_timing(base::seconds(1), base::seconds(4)).term == milliseconds(4250));
    const auto shortest = membership::lease_timing(milliseconds(30));
    CHECK(shortest.term == milliseconds(200));
    CHECK(shortest.drop == milliseconds(50));
    CHECK(membership::lease_timing(base::seconds(600)).term == membership::kLongestTerm);
    // Nothing that adjtimex(2) allows makes a clock gain more on another one.
    constexpr std::int64_t kFast = 1'100'500, kSlow = 899'500;
    for (const Duration d : {base::nanoseconds(1), milliseconds(1), base::seconds(60)})
        CHECK(membership::stretched(d).ns > d.ns * kFast / kSlow);
}

#include "membership/lease/keeper.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "moments.hpp"

using base::milliseconds;
using lease_test::at;
using lease_test::ring;
using membership::Keeper;
using membership::Renewal;

namespace {

const membership::LeaseTiming kLengths = membership::lease_timing(base::seconds(1));
const totem::Member kPeerTwo{{2}, {20}}, kPeerThree{{3}, {30}};

struct One {
    One()
        : keeper({{{1}, {2}, {3}},
                  {1},
                  [](const base::NodeSet& set) { return set.size() >= 2; },
                  kLengths,
                  kLengths.term,
                  at(1000)},
                 [this](const Renewal& renewal) { renewals.push_back(renewal); }) {}
    std::vector<Renewal> renewals;
    Keeper keeper;
};

// A second, granted in this ring.
constexpr std::uint32_t second_of(std::uint16_t ring) {
    return std::uint32_t{ring} << 16U | 1000;
}

}  // namespace

TEST_CASE("the word is the term that is granted, to the members of the view alone; it is promised by that") {
    One one;
    CHECK(one.keeper.word(kPeerTwo.node, kPeerTwo.incarnation, at(1010)) == 0);
    static_cast<void>(one.keeper.installed(ring(4), {{{1}, {10}}, kPeerTwo, kPeerThree}));
    CHECK(one.keeper.word(kPeerTwo.node, kPeerTwo.incarnation, at(2000)) == second_of(4));
    CHECK(one.keeper.word(kPeerTwo.node, {19}, at(2000)) == 0);  // another process
    const membership::Promises promises = one.keeper.installed(ring(8), {{{1}, {10}}, kPeerThree});
    CHECK(one.keeper.word(kPeerTwo.node, kPeerTwo.incarnation, at(2100)) == 0);
    REQUIRE(promises.about.size() == 2);
    CHECK(promises.about[0].node == kPeerTwo.node);
    CHECK(promises.about[0].until >= at(2000) + kLengths.term * 5 / 4);
    CHECK(promises.about[0].last_ring == 4);
    CHECK(promises.about[1].last_ring == 8);
}

TEST_CASE("guard is told of what was granted once the view was declared, and not after it was withdrawn") {
    One one;
    one.keeper.acknowledged(at(1100), kPeerTwo.node, at(1050), second_of(0));
    CHECK(one.renewals.empty());
    one.keeper.declare(at(1110), ring(4));
    REQUIRE(one.renewals.size() == 1);
    CHECK(one.renewals[0] == Renewal{ring(4), at(1110), at(1050) + milliseconds(750)});
    one.keeper.withdraw();
    one.keeper.acknowledged(at(1400), kPeerTwo.node, at(1390), second_of(0));
    CHECK(one.renewals.size() == 1);
}

TEST_CASE("a word above the longest term is not believed") {
    One one;
    one.keeper.declare(at(1000), ring(4));
    one.keeper.acknowledged(at(1100), kPeerTwo.node, at(1050), 0x0000ffff);
    REQUIRE(one.renewals.size() == 1);
    CHECK(one.renewals[0].until == at(1050) + (membership::kLongestTerm - kLengths.drop));
}

TEST_CASE("its deadline is never behind the last step: nothing spins, also when the right is over") {
    One one;
    one.keeper.declare(at(1000), ring(4));
    one.keeper.acknowledged(at(1100), kPeerTwo.node, at(1050), second_of(0));
    base::Instant now = at(1100);
    unsigned steps = 0;
    while (now < at(2500)) {
        const base::Instant next = one.keeper.next_deadline();
        REQUIRE(next > now);
        if (next == base::Instant::never()) break;
        now = next;
        static_cast<void>(one.keeper.urgent(now));
        ++steps;
    }
    CHECK(steps < 100);
}

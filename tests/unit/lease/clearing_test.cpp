#include "membership/lease/clearing.hpp"

#include <doctest/doctest.h>

#include "moments.hpp"

using base::Duration;
using base::Instant;
using base::milliseconds;
using base::NodeSet;
using lease_test::at;
using membership::Clearing;
using membership::ClearingFact;
using membership::ClearingView;
using membership::Promise;
using membership::Proof;

namespace {

// Ring 10 of nodes 1 and 2; 3 is outside.
ClearingView view() {
    return {10, {{1}, {2}}, {{1}, {2}, {3}}, true, {{1}, {2}, {3}}};
}
Promise about3(std::int64_t left_ms, std::uint64_t last_ring = 8) {
    return {{3}, milliseconds(left_ms), last_ring};
}

}  // namespace

TEST_CASE("nobody is cleared before all members have spoken") {
    Clearing clearing(view());
    CHECK(clearing.uncleared() == NodeSet{{1}, {2}, {3}});
    clearing.fact({{3}, Proof::fenced, 10});
    clearing.hello(at(0), {1}, {about3(0)});
    CHECK_FALSE(clearing.complete());
    CHECK_FALSE(clearing.cleared({3}));
    CHECK(clearing.uncleared() == NodeSet{{2}, {3}});
    clearing.hello(at(0), {2}, {about3(0)});
    CHECK(clearing.complete());
    CHECK(clearing.cleared({3}) == Proof::fenced);
    CHECK(clearing.uncleared().empty());
}

TEST_CASE("promises that were out when they were said clear by themselves") {
    Clearing clearing(view());
    clearing.hello(at(0), {1}, {about3(0)});
    clearing.hello(at(9), {2}, {about3(0)});
    CHECK(clearing.cleared({3}) == Proof::lease);
    CHECK(clearing.due(at(10)).empty());
    CHECK(clearing.next_deadline() == Instant::never());
}

TEST_CASE("the latest promise counts, from when it was heard; and is said before it counts") {
    Clearing clearing(view());
    clearing.hello(at(100), {1}, {about3(400)});
    clearing.hello(at(200), {2}, {about3(350)});
    const Instant out = at(200) + milliseconds(350);
    CHECK(clearing.next_deadline() == out);
    CHECK(clearing.due(out + (Duration{} - base::nanoseconds(1))).empty());
    REQUIRE(clearing.due(out) == std::vector<ClearingFact>{{{3}, Proof::lease, 10}});
    CHECK_FALSE(clearing.cleared({3}));
    clearing.fact({{3}, Proof::lease, 10});
    CHECK(clearing.cleared({3}) == Proof::lease);
    CHECK(clearing.due(out).empty());
    CHECK(clearing.facts().empty());  // good for this view only
}

TEST_CASE("a member speaks once, and of everybody") {
    Clearing clearing(view());
    clearing.hello(at(0), {1}, {about3(500)});
    clearing.hello(at(0), {1}, {about3(0)});
    clearing.hello(at(0), {9}, {about3(0)});
    clearing.hello(at(0), {2}, {});  // it says nothing about 3
    CHECK(clearing.complete());
    CHECK_FALSE(clearing.cleared({3}));
    CHECK(clearing.due(at(60'000)).empty());
    clearing.fact({{3}, Proof::confirmed, 10});
    CHECK(clearing.cleared({3}) == Proof::confirmed);
}

TEST_CASE("no lease clears in a view that may not lease, nor a node that does not obey leases") {
    ClearingView minority = view();
    minority.leasable = false;
    ClearingView other = view();
    other.obeying = {{1}, {2}};
    for (const ClearingView& v : {minority, other}) {
        Clearing clearing(v);
        clearing.hello(at(0), {1}, {about3(0)});
        clearing.hello(at(0), {2}, {about3(0)});
        clearing.fact({{3}, Proof::lease, 10});
        CHECK_FALSE(clearing.cleared({3}));
        CHECK(clearing.due(at(60'000)).empty());
        clearing.fact({{3}, Proof::dropped, 9});
        CHECK(clearing.cleared({3}) == Proof::dropped);
    }
}

TEST_CASE("a fact is void if the node was in a ring after it, or might have been") {
    struct Case {
        const char* what;
        Proof how;
        std::uint64_t fact, last1, last2;
        bool counts;
    };
    const Case cases[] = {
        {"fenced after its last ring", Proof::fenced, 9, 8, 7, true},
        {"fencing was ordered in its last ring's time", Proof::fenced, 8, 8, 7, true},
        {"one member saw it in a later ring", Proof::fenced, 8, 8, 9, false},
        {"one member has just begun: its own first ring counts", Proof::confirmed, 9, 8, 10, false},
        {"in this ring", Proof::confirmed, 10, 8, 10, true},
        {"dropped, of its last ring", Proof::dropped, 8, 8, 8, true},
        {"dropped, of an earlier one", Proof::dropped, 7, 8, 8, false},
        {"a lease that was out in an earlier view", Proof::lease, 9, 8, 8, false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        Clearing clearing(view());
        clearing.fact({{3}, c.how, c.fact});
        clearing.hello(at(0), {1}, {about3(500, c.last1)});
        clearing.hello(at(0), {2}, {about3(500, c.last2)});
        CHECK(clearing.cleared({3}).has_value() == c.counts);
    }
}

TEST_CASE(
    "of several facts the strongest that counts, of each kind the latest, and proofs go on to the next "
    "view") {
    Clearing clearing(view());
    clearing.hello(at(0), {1}, {about3(0)});
    clearing.hello(at(0), {2}, {about3(0)});
    clearing.fact({{3}, Proof::fenced, 7});
    CHECK(clearing.cleared({3}) == Proof::lease);
    clearing.fact({{3}, Proof::fenced, 9});
    clearing.fact({{3}, Proof::fenced, 8});
    CHECK(clearing.cleared({3}) == Proof::fenced);
    clearing.fact({{3}, Proof::confirmed, 5});
    CHECK(clearing.cleared({3}) == Proof::fenced);
    clearing.fact({{1}, Proof::fenced, 9});  // a member
    CHECK(clearing.facts() == std::vector<ClearingFact>{{{3}, Proof::fenced, 9}, {{3}, Proof::confirmed, 5}});
}

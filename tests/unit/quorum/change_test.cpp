// The nodes change: every set that may act before the change meets every set that may act while it is under
// way, and each of those meets every set that may act after it. All lists of up to five nodes against all.
#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "membership/quorum/quorum.hpp"

using base::NodeId;
using base::NodeSet;
using membership::Quorum;
using membership::QuorumHello;
using membership::QuorumRules;
using membership::TieBreaker;

namespace {

constexpr std::uint32_t kNodes = 5, kSets = 1u << kNodes;
constexpr base::Instant kNow{0};
const base::RingId kRing{1, {1}, 1};

NodeSet set_of(std::uint32_t bits) {
    NodeSet out;
    for (std::uint32_t i = 0; i < kNodes; ++i) {
        if ((bits >> i & 1) != 0) out.insert(NodeId{i + 1});
    }
    return out;
}

QuorumRules rules_of(std::uint32_t bits, TieBreaker breaker, std::uint32_t heavy = 0) {
    QuorumRules rules;
    for (const NodeId node : set_of(bits)) rules.votes[node] = node.value == heavy ? 2 : 1;
    rules.tie_breaker = breaker;
    return rules;
}

// The verdict of a member of a view of these nodes, all of which have a vote on disk.
Quorum member(std::uint32_t view, const QuorumRules& rules, const std::optional<QuorumRules>& former) {
    membership::QuorumMemory disk;
    disk.voter = true;
    Quorum quorum(set_of(view).front(), rules, disk);
    quorum.set_rules(rules, former);
    QuorumHello hello;
    hello.memory = disk;
    hello.durable.voter = true;
    std::map<NodeId, QuorumHello> members;
    for (const NodeId node : set_of(view)) members[node] = hello;
    quorum.view_installed(kNow, kRing, members);
    return quorum;
}

std::vector<std::uint32_t> majorities(const QuorumRules& rules, const std::optional<QuorumRules>& former) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t view = 1; view < kSets; ++view) {
        const Quorum quorum = member(view, rules, former);
        CHECK(quorum.majority() == quorum.enough(set_of(view)));
        if (quorum.majority()) out.push_back(view);
    }
    return out;
}

bool all_meet(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    for (const std::uint32_t one : a) {
        for (const std::uint32_t other : b) {
            if ((one & other) == 0) return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("whatever list follows another: who may act before, meanwhile and afterwards share a node") {
    for (const TieBreaker breaker : {TieBreaker::none, TieBreaker::lowest, TieBreaker::highest}) {
        std::vector<std::vector<std::uint32_t>> alone(kSets);
        for (std::uint32_t list = 1; list < kSets; ++list)
            alone[list] = majorities(rules_of(list, breaker), std::nullopt);
        for (std::uint32_t before = 1; before < kSets; ++before) {
            for (std::uint32_t after = 1; after < kSets; ++after) {
                CAPTURE(before);
                CAPTURE(after);
                const auto meanwhile = majorities(rules_of(after, breaker), rules_of(before, breaker));
                REQUIRE(all_meet(alone[before], meanwhile));
                REQUIRE(all_meet(meanwhile, meanwhile));
                REQUIRE(all_meet(meanwhile, alone[after]));
            }
        }
    }
}

TEST_CASE("the same where a node has two votes before or after") {
    for (std::uint32_t heavy = 1; heavy <= kNodes; ++heavy) {
        for (std::uint32_t before = 1; before < kSets; before += 2) {
            for (std::uint32_t after = 1; after < kSets; after += 3) {
                const QuorumRules old = rules_of(before, TieBreaker::none, heavy);
                const QuorumRules next = rules_of(after, TieBreaker::none);
                const auto meanwhile = majorities(next, old);
                REQUIRE(all_meet(majorities(old, std::nullopt), meanwhile));
                REQUIRE(all_meet(meanwhile, majorities(next, std::nullopt)));
            }
        }
    }
}

TEST_CASE(
    "one by one would not do: with a tie-breaker two lists that differ by one node have majorities apart") {
    const auto two = majorities(rules_of(0b11, TieBreaker::lowest), std::nullopt);
    const auto three = majorities(rules_of(0b111, TieBreaker::lowest), std::nullopt);
    CHECK_FALSE(all_meet(two, three));
}

TEST_CASE("two_node lets nobody act alone while the pair becomes three, and nobody afterwards") {
    QuorumRules pair = rules_of(0b11, TieBreaker::none);
    pair.two_node = true;
    const QuorumRules three = rules_of(0b111, TieBreaker::none);
    CHECK(member(0b01, pair, std::nullopt).quorate());
    CHECK_FALSE(member(0b01, three, pair).quorate());
    CHECK(member(0b11, three, pair).majority());
    CHECK_FALSE(member(0b01, three, std::nullopt).quorate());
    // An address of one of the two changes.
    CHECK(member(0b01, pair, pair).quorate());
    CHECK_FALSE(member(0b01, pair, pair).majority());
}

TEST_CASE("wait_for_all does not wait for a node that can't come before the change counts") {
    QuorumRules before = rules_of(0b011, TieBreaker::none), after = rules_of(0b111, TieBreaker::none);
    before.wait_for_all = after.wait_for_all = true;
    CHECK_FALSE(member(0b011, after, std::nullopt).quorate());  // all that are configured, at the first start
    CHECK(member(0b011, after, before).quorate());
    CHECK_FALSE(member(0b101, after, before).quorate());
}

TEST_CASE("rules that change within a view are said with their reason") {
    Quorum quorum = member(0b011, rules_of(0b011, TieBreaker::none), std::nullopt);
    static_cast<void>(quorum.drain());
    quorum.set_rules(rules_of(0b11111, TieBreaker::none), rules_of(0b011, TieBreaker::none));
    CHECK(quorum.quorate());  // not before it is asked
    quorum.advance(kNow);
    CHECK_FALSE(quorum.quorate());
    CHECK(
        quorum.drain().changes ==
        std::vector<std::string>{
            "quorum lost: the nodes of the cluster change: a change of the nodes is under way: by the nodes "
            "before: 2 of 2 votes, 2 needed; by the nodes after: 2 of 5 votes, 3 needed"});
    quorum.set_rules(rules_of(0b011, TieBreaker::none), std::nullopt);
    quorum.advance(kNow);
    CHECK(quorum.quorate());
}

TEST_CASE("without quorum in the middle of a change both lists say what they lack, and who is waited for") {
    QuorumRules pair = rules_of(0b011, TieBreaker::none);
    pair.two_node = true;
    // Of two nodes that become three one is lost: two_node does not help it.
    const membership::QuorumState lost = member(0b001, rules_of(0b111, TieBreaker::none), pair).state();
    CHECK_FALSE(lost.quorate);
    CHECK(lost.votes == 1);
    CHECK(lost.needed == 2);
    CHECK(lost.reason ==
          "a change of the nodes is under way: by the nodes before: 1 of 2 votes, 2 needed; by the nodes "
          "after: "
          "1 of 3 votes, 2 needed; it goes on when node 2 is back");
    // Enough by those before, not by those after; who is added is not let in yet.
    const membership::QuorumState after =
        member(0b00011, rules_of(0b01111, TieBreaker::none), rules_of(0b00111, TieBreaker::none)).state();
    CHECK(after.reason ==
          "a change of the nodes is under way: by the nodes before: 2 of 3 votes, 2 needed; by the nodes "
          "after: "
          "2 of 4 votes, 3 needed; it goes on when node 3 is back");
    const membership::QuorumState alone =
        member(0b00001, rules_of(0b01111, TieBreaker::none), rules_of(0b00111, TieBreaker::none)).state();
    CHECK(alone.reason.find("it goes on when enough of the nodes {2,3} are back") != std::string::npos);
    // two_node by both lists is enough.
    const membership::QuorumState moved = member(0b001, pair, pair).state();
    CHECK(moved.quorate);
    CHECK(moved.needed == 1);
}

#include "membership/quorum/quorum.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

using membership::evaluate;
using membership::QuorumRules;
using membership::QuorumState;

namespace {

// The same rules said in another way, by counting votes that are absent: slow, and too plain to be wrong.
struct Plain {
    bool quorate, majority;
};
Plain plainly(const std::vector<std::uint32_t>& votes, std::uint32_t expected, bool two_node,
              std::uint32_t present_mask) {
    std::uint32_t present = 0;
    std::uint32_t absent = 0;
    for (std::size_t i = 0; i < votes.size(); ++i) {
        for (std::uint32_t v = 0; v < votes[i]; ++v) ++((present_mask >> i & 1u) != 0 ? present : absent);
    }
    const std::uint32_t all = present + absent;
    if (expected > all) absent += expected - all;  // votes that no node has are always absent
    const bool more_here_than_elsewhere = present > absent;
    const bool pair = two_node && present + absent == 2;
    return {more_here_than_elsewhere || (pair && present == 1), more_here_than_elsewhere};
}

base::NodeSet subset(std::uint32_t mask, std::size_t nodes) {
    base::NodeSet out;
    for (std::size_t i = 0; i < nodes; ++i) {
        if ((mask >> i & 1u) != 0) out.insert({static_cast<std::uint32_t>(i + 1)});
    }
    return out;
}

// Calls visit(votes, expected, two_node) for each configuration of up to 5 nodes with 0 to 2 votes each.
template <typename Visit>
void each_configuration(Visit visit) {
    for (std::size_t nodes = 1; nodes <= 5; ++nodes) {
        std::vector<std::uint32_t> votes(nodes, 0);
        while (true) {
            std::uint32_t sum = 0;
            for (const std::uint32_t v : votes) sum += v;
            for (std::uint32_t expected = 0; expected <= sum + 3; ++expected) {
                visit(votes, expected, false);
                visit(votes, expected, true);
            }
            std::size_t digit = 0;
            while (digit < nodes && ++votes[digit] > 2) votes[digit++] = 0;
            if (digit == nodes) break;
        }
    }
}

QuorumRules rules_of(const std::vector<std::uint32_t>& votes, std::uint32_t expected, bool two_node) {
    QuorumRules rules;
    for (std::size_t i = 0; i < votes.size(); ++i)
        rules.votes[{static_cast<std::uint32_t>(i + 1)}] = votes[i];
    rules.expected_votes = expected;
    rules.two_node = two_node;
    return rules;
}

}  // namespace

TEST_CASE("all small configurations agree with a plain second implementation, and majorities always meet") {
    std::uint64_t checked = 0;
    each_configuration([&](const std::vector<std::uint32_t>& votes, std::uint32_t expected, bool two_node) {
        const QuorumRules rules = rules_of(votes, expected, two_node);
        const std::uint32_t all = (1u << votes.size()) - 1;
        std::vector<QuorumState> states;
        for (std::uint32_t mask = 0; mask <= all; ++mask) {
            states.push_back(evaluate(rules, subset(mask, votes.size())));
            const Plain want = plainly(votes, expected, two_node, mask);
            REQUIRE(states[mask].quorate == want.quorate);
            REQUIRE(states[mask].majority == want.majority);
            REQUIRE((states[mask].quorate || !states[mask].majority));  // a majority is always quorate
            ++checked;
        }
        REQUIRE_FALSE(states[0].quorate);
        for (std::uint32_t a = 0; a <= all; ++a) {
            // Disjoint sets: it is enough to look at a and everything outside of it, as votes only add up.
            REQUIRE_FALSE((states[a].majority && states[all & ~a].majority));
            if (!two_node) REQUIRE_FALSE((states[a].quorate && states[all & ~a].quorate));
            // More members never lose quorum.
            for (std::uint32_t b = a; b <= all; b = (b + 1) | a)
                REQUIRE(states[a].quorate <= states[b].quorate);
        }
    });
    CHECK(checked > 100'000);
}

TEST_CASE("the reason says it in words") {
    const QuorumRules three = rules_of({1, 1, 1}, 0, false);
    CHECK(evaluate(three, {{1}, {3}}).reason == "2 of 3 votes, 2 needed");
    CHECK(evaluate(three, {{2}}).reason == "1 of 3 votes, 2 needed");
    const QuorumRules two = rules_of({1, 1}, 0, true);
    CHECK(evaluate(two, {{2}}).reason ==
          "1 of 2 votes, 1 needed (two_node: the other node may be running too)");
    CHECK(evaluate(two, {{1}, {2}}).reason == "2 of 2 votes, 1 needed (two_node)");
    CHECK(evaluate(two, {}).reason == "0 of 2 votes, 1 needed (two_node)");
}

TEST_CASE("one of two nodes is quorate with two_node, and no majority") {
    const QuorumState alone = evaluate(rules_of({1, 1}, 0, true), {{1}});
    CHECK(alone.quorate);
    CHECK_FALSE(alone.majority);
    const QuorumState both = evaluate(rules_of({1, 1}, 0, true), {{1}, {2}});
    CHECK(both.quorate);
    CHECK(both.majority);
    CHECK_FALSE(evaluate(rules_of({1, 1}, 0, false), {{1}}).quorate);
}

TEST_CASE("two_node has no effect at another number of votes") {
    CHECK_FALSE(evaluate(rules_of({1, 1, 1}, 0, true), {{1}}).quorate);
    CHECK_FALSE(evaluate(rules_of({1, 1}, 3, true), {{1}}).quorate);
    CHECK(evaluate(rules_of({1, 1}, 3, true), {{1}, {2}}).quorate);
}

TEST_CASE("members that are not configured have no vote") {
    const QuorumState state = evaluate(rules_of({1, 1, 1}, 0, false), {{1}, {7}, {8}, {9}});
    CHECK(state.votes == 1);
    CHECK_FALSE(state.quorate);
}

TEST_CASE("expected votes below the sum do not lower the threshold") {
    const QuorumState state = evaluate(rules_of({1, 1, 1, 1}, 1, false), {{1}, {2}});
    CHECK(state.expected == 4);
    CHECK(state.needed == 3);
    CHECK_FALSE(state.quorate);
}

TEST_CASE("huge votes do not wrap round") {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
    const QuorumRules rules = rules_of({kMost, kMost, 1}, 0, false);
    CHECK_FALSE(evaluate(rules, {{3}}).quorate);
    CHECK(evaluate(rules, {{1}, {2}}).quorate);
}

// Counting votes: every small set of votes against a plain second count.
#include "membership/quorum/votes.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

using membership::evaluate;
using membership::QuorumRules;
using membership::QuorumState;
using membership::TieBreaker;

namespace {

using Votes = std::vector<std::uint32_t>;

// The same rules said in another way, by counting votes that are absent: slow, and too plain to be wrong.
// `decides`: the number of the node that breaks a tie, -1: none does.
struct Plain {
    bool quorate, majority;
};
Plain plainly(const Votes& votes, std::uint32_t expected, bool two_node, int decides, std::uint32_t present_mask) {
    std::uint32_t present = 0;
    std::uint32_t absent = 0;
    for (std::size_t i = 0; i < votes.size(); ++i) {
        for (std::uint32_t v = 0; v < votes[i]; ++v) ++((present_mask >> i & 1u) != 0 ? present : absent);
    }
    const std::uint32_t all = present + absent;
    if (expected > all) absent += expected - all;  // votes that no node has are always absent
    const bool tie_won = present == absent && present > 0 && decides >= 0 && (present_mask >> decides & 1u) != 0;
    const bool majority = present > absent || tie_won;
    const bool pair = two_node && present + absent == 2;
    return {majority || (pair && present == 1), majority};
}

base::NodeSet subset(std::uint32_t mask, std::size_t nodes) {
    base::NodeSet out;
    for (std::size_t i = 0; i < nodes; ++i) {
        if ((mask >> i & 1u) != 0) out.insert({static_cast<std::uint32_t>(i + 1)});
    }
    return out;
}

QuorumRules rules_of(const Votes& votes, std::uint32_t expected, bool two_node) {
    QuorumRules rules;
    for (std::size_t i = 0; i < votes.size(); ++i)
        rules.votes[{static_cast<std::uint32_t>(i + 1)}] = votes[i];
    rules.expected_votes = expected;
    rules.two_node = two_node;
    return rules;
}

// The first of these nodes that has a vote.
int first_voter(const Votes& votes, const std::vector<int>& order) {
    for (const int node : order) {
        if (votes[static_cast<std::size_t>(node)] > 0) return node;
    }
    return -1;
}

// What is wrong with a configuration; empty: nothing.
std::string judge(const QuorumRules& rules, const Votes& votes, int decides) {
    const std::uint32_t all = (1u << votes.size()) - 1;
    std::vector<QuorumState> states;
    for (std::uint32_t mask = 0; mask <= all; ++mask) {
        states.push_back(evaluate(rules, subset(mask, votes.size())));
        const Plain want = plainly(votes, rules.expected_votes, rules.two_node, decides, mask);
        if (states[mask].quorate != want.quorate || states[mask].majority != want.majority)
            return "the two counts differ: " + states[mask].reason;
        if (states[mask].majority && !states[mask].quorate) return "a majority that is not quorate";
    }
    if (states[0].quorate) return "nobody is quorate";
    for (std::uint32_t a = 0; a <= all; ++a) {
        // Disjoint sets: it is enough to look at a and everything outside of it, as votes only add up.
        if (states[a].majority && states[all & ~a].majority) return "two disjoint majorities";
        if (!rules.two_node && states[a].quorate && states[all & ~a].quorate) return "two disjoint quorate sets";
        for (std::uint32_t b = a; b <= all; b = (b + 1) | a) {
            if (states[a].quorate && !states[b].quorate) return "more members lose quorum";
        }
    }
    return "";
}

// Every configuration of `votes`: each number of expected votes, two_node, each tie-breaker.
void judge_all(const Votes& votes, std::uint64_t& judged) {
    const std::uint32_t sum = std::accumulate(votes.begin(), votes.end(), 0u);
    std::vector<int> upwards(votes.size());
    std::iota(upwards.begin(), upwards.end(), 0);
    const std::vector<int> downwards(upwards.rbegin(), upwards.rend());
    for (std::uint32_t expected = 0; expected <= sum + 3; ++expected) {
        const auto check = [&](QuorumRules rules, int decides) {
            ++judged;
            const std::string wrong = judge(rules, votes, decides);
            if (!wrong.empty()) FAIL(wrong);
        };
        check(rules_of(votes, expected, false), -1);
        check(rules_of(votes, expected, true), -1);
        QuorumRules rules = rules_of(votes, expected, false);
        rules.tie_breaker = TieBreaker::lowest;
        check(rules, first_voter(votes, upwards));
        rules.tie_breaker = TieBreaker::highest;
        check(rules, first_voter(votes, downwards));
        rules.tie_breaker = TieBreaker::listed;
        rules.tie_breaker_nodes = {{static_cast<std::uint32_t>(votes.size() / 2 + 1)}, {1}};
        check(rules, first_voter(votes, {static_cast<int>(votes.size() / 2), 0}));
    }
}

}  // namespace

TEST_CASE("all small configurations agree with a plain second count, and majorities always meet") {
    std::uint64_t judged = 0;
    for (std::size_t nodes = 1; nodes <= 5; ++nodes) {
        Votes votes(nodes, 0);
        for (std::size_t digit = 0; digit < nodes;) {
            judge_all(votes, judged);
            digit = 0;
            while (digit < nodes && ++votes[digit] > 2) votes[digit++] = 0;
        }
    }
    CHECK(judged > 10'000);
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

TEST_CASE("the tie-breaker's half is a majority, the other half is not, and the reason says so") {
    QuorumRules rules = rules_of({1, 1, 1, 1}, 0, false);
    rules.tie_breaker = TieBreaker::lowest;
    const QuorumState won = evaluate(rules, {{1}, {4}});
    CHECK(won.majority);
    CHECK(won.needed == 3);
    CHECK(won.reason == "2 of 4 votes, 3 needed: half, and node 1, which breaks the tie, is here");
    CHECK(won.flags == std::vector<std::string>{"Quorate", "AutoTieBreaker"});
    const QuorumState lost = evaluate(rules, {{2}, {3}});
    CHECK_FALSE(lost.quorate);
    CHECK(lost.reason == "2 of 4 votes, 3 needed: half, and node 1, which breaks the tie, is not here");
    CHECK(evaluate(rules, {{1}}).reason == "1 of 4 votes, 3 needed");
    // Listed: the first that has a vote, whether it is here or not.
    rules.votes[{2}] = 0;
    rules.votes[{1}] = 2;
    rules.tie_breaker = TieBreaker::listed;
    rules.tie_breaker_nodes = {{2}, {4}, {1}};
    CHECK(evaluate(rules, {{3}, {4}}).majority);
    CHECK_FALSE(evaluate(rules, {{1}}).quorate);
}

TEST_CASE("flags have the names and the order of corosync-quorumtool") {
    QuorumRules rules = rules_of({1, 1}, 0, true);
    rules.wait_for_all = rules.last_man_standing = true;
    rules.tie_breaker = TieBreaker::highest;
    CHECK(evaluate(rules, {{1}, {2}}).flags ==
          std::vector<std::string>{"2Node", "Quorate", "WaitForAll", "LastManStanding", "AutoTieBreaker"});
    CHECK(evaluate(rules_of({1, 1}, 0, false), {{1}}).flags.empty());
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

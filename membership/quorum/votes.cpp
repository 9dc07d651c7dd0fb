#include "membership/quorum/votes.hpp"

#include <algorithm>
#include <limits>

#include "totem/base/bytes.hpp"

namespace membership {

namespace {

// Votes are small in any real roster; sums are clamped so that a nonsensical one can't wrap round to a low
// threshold.
std::uint32_t clamp(std::uint64_t votes) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(votes, std::numeric_limits<std::uint32_t>::max()));
}

std::uint64_t sum_of(const QuorumRules& rules, const base::NodeSet& nodes) {
    std::uint64_t sum = 0;
    for (const base::NodeId n : nodes) {
        const auto at = rules.votes.find(n);
        if (at != rules.votes.end()) sum += at->second;
    }
    return sum;
}

std::optional<base::NodeId> tie_breaker_of(const QuorumRules& rules, const base::NodeSet& counted) {
    if (counted.empty()) return std::nullopt;
    switch (rules.tie_breaker) {
        case TieBreaker::none:
            return std::nullopt;
        case TieBreaker::lowest:
            return counted.front();
        case TieBreaker::highest:
            return *std::prev(counted.end());
        case TieBreaker::listed:
            break;
    }
    const auto& listed = rules.tie_breaker_nodes;
    const auto at =
        std::find_if(listed.begin(), listed.end(), [&](base::NodeId n) { return counted.contains(n); });
    if (at == listed.end()) return std::nullopt;
    return *at;
}

base::NodeSet common(const base::NodeSet& a, const base::NodeSet& b) {
    return a.minus(a.minus(b));
}

}  // namespace

base::NodeSet voters_of(const QuorumRules& rules) {
    base::NodeSet nodes;
    for (const auto& [node, votes] : rules.votes) {
        if (votes > 0) nodes.insert(node);
    }
    return nodes;
}

base::NodeSet nodes_of(const QuorumRules& rules, const Roster& roster) {
    const base::NodeSet all = voters_of(rules);
    return roster.epoch == 0 ? all : common(all, roster.nodes);
}

Tally count(const QuorumRules& rules, const Roster& roster, const base::NodeSet& present, bool outside) {
    const base::NodeSet counted = nodes_of(rules, roster);
    std::uint64_t expected = sum_of(rules, counted) + rules.outside_votes;
    if (roster.epoch == 0) expected = std::max<std::uint64_t>(expected, rules.expected_votes);
    Tally tally;
    tally.expected = clamp(expected);
    tally.votes = clamp(sum_of(rules, common(counted, present)) + (outside ? rules.outside_votes : 0));
    tally.needed = tally.expected / 2 + 1;
    const bool half = tally.votes > 0 && tally.votes == tally.expected - tally.votes;
    if (half) tally.tie_breaker = tie_breaker_of(rules, counted);
    const bool decided = tally.tie_breaker && present.contains(*tally.tie_breaker);
    tally.majority = tally.votes >= tally.needed || decided;
    return tally;
}

bool may_lease(const QuorumRules& rules, const base::NodeSet& nodes) {
    return count(rules, {}, nodes).majority;
}

std::uint64_t mark_of(const QuorumRules& rules) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    base::NodeSet all;
    for (const auto& [node, votes] : rules.votes) {
        all.insert(node);
        out.u32(node.value);
        out.u32(votes);
    }
    out.u64(std::max<std::uint64_t>(rules.expected_votes, sum_of(rules, all)));
    out.u32(rules.outside_votes);
    for (const bool option : {rules.two_node, rules.wait_for_all, rules.last_man_standing})
        out.u8(option ? 1 : 0);
    out.u8(static_cast<std::uint8_t>(rules.tie_breaker));
    if (rules.tie_breaker == TieBreaker::listed) {
        for (const base::NodeId node : rules.tie_breaker_nodes) out.u32(node.value);
    }
    return base::mark_of(bytes);
}

bool two_node_in_force(const QuorumRules& rules, const Tally& tally) {
    return rules.two_node && tally.expected == 2;
}

std::string describe(const QuorumRules& rules, const Tally& tally) {
    const bool pair = two_node_in_force(rules, tally);
    std::string text = std::to_string(tally.votes) + " of " + std::to_string(tally.expected) + " votes, " +
                       std::to_string(pair ? 1 : tally.needed) + " needed";
    if (pair && tally.votes > 0 && !tally.majority) {
        text += " (two_node: the other node may be running too)";
    } else if (pair) {
        text += " (two_node)";
    } else if (tally.tie_breaker) {
        text += ": half, and node " + to_string(*tally.tie_breaker) +
                (tally.majority ? ", which breaks the tie, is here" : ", which breaks the tie, is not here");
    }
    return text;
}

std::vector<std::string> flags_of(const QuorumRules& rules, bool quorate) {
    std::vector<std::string> flags;
    if (rules.two_node) flags.emplace_back("2Node");
    if (quorate) flags.emplace_back("Quorate");
    if (rules.wait_for_all) flags.emplace_back("WaitForAll");
    if (rules.last_man_standing) flags.emplace_back("LastManStanding");
    if (rules.tie_breaker != TieBreaker::none) flags.emplace_back("AutoTieBreaker");
    return flags;
}

QuorumState evaluate(const QuorumRules& rules, const base::NodeSet& members) {
    const Tally tally = count(rules, {}, members);
    QuorumState state;
    state.majority = tally.majority;
    state.quorate = tally.majority || (two_node_in_force(rules, tally) && tally.votes > 0);
    state.votes = tally.votes;
    state.needed = two_node_in_force(rules, tally) ? 1 : tally.needed;
    state.expected = tally.expected;
    state.reason = describe(rules, tally);
    state.flags = flags_of(rules, state.quorate);
    return state;
}

}  // namespace membership

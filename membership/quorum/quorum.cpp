#include "membership/quorum/quorum.hpp"

#include <algorithm>
#include <limits>

namespace membership {

namespace {

// Votes are small in any real roster; sums are clamped so that a nonsensical one can't wrap round to a low
// threshold.
std::uint32_t clamp(std::uint64_t votes) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(votes, std::numeric_limits<std::uint32_t>::max()));
}

std::string describe(const QuorumState& state, bool two_node_in_force) {
    std::string text = std::to_string(state.votes) + " of " + std::to_string(state.expected) + " votes, " +
                       std::to_string(state.needed) + " needed";
    if (two_node_in_force && state.quorate && !state.majority) {
        text += " (two_node: the other node may be running too)";
    } else if (two_node_in_force) {
        text += " (two_node)";
    }
    return text;
}

}  // namespace

QuorumState evaluate(const QuorumRules& rules, const base::NodeSet& members) {
    std::uint64_t configured = 0;
    std::uint64_t present = 0;
    for (const auto& [node, votes] : rules.votes) {
        configured += votes;
        if (members.contains(node)) present += votes;
    }
    QuorumState state;
    state.expected = std::max(rules.expected_votes, clamp(configured));
    state.votes = clamp(present);
    const std::uint32_t strict_majority = state.expected / 2 + 1;
    const bool two_node_in_force = rules.two_node && state.expected == 2;
    state.needed = two_node_in_force ? 1 : strict_majority;
    state.quorate = state.votes >= state.needed;
    state.majority = state.votes >= strict_majority;
    state.reason = describe(state, two_node_in_force);
    return state;
}

}  // namespace membership

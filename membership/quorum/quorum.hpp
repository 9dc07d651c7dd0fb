// Quorum: a pure function of the vote rules and the members of a view.
//
// The threshold is votequorum's: expected / 2 + 1, where expected is at least the sum of the configured votes
// and never falls because nodes are absent. wait_for_all, last_man_standing, auto_tie_breaker and a quorum
// device are not part of it yet (docs/decisions/0033): each of the last three could only make more sets
// quorate than this does.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "totem/base/ids.hpp"

namespace membership {

struct QuorumRules {
    std::map<base::NodeId, std::uint32_t>
        votes;                        // of every configured node; 0 votes: a node that never decides
    std::uint32_t expected_votes{0};  // below the sum of `votes`: the sum counts
    bool two_node{false};             // of two votes one is enough; without effect at any other number
};

struct QuorumState {
    bool quorate{false};
    // A strict majority of all configured votes: any two such sets meet. Never true by two_node alone.
    bool majority{false};
    std::uint32_t votes{0}, needed{0}, expected{0};
    std::string reason;  // "2 of 3 votes, 2 needed"
    bool operator==(const QuorumState&) const = default;
};

// Members that are not configured have no vote. The empty set is never quorate.
[[nodiscard]] QuorumState evaluate(const QuorumRules& rules, const base::NodeSet& members);

}  // namespace membership

// Quorum: a pure function of the vote rules and the members of a view.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "totem/base/ids.hpp"

namespace membership {

struct QuorumRules {
    std::map<base::NodeId, std::uint32_t> votes;  // of every configured node
    std::uint32_t expected_votes{0};              // 0: the sum of `votes`
    bool two_node{false};
};

struct QuorumState {
    bool quorate{false};
    // A strict majority of all configured votes: any two such sets meet. Never true by two_node alone.
    bool majority{false};
    std::uint32_t votes{0}, needed{0}, expected{0};
    std::string reason;  // "2 of 3 votes, 2 needed"
    bool operator==(const QuorumState&) const = default;
};

[[nodiscard]] QuorumState evaluate(const QuorumRules& rules, const base::NodeSet& members);

}  // namespace membership

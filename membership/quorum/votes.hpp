// Counting votes: what a set of nodes amounts to under the rules of the node file. No memory, no time.
//
// The threshold is votequorum's: expected / 2 + 1, where expected is at least the sum of the votes counted. A
// set that reaches it is a majority, and so is the half that has the tie-breaker: any two majorities of one
// roster share a node.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace membership {

// Who decides between two halves (auto_tie_breaker_node).
enum class TieBreaker {
    none,
    lowest,   // the voter with the lowest id of the roster whose votes are counted
    highest,  // the highest
    listed,   // the first of QuorumRules::tie_breaker_nodes that is in that roster
};

struct QuorumRules {
    std::map<base::NodeId, std::uint32_t>
        votes;                        // of every configured node; 0 votes: a node that never decides
    std::uint32_t expected_votes{0};  // below the sum of `votes`: the sum counts
    bool two_node{false};             // of two votes one is enough; without effect at any other number
    bool wait_for_all{false};
    bool wait_for_all_by_two_node{false};  // nobody asked for it: it goes when two_node does
    bool last_man_standing{false};
    base::Duration last_man_standing_window{base::seconds(10)};
    TieBreaker tie_breaker{TieBreaker::none};
    std::vector<base::NodeId> tie_breaker_nodes;  // `listed`: in the order in which they are asked
    std::uint32_t outside_votes{0};               // of an arbiter; they are expected whether it votes or not
    bool operator==(const QuorumRules&) const = default;
};

// The nodes whose votes are counted.
struct Roster {
    // The sequence number of the ring whose members they are. 0: the configured nodes, with `nodes` empty.
    std::uint64_t epoch{0};
    base::NodeSet nodes;
    bool operator==(const Roster&) const = default;
};

struct Tally {
    std::uint32_t votes{0}, needed{0}, expected{0};
    std::optional<base::NodeId> tie_breaker;  // set when the votes are exactly half and somebody may decide
    bool majority{false};                     // more than half, or half with the tie-breaker
    bool operator==(const Tally&) const = default;
};

// The configured nodes that have a vote.
[[nodiscard]] base::NodeSet voters_of(const QuorumRules& rules);
// The nodes of a roster that have a vote: of epoch 0 all that are configured.
[[nodiscard]] base::NodeSet nodes_of(const QuorumRules& rules, const Roster& roster);

// Counts `present` against the roster. Nodes that are not in it have no vote; the empty set is never a
// majority. `outside`: the arbiter votes for this set.
[[nodiscard]] Tally count(const QuorumRules& rules, const Roster& roster, const base::NodeSet& present,
                          bool outside = false);

// Whether a set of nodes may grant leases, and take over what one had: a majority of the configured votes.
// Any two such sets share a node, so neither two_node nor last_man_standing counts here.
[[nodiscard]] bool may_lease(const QuorumRules& rules, const base::NodeSet& nodes);

// Of what decides who may act: equal rules have equal marks. Not of the window, which only delays.
[[nodiscard]] std::uint64_t mark_of(const QuorumRules& rules);

// Whether two_node lets one vote be enough for this tally.
[[nodiscard]] bool two_node_in_force(const QuorumRules& rules, const Tally& tally);

// What the other nodes and the administrator are told.
struct QuorumState {
    bool quorate{false};
    // Quorate, and any other set of nodes that is so shares a node with this one: fit for a lease and for
    // acknowledging. Never true by two_node alone.
    bool majority{false};
    std::uint32_t votes{0}, needed{0}, expected{0};
    std::string reason;              // "2 of 3 votes, 2 needed"
    std::vector<std::string> flags;  // as corosync-quorumtool calls them, in its order
    bool operator==(const QuorumState&) const = default;
};

// "2 of 3 votes, 2 needed", and what two_node or the tie-breaker make of it.
[[nodiscard]] std::string describe(const QuorumRules& rules, const Tally& tally);
[[nodiscard]] std::vector<std::string> flags_of(const QuorumRules& rules, bool quorate);

// The state of a set of nodes by the configured votes alone: as if all of them had been seen and nobody had
// been lost for long (class Quorum knows better).
[[nodiscard]] QuorumState evaluate(const QuorumRules& rules, const base::NodeSet& members);

}  // namespace membership

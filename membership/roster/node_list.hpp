// The configured nodes as a value that can be changed while the cluster runs: who they are, where they are
// reached and how many votes they have, under a version that grows with each change. It is what the nodelist
// of the node file says, and what a cluster that has changed it keeps in its replicated state.
// docs/decisions/0128 has the way of a change.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "membership/quorum/votes.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"

namespace membership {

inline constexpr std::size_t kMostNodes = 64;

// A line ringN_addr.
struct ListedAddress {
    unsigned link{0};     // N
    std::string written;  // an IP address or a name
    std::string ip;       // what that stands for
    bool operator==(const ListedAddress&) const = default;
};

struct ListedNode {
    base::NodeId id;
    std::string name;  // empty: the file has none, the node is called what its host is called
    std::uint32_t votes{1};
    std::vector<ListedAddress> addresses;  // ascending by link
    bool operator==(const ListedNode&) const = default;
};

struct NodeList {
    // totem.config_version of the node file; 0: it has none.
    std::uint64_t version{0};
    // Took force by an ordered change, on a quorum's disks. Else it is what somebody wrote into a file, and
    // two nodes may have different ones.
    bool counted{false};
    // There were not two votes once, by a change: two_node does not come back by itself, so that nodes whose
    // files still have it and nodes whose files don't go by the same rules.
    bool two_node_ended{false};
    // Of all that were ever in a list that counted, where it is none of those in `nodes`; else 0.
    base::NodeId highest{};
    std::vector<ListedNode> nodes;  // ascending by id

    // For a node to come: an id that no node ever had.
    [[nodiscard]] base::NodeId next_id() const;
    [[nodiscard]] base::NodeSet ids() const;
    [[nodiscard]] const ListedNode* find(base::NodeId id) const;
    [[nodiscard]] const ListedNode* find(const std::string& name) const;
    bool operator==(const NodeList&) const = default;
};

// Refuses (invalid) what can't be a cluster, in words: no node or more than 64, an id, a name or an address
// twice, links that not all have, nobody with a vote. Whoever takes a list from elsewhere asks this first.
[[nodiscard]] base::Status check(const NodeList& list);

// `list` comes after `former`: NodeList::highest is right.
void keep_highest(NodeList& list, const NodeList& former);

// Refuses (conflict), in words, a change that would make machines exchange identities, or lose the node that
// was asked: an address that another node has before it, removed by it or not; an address of `self` that is
// not among the machine's own, `local`. A node's former addresses it may have, present or not.
[[nodiscard]] base::Status check_addresses(const NodeList& before, const NodeList& after, base::NodeId self,
                                           const std::vector<std::string>& local);

// Names who and where the nodes are, and their votes: equal lists have equal ones, whatever their versions.
[[nodiscard]] std::uint64_t mark_of(const NodeList& list);

// Whether they differ in nothing that a node file writes, whatever the names in it stand for.
[[nodiscard]] bool same_places(const NodeList& a, const NodeList& b);

// "added: n4 (10.0.0.4); removed: n3; n2: ring0_addr 10.0.0.2 -> 10.0.0.12"; empty: nothing differs.
[[nodiscard]] std::string difference(const NodeList& before, const NodeList& after);

// The vote rules of the list: `written` are those of the node file, of which the votes are replaced. two_node
// ends with the third vote, for good, and so does a wait_for_all that only two_node brought; nobody who has
// no vote breaks a tie.
[[nodiscard]] std::uint64_t votes_of(const NodeList& list);
[[nodiscard]] QuorumRules rules_for(const QuorumRules& written, const NodeList& list);

// Canonical bytes; decoding is total, and checks.
[[nodiscard]] base::Bytes encode(const NodeList& list);
[[nodiscard]] base::Result<NodeList> decode_node_list(base::ByteView bytes);

}  // namespace membership

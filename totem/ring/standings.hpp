// What one node thinks of all others in one round of membership: who is known, as which process, and who is
// held for failed. A join-semilattice: merging opinions takes the larger standing of each node, so that
// opinions only grow, in whatever order joins arrive, and nodes that exchange them end with equal ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/wire/message.hpp"

namespace totem {

class Standings {
  public:
    // Raises a node's standing; returns whether that changed anything. A lower one is ignored.
    bool raise(base::NodeId node, wire::Standing standing);
    bool add(const Member& m) { return raise(m.node, {m.incarnation, false}); }
    bool fail(const Member& m) { return raise(m.node, {m.incarnation, true}); }
    // nullptr: not known.
    [[nodiscard]] const wire::Standing* find(base::NodeId node) const;
    // Whether exactly this process is known and not failed.
    [[nodiscard]] bool alive(const Member& m) const;
    // Who would form the ring, by node id.
    [[nodiscard]] std::vector<Member> living() const;
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    // For the wire; ascending by node.
    [[nodiscard]] std::vector<wire::NodeStanding> list() const;
    bool operator==(const Standings&) const = default;

  private:
    std::map<base::NodeId, wire::Standing> nodes_;
};

[[nodiscard]] base::NodeSet nodes_of(const std::vector<Member>& members);
// nullptr: the node is not among them.
[[nodiscard]] const Member* find_member(const std::vector<Member>& members, base::NodeId node);

}  // namespace totem

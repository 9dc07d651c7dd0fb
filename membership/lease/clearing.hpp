// Which nodes outside a view are cleared: what they held can run elsewhere. One value for each regular view
// of a leasable set, fed with messages in the ring's order, so that all members find the same. No IO.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "membership/lease/granter.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace membership {

// Why a node counts as cleared. The order is that of strength: the lease vouches for what guard can take away
// (addresses, processes in our cgroups); the others also for mounts, storage and what scripts did.
enum class Proof { lease, dropped, fenced, confirmed };

// An ordered statement about a node outside the view.
struct ClearingFact {
    base::NodeId node;
    Proof how{Proof::lease};
    // lease: of the view in which the sender found it. dropped: of the last ring that the node's guard had
    // entered; it obeys none up to that any more. fenced: of the view that ordered the fencing. confirmed: of
    // the view in which the administrator's word was given.
    std::uint64_t ring{0};
    bool operator==(const ClearingFact&) const = default;
};

struct ClearingView {
    std::uint64_t ring{0};  // sequence
    base::NodeSet members, roster;
    bool leasable{false};  // the members are: else no lease counts as out
    base::NodeSet
        obeying;  // nodes whose last word was that they obey the lease (docs/safety.md, "Switching")
};

class Clearing {
  public:
    explicit Clearing(ClearingView view);

    // A member's first message in this view, with its inventory, was delivered now.
    void hello(base::Instant now, base::NodeId member, const std::vector<Promise>& promises);
    // A fact was delivered, or comes with the state that the members share; of each the strongest counts.
    void fact(const ClearingFact& fact);

    // All members' first messages were delivered.
    [[nodiscard]] bool complete() const { return missing_.empty(); }
    // Of a configured node outside the view: nothing if it is not cleared.
    [[nodiscard]] std::optional<Proof> cleared(base::NodeId node) const;
    // Configured nodes outside the view that are not; all of them until complete(). Members that have not
    // spoken are not cleared either. Nothing starts while there is one.
    [[nodiscard]] base::NodeSet uncleared() const;
    // Nodes whose lease is out by the own clock while no fact says so yet: to be said to all, by a message.
    [[nodiscard]] std::vector<ClearingFact> due(base::Instant now) const;
    [[nodiscard]] base::Instant next_deadline() const;  // of due()
    // For the state that the next view begins with; those that a newer ring makes void are ignored there.
    [[nodiscard]] std::vector<ClearingFact> facts() const;

  private:
    struct Node {
        base::NodeSet told;          // members that spoke of it
        base::Instant out;           // when its lease is out by the own clock
        bool out_when_told{true};    // it was, for all of them, when they said so
        std::uint64_t last_ring{0};  // of which any member knows that the node was in it
        std::vector<ClearingFact> facts;
    };
    [[nodiscard]] bool by_lease(base::NodeId id, const Node& node) const;

    ClearingView view_;
    base::NodeSet missing_;
    std::map<base::NodeId, Node> outside_;
};

}  // namespace membership

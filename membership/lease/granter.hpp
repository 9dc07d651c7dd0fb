// The granter's side of the lease: what this node has promised about each other node, and whom it grants to
// now. A promise about X: "until then I don't count X as cleared because of its lease." Stepped with `now`,
// no IO; the caller keeps one number on disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "membership/lease/timing.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/wire/message.hpp"  // Member

namespace membership {

// What a member of a view tells the others about one configured node.
struct Promise {
    base::NodeId node;
    // How much of the promise is left, by the sender's clock at the moment when it says so. The receiver
    // counts it by its own, from when it hears that, which is later. It is not stretched again: neither of
    // the two clocks runs faster than stretched() allows against that of the node in question.
    base::Duration left;
    // The sequence of the last ring that had the node as a member, as far as this process knows: of its own
    // first ring at least, because before that it can have missed one.
    std::uint64_t last_ring{0};
    bool operator==(const Promise&) const = default;
};

// Promises with their ends on the own clock. Those about nodes outside a view are final as soon as that view
// is installed, so that the main thread may say them later than the ring's thread found them.
struct Promises {
    struct One {
        base::NodeId node;
        base::Instant until;
        std::uint64_t last_ring{0};
    };
    std::vector<One> about;
    [[nodiscard]] std::vector<Promise> at(base::Instant now) const;
};

class Granter {
  public:
    // `term`: what to grant. `known_past`: the longest term that this node may have granted before this
    // process began, from disk; kLongestTerm if the disk does not say. `start`: read when no former process
    // of this node was left. Grants nothing until a ring is installed, and counts as having granted at its
    // start.
    Granter(const base::NodeSet& roster, base::NodeId self, base::Duration term, base::Duration known_past,
            base::Instant start);

    // The regular view. Whoever is not in it gets nothing from now on, which is what makes promises() final.
    void installed(const base::RingId& ring, const std::vector<totem::Member>& members);
    // The sequence number of the last regular view, in which it grants.
    [[nodiscard]] std::uint64_t ring() const { return ring_; }

    // What an acknowledgement to this process of the peer grants; zero: nothing. It is promised by that.
    // `heard_at`: when the heartbeat that is acknowledged came, read after it was received; an
    // acknowledgement that is said again promises nothing more.
    [[nodiscard]] base::Duration grant(base::Instant heard_at, const totem::Member& peer);
    [[nodiscard]] Promises promises() const;

    // Other configured nodes. A node that was not one before counts as granted to by a former process of this
    // node, now; what is promised about one that is none any more is forgotten.
    void set_roster(base::Instant now, const base::NodeSet& roster);

    // Another term, from now on. A longer one is granted once it is on disk.
    void set_term(base::Duration term) { term_ = term; }
    // To be made durable, in order, each answered by persisted(): at once where a longer term waits for it; a
    // shorter one only when no promise reaches further than a fresh process would count with.
    [[nodiscard]] std::optional<base::Duration> take_persist(base::Instant now);
    void persisted(base::Duration term);

  private:
    struct Peer {
        base::Instant until;
        std::uint64_t last_ring{0};
        std::optional<base::Incarnation> granted;  // the process that is in the ring with us
    };
    base::NodeId self_;
    std::map<base::NodeId, Peer> peers_;
    std::uint64_t ring_{0};  // sequence of the present one
    bool first_ring_{true};
    base::Duration term_, durable_;
    std::optional<base::Duration> persisting_;
};

}  // namespace membership

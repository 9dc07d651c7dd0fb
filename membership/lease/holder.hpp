// The holder's side of the lease: until when this node may hold what runs in one place only. The right is won
// by heartbeats that peers acknowledge, and needs peers that the vote rules let grant it. Nothing here says
// "no": the right ends by itself. Stepped with `now`, no IO.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "membership/lease/timing.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace membership {

// Which sets of nodes may grant a lease, and which views may take over: a strict majority of all configured
// votes, or the tie-breaker's half. Any two such sets must share a node: never two_node, never `ignore`.
using Leasable = std::function<bool(const base::NodeSet&)>;

// What guard is told.
struct Renewal {
    base::RingId ring;    // of the view that the main thread declared
    base::Instant at;     // when this was found out
    base::Instant until;  // the end of the right, by this machine's CLOCK_BOOTTIME
    bool operator==(const Renewal&) const = default;
};

class Holder {
  public:
    Holder(base::NodeId self, Leasable leasable, LeaseTiming timing);

    // The peer acknowledged a heartbeat of this very process and grants `term` for it. `sent`: read before
    // the heartbeat was handed to the socket for the first time; a copy that is sent again keeps it. `ring`:
    // the ring_mark() of the view in which it grants. Once the right is out, it is won anew by grants of the
    // own ring alone: others may have counted this node as cleared meanwhile, and let it into a ring of which
    // it knows nothing yet.
    void acknowledged(base::Instant now, base::NodeId peer, base::Instant sent, base::Duration term,
                      std::uint16_t ring);
    // The main thread says that this view may act: leasable, and synchronised (all inventories are in).
    // Counts for LeaseTiming::patience, so that a main thread that hangs ends the lease; while a ring is
    // being formed it goes on saying so of the last one.
    void declare(base::Instant now, const base::RingId& ring);
    // The ring has installed this one. The main thread may be behind it, and go on declaring the former one:
    // that counts as long as the right is unbroken. After a break others may have counted this node as
    // cleared, and what it was told in the former one has no force any more.
    void installed(const base::RingId& ring) { installed_ = ring; }
    // The main thread finds itself in a view that may not act: nothing is renewed any more.
    void withdraw();
    // Other vote rules. A change is durable before it counts, and each set that was leasable before it shares
    // a node with each set that is so after it, so that what was won stays won.
    void set_rules(Leasable leasable);

    // The end of the right as far as it was granted, declared or not; Instant{}: none so far.
    [[nodiscard]] base::Instant until() const { return until_; }
    // What guard does not know yet and should. Few and far between: guard is woken for a good part of the
    // lease only.
    [[nodiscard]] std::optional<Renewal> renew(base::Instant now);
    // Heartbeats to all peers, to be answered at once, are due: call it when next_deadline() has come, and
    // send them if it says so.
    [[nodiscard]] bool urgent(base::Instant now);
    // When to call renew() and urgent() at the latest.
    [[nodiscard]] base::Instant next_deadline() const;

  private:
    [[nodiscard]] bool declared(base::Instant now);
    [[nodiscard]] base::Duration right() const { return timing_.term - timing_.drop; }
    void find_end();

    base::NodeId self_;
    Leasable leasable_;
    LeaseTiming timing_;
    bool alone_{false};                           // needs nobody's grant but its own
    std::map<base::NodeId, base::Instant> ends_;  // of the right that each peer's grant alone gives
    base::Instant until_{}, told_{};
    std::optional<base::RingId> ring_;  // declared
    base::RingId told_ring_, installed_;
    base::Instant declared_at_{};
    std::optional<base::Instant> asked_at_;
};

}  // namespace membership

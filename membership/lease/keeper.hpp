// What the ring's thread does for the lease: holder and granter as one rider on the heartbeats. The word of a
// heartbeat is the term that its sender grants to the receiver's process, in microseconds. Stepped with
// `now`; what guard is to be told goes to a function that must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "membership/lease/granter.hpp"
#include "membership/lease/holder.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/monitor/rider.hpp"
#include "totem/wire/message.hpp"

namespace membership {

struct KeeperConfig {
    base::NodeSet roster;  // self included
    base::NodeId self;
    Leasable leasable;
    LeaseTiming timing;
    // The longest term that a former process of this node may have granted (Granter).
    base::Duration known_past;
    base::Instant start;  // of this process
};

// All but the constructor is called on one thread: that of the ring.
class Keeper final : public totem::Rider {
  public:
    // `tell_guard`: called from inside acknowledged(), urgent() and declare().
    Keeper(const KeeperConfig& config, std::function<void(const Renewal&)> tell_guard);

    // The term in milliseconds, and above it the ring_mark() of the view in which it is granted; 0: nothing.
    [[nodiscard]] std::uint32_t word(base::NodeId peer, base::Incarnation process,
                                     base::Instant heard) override;
    void acknowledged(base::Instant now, base::NodeId peer, base::Instant sent, std::uint32_t word) override;
    [[nodiscard]] bool urgent(base::Instant now) override;
    // Never before the last step: what was to be done then was done.
    [[nodiscard]] base::Instant next_deadline() const override;

    // A regular view: what this node has promised about the others, for its first message there.
    [[nodiscard]] Promises installed(const base::RingId& ring, const std::vector<totem::Member>& members);
    // As Holder's. A declaration is made anew at a quarter of LeaseTiming::patience.
    void declare(base::Instant now, const base::RingId& ring);
    void withdraw() { holder_.withdraw(); }
    // Other configured nodes, and who of them may grant: Holder::set_rules() and Granter::set_roster().
    void set_roster(base::Instant now, const base::NodeSet& roster, Leasable leasable);
    // As Granter's: the number that is to be on disk.
    [[nodiscard]] std::optional<base::Duration> take_persist(base::Instant now) {
        return granter_.take_persist(now);
    }
    void persisted(base::Duration term) { granter_.persisted(term); }

  private:
    void step(base::Instant now);

    Holder holder_;
    Granter granter_;
    base::Duration again_;
    base::Instant stepped_;
    std::function<void(const Renewal&)> tell_guard_;
};

}  // namespace membership

// guard's side of the lease: the one place that says whether this node may hold anything now. Renewals come
// from the core; when the last one has run out, or the core is gone for too long, everything is dropped, and
// only when that was verified does a renewal count again. Fixed size, no allocation, no IO.
#pragma once

#include <optional>

#include "membership/lease/holder.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace membership {

// What guard says for its node when the core can't. Both name the last ring that the core had entered.
struct GuardStatement {
    enum class Kind {
        daemon_dead,  // the core has ended; what it ran is held until the lease ends or a new core takes over
        dropped,      // everything is verified gone, and no command or renewal of that ring or an older one
                      // is obeyed any more: the proof of a stop
    } kind{Kind::daemon_dead};
    base::RingId ring;
    bool operator==(const GuardStatement&) const = default;
};

// How a renewal or a command was taken.
enum class LeaseVerdict {
    taken,
    older_ring,  // of a ring that is past, or up to which "dropped" was said
    expired,     // the right had run out: everything is dropped first
    dropping,    // that is under way
};

// What others on this machine may see (lease_page.hpp).
struct LeaseView {
    base::Instant until;   // the end of the right; Instant{}: none; never(): leases are not enforced
    bool dropping{false};  // the latch: nothing may be held, whatever `until` says
    base::RingId ring;     // the newest that the core has entered
    bool operator==(const LeaseView&) const = default;
};

class GuardLease {
  public:
    // `patience`: how long a core may be gone. `leftovers`: a former guard may have left something behind,
    // which is dropped before anything counts.
    GuardLease(base::Duration patience, bool leftovers) : patience_(patience), dropping_(leftovers) {}

    // Inputs. Each `now` is read after the message was.
    // The core has entered the regular view of this ring: commands of older ones are refused from now on, and
    // a new core is back.
    void entered(const base::RingId& ring);
    [[nodiscard]] LeaseVerdict renew(base::Instant now, const Renewal& renewal);
    // A command to start something, by this ring's view. Asked immediately before it is carried out.
    [[nodiscard]] LeaseVerdict admit(base::Instant now, const base::RingId& ring);
    // The core found that others took this node for cleared, or that it must not go on: drop everything.
    void give_up();
    // Of a core whose last packet was read or thrown away.
    void core_ended(base::Instant now);
    // guard is asked to end: the last statement is what counts.
    void leave();
    // What guard does, when it was told to drop: everything is verified gone.
    void dropped();
    void advance(base::Instant now);

    // Outputs.
    // Everything is to go, now; until dropped().
    [[nodiscard]] bool dropping() const { return dropping_; }
    // Holding is right at this moment.
    [[nodiscard]] bool may_hold(base::Instant now) const { return !dropping_ && now < until_; }
    // To be sent to all peers; once each.
    [[nodiscard]] std::optional<GuardStatement> take_statement();
    [[nodiscard]] base::Instant next_deadline() const;
    [[nodiscard]] LeaseView view() const { return {until_, dropping_, entered_}; }

  private:
    void expire(base::Instant now);

    base::Duration patience_;
    bool dropping_;
    bool say_dropped_{false};  // when it is done
    base::Instant until_{}, core_back_by_{base::Instant::never()};
    base::RingId entered_, renewed_, said_;
    std::optional<GuardStatement> statement_;
};

}  // namespace membership

// One address on its way to this node: probing -> adding -> announcing -> owned, or conflict. A stepped
// value: `now` and what was heard go in, frames and one verdict come out. Source: RFC 5227 with its timers
// cut, because each millisecond is outage.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agents/vip/arp.hpp"
#include "totem/base/time.hpp"

namespace agents {

class Claim {
  public:
    enum class Phase {
        probing,     // asking whether somebody answers for the address
        adding,      // the caller is to add it and to say added()
        announcing,  // ours; frames still to be sent
        owned,       // ours; nothing left to do
        conflict,    // somebody answered: conflict() says who; nothing was added
    };
    // How to begin. full: two probes. brief: one, after a proven stop. none: the address is ours already, or
    // the link has no neighbours to ask.
    enum class Probe { full, brief, none };

    // `own`: hardware addresses of this node; their answers are no conflict.
    Claim(Ipv4 ip, const Mac& mac, std::vector<Mac> own, AnnounceOptions announce, Probe probe,
          base::Instant now);

    // Lets time pass. Call it at once after construction and whenever next_deadline() is due.
    void advance(base::Instant now);
    // A frame that came in on the interface while probing; ignored in other phases.
    void heard(const ArpSighting& sighting);
    // The address is on the interface (phase adding -> announcing).
    void added(base::Instant now);
    // Sending failed ("network is down" right after an interface came up): the frames of this step are due
    // again soon, and the later ones follow from there. Given up after a minute; the address stays.
    void send_failed(base::Instant now);
    // The neighbours may have forgotten or have been told otherwise: the schedule starts again. Owned or
    // announcing only.
    void announce_again(base::Instant now);
    // `count` pairs at the announcement interval, without restarting a schedule that still runs
    // (arp_count_refresh).
    void refresh(base::Instant now, std::uint32_t count);

    // The frames that are due; empties the list.
    [[nodiscard]] std::vector<ArpFrame> take_frames();
    [[nodiscard]] base::Instant next_deadline() const;
    [[nodiscard]] Phase phase() const;
    // Who answered for the address; set in phase conflict only.
    [[nodiscard]] std::optional<Mac> conflict() const;

  private:
    struct Probing {
        std::vector<base::Instant> sends;  // due times, earliest first
        base::Instant verdict;
    };
    struct Adding {};
    struct Announcing {
        std::vector<base::Instant> pairs;  // due times, earliest first
        std::size_t next{0};
        base::Instant failing_since{base::Instant::never()};
        base::Duration retry;
    };
    struct Conflict {
        Mac holder;
    };
    using State = std::variant<Probing, Adding, Announcing, Conflict>;

    void schedule(base::Instant now);

    Ipv4 ip_;
    Mac mac_;
    std::vector<Mac> own_;
    AnnounceOptions announce_;
    State state_;
    std::vector<ArpFrame> frames_;
};

// The second of two probes comes after this; the verdict as much later. One probe: the verdict after it.
inline constexpr base::Duration kProbeGap = base::milliseconds(20);

}  // namespace agents

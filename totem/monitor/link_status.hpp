// What is known of each path, one path being (peer, link): for status and for records.
#pragma once

#include <cstdint>
#include <string>

#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace totem {

enum class LinkState {
    unknown,   // nothing heard of that process yet
    up,        // both ways
    down,      // neither way
    only_in,   // we hear the peer, the peer says that it does not hear us
    only_out,  // the peer says (by another link) that it hears us, we do not hear it
};

struct LinkStatus {
    base::NodeId peer;
    unsigned number{0};     // of the link: N of ringN_addr
    std::string interface;  // that has the own address; empty: none has
    std::string local;      // the own address of this link
    std::string remote;     // the peer's
    std::uint16_t port{0};  // UDP, at both ends
    LinkState state{LinkState::unknown};
    bool active{false};          // carries the ring's frames to this peer
    bool lifeline{false};        // the peer's machine tells at once when its process ends
    base::Instant since;         // when `state` began; CLOCK_BOOTTIME
    base::Duration srtt;         // smoothed round trip; 0: not measured yet
    base::Duration rttvar;       // its mean deviation
    std::size_t mtu{0};          // of the path to the peer, IP and UDP headers included; 0: not known yet
    double loss{0};              // of our last heartbeats, 0 to 1
    std::uint64_t sent{0};       // heartbeats to this peer by this link
    std::uint64_t lost{0};       // of those, which the peer does not report as heard
    std::string group;           // of the link: an address, or "broadcast"; empty: none
    bool copies{false};          // the group does not reach the peer: what goes to all goes to it by unicast
    std::uint64_t went_down{0};  // how often the path was up and was so no longer
    std::string trouble;         // in words, what is wrong with the path though it is up; empty: nothing
};

// "up", "down", "we hear node 3, node 3 does not hear us" ...: for people.
[[nodiscard]] std::string describe(LinkState state, base::NodeId peer);

}  // namespace totem

// What is remembered between gatherings of nodes that are not on our ring: who of them is heard, whom they
// say they hear, which pairs of nodes were found not to hear each other, and how often somebody was lost
// lately. From that follows with whom it is worth to gather, so that a ring that was formed without a node
// because of a broken link is not torn down by every sign of life of that node.
//
// Nobody gathers with a stranger unless both hear each other. Who was left out for a broken pair is *held
// off* until both ends of the pair say that they hear each other, or until the choice (choice.hpp) would be
// another one for other reasons.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/wire/message.hpp"

namespace totem {

struct Context;
struct Matrix;

struct Neighbour {
    Member who;           // the process that was heard last
    base::RingId ring;    // of its last beacon or data; seq 0: none
    base::NodeSet mates;  // on its ring, or about to be; as it said last
    bool holds_us{false};
    std::map<base::NodeId, base::Instant> hears;  // whom it said it hears, and when it did
    // What we told it last, by a beacon of its own.
    Member told;
    bool told_held{false};
    base::Instant told_at{-1};
    base::Instant reminded_at{-1};  // of what it said itself
    // How often it was lost lately, and until when it is not gathered with for that.
    unsigned losses{0};
    base::Instant lost_at, until;
};

struct Nearby {
    std::map<base::NodeId, Neighbour> nodes;
    std::map<base::NodeId, base::Instant> heard;             // by us
    std::set<std::pair<base::NodeId, base::NodeId>> broken;  // pairs, the lower node first
};

// A membership message or foreign data of `from` has arrived. Each returns whether a broken pair turned out
// to be whole by it.
void heard(Context& ctx, const Member& from);
bool heard(Context& ctx, const Member& from, const wire::Beacon& beacon);
bool heard(Context& ctx, const Member& from, const wire::Join& join);
// It was heard lately, and said lately that it hears us.
[[nodiscard]] bool mutual(const Context& ctx, const Member& who);
// A sign of life on a ring that is newer than all that we shared with that process.
[[nodiscard]] bool on_another_ring(const Context& ctx, const Member& who);
// Whether gathering with it would only end where we are: `with_us` are our ring, or those that we gather
// with.
[[nodiscard]] bool held_off(const Context& ctx, const base::NodeSet& with_us, const Member& who);
// Whether to gather with it now: not held off by us, nor we by it.
[[nodiscard]] bool worthwhile(const Context& ctx, const base::NodeSet& with_us, const Member& who);
// Tells it that it is heard, unless it was told so just now. `on_ring`: all of `with_us` hear each other,
// they are a ring.
void answer(Context& ctx, const base::NodeSet& with_us, bool on_ring, const Member& who);
// It says what is older than what it said before, or speaks after its end: perhaps it does not know. Tells it
// what we know of it, now and then, by a beacon.
void remind(Context& ctx, const base::NodeSet& with_us, bool on_ring, const Member& who);
[[nodiscard]] wire::Beacon make_beacon(Context& ctx, const base::NodeSet& with_us, bool on_ring);
// Whether somebody of elsewhere was heard lately.
[[nodiscard]] bool strangers_near(const Context& ctx, const base::NodeSet& with_us);
// What a gathering found out about pairs of nodes.
void judge(Context& ctx, const Matrix& matrix);
// It was on the last ring or we gathered with it, it is not on the new ring, and did not say goodbye. What
// was heard of it, and what it said of hearing us, is of no use any more.
void lost(Context& ctx, const Member& who);

}  // namespace totem

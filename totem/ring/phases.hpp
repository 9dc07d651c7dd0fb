// The four phases of Totem as a sum type. Each carries its own data and deadlines, so that leaving a phase
// cancels its timers; what survives a transition is moved into the next phase by its enter function. One file
// per phase.
//
//            token lost, join, foreign ring, goodbye
//   Operational ------------------------------------> Gather <---+
//        ^                                              | consensus
//        |  all recovered                               v        | timeout, join, goodbye
//     Recovery <------------------------------------- Commit ----+
//        |               second pass                             |
//        +-------------------------------------------------------+
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "totem/ring/log.hpp"
#include "totem/ring/rotation.hpp"
#include "totem/ring/rows.hpp"
#include "totem/ring/standings.hpp"

namespace totem {

// One change of membership, from leaving operational until operational again, however many attempts it takes.
struct Episode {
    Standings standings;
    wire::Reason reason{wire::Reason::start};  // the first cause
    base::NodeId subject;                      // whom it names
    base::NodeId reporter;                     // who noticed first; 0: this node itself
    std::optional<wire::Lack> lack;            // with failed_to_receive
    base::Instant began;
    std::vector<Finding> findings;
    std::vector<std::pair<base::NodeId, base::NodeId>>
        deaf;                                          // the first does not hear the second, who is left out
    base::Duration in_gather, in_commit, in_recovery;  // spent so far
    base::Instant turned;                              // when the phase began that is under way
    unsigned attempts{0};
};

void begin(const Context& ctx, Episode& episode);
void found(const Context& ctx, Episode& episode, base::NodeId subject, const std::string& evidence);
void found_by(const Context& ctx, Episode& episode, base::NodeId subject, base::NodeId reporter,
              const std::string& evidence);
// A phase is over: its time is booked.
void book(const Context& ctx, Episode& episode, base::Duration Episode::*phase);

struct Gather {
    struct Other {
        base::Incarnation incarnation;
        base::Instant since;  // when we began to wait for it
        base::Instant heard;  // its last join; never(): none
        bool agrees{false};   // its last join said what we think
        bool deaf{false};     // we waited for it in vain
    };
    Episode episode;
    RingLog old;
    Rows rows;                             // who hears whom
    std::map<base::NodeId, Other> others;  // the living, without us
    base::Instant join_at;                 // when to send our join (again)
    base::Instant alone_until;  // a process that has just started doesn't form a ring of one before
    base::Instant settled_at;   // when our standings changed last
    Row told;                   // our row, as our last join said it
};

struct Commit {
    Episode episode;
    RingLog old;
    wire::CommitToken token;  // as we passed it on
    std::size_t index{0};     // our place in it
    base::Instant resend_at, lost_at;
};

struct Recovery {
    Episode episode;
    RingLog old;
    RingLog log;                       // the new ring's
    std::vector<Member> transitional;  // who comes from our old ring
    std::uint64_t obliged{0};          // they, and those to whom they are obliged: see RingLog
    std::set<base::Seq> pending;       // old-ring datagrams that we shall send, unless somebody else does
    Rotation rotation;
    wire::CommitToken commit;  // as we passed it on; sent again until the regular token turns
    base::Instant commit_resend_at;
    bool counted{false};  // whether token.unrecovered counts us
    unsigned visits{0};
    std::optional<base::Seq> install_seq;  // all recovered datagrams are at or below it
};

struct Operational {
    RingLog log;
    Rotation rotation;
    std::optional<wire::Token> held;  // the idle ring's token, kept until release_at
    base::Instant release_at{base::Instant::never()};
    base::Instant beacon_at{base::Instant::never()};
    base::Instant wake_at{base::Instant::never()};  // when to ask (again) for an idle ring's token
    base::Instant look_at{base::Instant::never()};  // when to look whether the successor is there
};

struct Left {};

using Phase = std::variant<Gather, Commit, Recovery, Operational, Left>;
using Next = std::optional<Phase>;  // nullopt: stay

// A commit token is sent again at this interval: more often than a regular one, since a member whose disk is
// not ready for the new ring's sequence drops it.
[[nodiscard]] inline base::Duration commit_retry(const RingConfig& config) {
    return config.hop_retry / 4;
}

// Transitions. `why` completes "x -> y: ...".
[[nodiscard]] Phase enter_gather(Context& ctx, RingLog old, Episode episode, const char* from,
                                 const std::string& why);
[[nodiscard]] Phase enter_commit(Context& ctx, Episode episode, RingLog old, wire::CommitToken token,
                                 std::size_t index);
[[nodiscard]] Phase enter_recovery(Context& ctx, Commit commit, wire::CommitToken token);
// Installs a ring: delivers what is left of the old one, the transitional view, and the regular view
// (install.cpp).
[[nodiscard]] Phase enter_operational(Context& ctx, Recovery recovery);
[[nodiscard]] Phase enter_alone(Context& ctx, Episode episode, RingLog old);

// (phase, message). What is not declared here is ignored in that phase and counted.
[[nodiscard]] Next on(Gather& g, Context& ctx, const Member& from, const wire::Join& join);
[[nodiscard]] Next on(Gather& g, Context& ctx, const Member& from, const wire::CommitToken& token);
[[nodiscard]] Next on(Gather& g, Context& ctx, const Member& from, const wire::Data& data);
[[nodiscard]] Next on(Gather& g, Context& ctx, const Member& from, const wire::Beacon& beacon);
[[nodiscard]] Next on(Gather& g, Context& ctx, const Member& from, const wire::Leave& leave);
[[nodiscard]] Next on(Commit& c, Context& ctx, const Member& from, const wire::Join& join);
[[nodiscard]] Next on(Commit& c, Context& ctx, const Member& from, const wire::CommitToken& token);
[[nodiscard]] Next on(Commit& c, Context& ctx, const Member& from, const wire::Leave& leave);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::Token& token);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::TokenAck& ack);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::Data& data);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::Join& join);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::CommitToken& token);
[[nodiscard]] Next on(Recovery& r, Context& ctx, const Member& from, const wire::Leave& leave);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Token& token);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::TokenAck& ack);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Data& data);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Join& join);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Beacon& beacon);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Wake& wake);
[[nodiscard]] Next on(Operational& o, Context& ctx, const Member& from, const wire::Leave& leave);
template <typename AnyPhase, typename AnyMessage>
[[nodiscard]] Next on(AnyPhase& /*phase*/, Context& ctx, const Member& /*from*/,
                      const AnyMessage& /*message*/) {
    ++ctx.counters.dropped;
    return std::nullopt;
}

// The process of that node which the phase reckons with, if any.
[[nodiscard]] std::optional<Member> reckoned(const Gather& g, base::NodeId node);
[[nodiscard]] std::optional<Member> reckoned(const Commit& c, base::NodeId node);
[[nodiscard]] std::optional<Member> reckoned(const Recovery& r, base::NodeId node);
[[nodiscard]] std::optional<Member> reckoned(const Operational& o, base::NodeId node);
// That process was said to be gone, and did not answer when it was asked.
[[nodiscard]] Next silent(Gather& g, Context& ctx, const Member& who);
[[nodiscard]] Next silent(Commit& c, Context& ctx, const Member& who);
[[nodiscard]] Next silent(Recovery& r, Context& ctx, const Member& who);
[[nodiscard]] Next silent(Operational& o, Context& ctx, const Member& who);

// Whatever is due by ctx.now, and whatever the last messages made possible (consensus).
[[nodiscard]] Next advance(Gather& g, Context& ctx);
[[nodiscard]] Next advance(Commit& c, Context& ctx);
[[nodiscard]] Next advance(Recovery& r, Context& ctx);
[[nodiscard]] Next advance(Operational& o, Context& ctx);
[[nodiscard]] base::Instant deadline(const Gather& g, const Context& ctx);
[[nodiscard]] base::Instant deadline(const Commit& c, const Context& ctx);
[[nodiscard]] base::Instant deadline(const Recovery& r, const Context& ctx);
[[nodiscard]] base::Instant deadline(const Operational& o, const Context& ctx);
// We were not running for `pause`: waiting for others goes on for as long as it would have.
void postpone(Gather& g, base::Duration pause);
void postpone(Commit& c, base::Duration pause);
void postpone(Recovery& r, base::Duration pause);
void postpone(Operational& o, base::Duration pause);
void check_invariants(const Gather& g, const Context& ctx);
void check_invariants(const Commit& c, const Context& ctx);
void check_invariants(const Recovery& r, const Context& ctx);
void check_invariants(const Operational& o, const Context& ctx);
// After a goodbye nothing happens any more.
inline Next advance(Left& /*left*/, Context& /*ctx*/) {
    return std::nullopt;
}
inline base::Instant deadline(const Left& /*left*/, const Context& /*ctx*/) {
    return base::Instant::never();
}
inline void postpone(Left& /*left*/, base::Duration /*pause*/) {}
inline std::optional<Member> reckoned(const Left& /*left*/, base::NodeId /*node*/) {
    return std::nullopt;
}
inline Next silent(Left& /*left*/, Context& /*ctx*/, const Member& /*who*/) {
    return std::nullopt;
}
inline void check_invariants(const Left& /*left*/, const Context& /*ctx*/) {}
// What is kept, for the status.
void count_logs(const Gather& g, RingStatus& status);
void count_logs(const Commit& c, RingStatus& status);
void count_logs(const Recovery& r, RingStatus& status);
void count_logs(const Operational& o, RingStatus& status);
inline void count_logs(const Left& /*left*/, RingStatus& /*status*/) {}
// There is a new message in ctx.packer.
void submitted(Operational& o, Context& ctx);

// Gather's settlement: who is silent, and who forms the ring if not everybody hears everybody (settle.cpp).
// Standings have changed: everybody must agree anew.
void changed(Gather& g, const Context& ctx);
// Standings have changed by that node's join: whom it holds for failed is noted.
void told_of_failures(Gather& g, const Context& ctx, base::NodeId by);
// Brings `others` in line with the standings.
void refresh_others(Gather& g, const Context& ctx);
void settle(Gather& g, Context& ctx);
// When settle() will do something, if nothing is heard until then.
[[nodiscard]] base::Instant settles_at(const Gather& g, const Context& ctx);
// Of the living, everybody hears everybody.
[[nodiscard]] bool everybody_hears_everybody(const Gather& g);
// Gather is over: keeps what it found out about who does not hear whom.
void conclude(Gather& g, Context& ctx);

// What a join does to our standings.
enum class Opinion {
    nothing_new,  // it says what we think, or less
    merged,       // we learned something; our standings have changed
    ignored,      // not to be believed
};
[[nodiscard]] Opinion merge(Context& ctx, Episode& episode, const Member& from, const wire::Join& join);
// Whether the join says exactly what our standings say.
[[nodiscard]] bool agrees(const Context& ctx, const Standings& standings, const wire::Join& join);
// Whether the join would tell us something that our standings don't say yet.
[[nodiscard]] bool has_news(const Context& ctx, const Standings& standings, const wire::Join& join);
// Standings raised by goodbyes.
bool fail_gone(const Context& ctx, Standings& standings);
// "node 3 said goodbye"
[[nodiscard]] std::string words(const Member& from, const wire::Leave& leave);
// "node 3 asked for datagram 17 of node 1 ..."
[[nodiscard]] std::string words(base::NodeId node, const wire::Lack& lack);
// This process leaves its ring, the members of which are these, and accuses nobody: it holds all others for
// failed as long as it gathers, which whoever hears that takes for its leaving.
void leave_alone(const Context& ctx, Episode& episode, const View& ring, const wire::Lack& lack);
// Whether a join says that its sender leaves so.
[[nodiscard]] bool leaves(const Member& from, const wire::Join& join);
// "node 3 did not answer ..."
[[nodiscard]] std::string words_of_silence(const Member& who);
// "token lost", "node 3 joined": the first cause in words
[[nodiscard]] std::string words(const Episode& episode, const RingConfig& config);

}  // namespace totem

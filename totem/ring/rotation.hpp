// The token's way round one ring, seen from one member; the same in recovery and in operational. A visit
// follows Totem's order: serve retransmission requests, ask for what is missing, send what is new, update
// flow control and aru, pass on.
//
// Plain Totem: everything that a token's seq covers was sent before the token. Still, a gap is only asked for
// when it was covered by the token that this member itself passed on a rotation ago: what is newer may be on
// its way.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "totem/ring/log.hpp"

namespace totem {

// Retry of one hop: the passed token is sent again until there is evidence that it arrived. Evidence is a
// higher token_seq, data that a later holder sequenced, or an acknowledgement. Apart from token loss on
// purpose: a hop is retried in milliseconds.
struct Hop {
    base::Bytes again;  // the token for the next retry: 500 bytes at most
    base::NodeId successor;
    std::uint64_t token_seq{0};  // of the token as sent
    base::Instant sent_at;
    base::Instant retry_at{base::Instant::never()};
    unsigned retries{0};
    // Jacobson's estimate of the time until evidence; 0 samples: none yet.
    bool measured{false};
    base::Duration srtt, rttvar;
};

// The first datagram that this member lacks, while it is the first that anybody lacks.
struct Stall {
    base::Seq seq;            // 0: none
    base::NodeId originator;  // 0: not known
    base::Instant since;      // when it was first asked for
    unsigned visits{0};       // at which it was asked for
};

struct Rotation {
    std::uint64_t token_seq{0};        // highest token_seq accepted or passed; tokens up to it are duplicates
    base::Seq passed_seq, passed_aru;  // token.seq and token.aru when it left us last
    Flow flow;
    unsigned quiet_visits{0};              // consecutive visits in which nothing was or had to be sent
    std::map<base::Seq, unsigned> served;  // how often each unstable datagram was asked of us
    Stall stall;
    base::Instant visited_at{base::Instant::never()};
    base::Instant lost_at{base::Instant::never()};
    Hop hop;
};

// Where a visit gets new datagrams from.
struct Supply {
    std::function<std::size_t()> backlog;      // the charges of all that are waiting, roughly
    std::function<std::size_t()> next_charge;  // of the next one, at most; 0: none is waiting
    std::function<wire::Data()> next;          // the next one, without ring and seq
};

// Whether the token is to be worked on: of this ring, from the predecessor, new, and sane. A duplicate is
// acknowledged.
[[nodiscard]] bool accept(Context& ctx, Rotation& rotation, const RingLog& log, const Member& from,
                          const wire::Token& token);
// How long a member asks for a datagram in vain before it leaves its ring.
[[nodiscard]] base::Duration receive_timeout(const RingConfig& config);
// Whether this member is to leave its ring, since it does not get what it asks for: the token passes, and
// what it lacks has not come for the receive timeout, although it was asked for at many visits. To be asked
// before a visit.
[[nodiscard]] std::optional<wire::Lack> failed_to_receive(const Context& ctx, const Rotation& rotation,
                                                          const RingLog& log);
// Does everything but pass the token on.
void visit(Context& ctx, Rotation& rotation, RingLog& log, wire::Token& token, const Supply& supply);
void pass(Context& ctx, Rotation& rotation, const RingLog& log, wire::Token token);
// Stores a datagram of this ring from the network; false if it was not new or not acceptable.
[[nodiscard]] bool store(Context& ctx, Rotation& rotation, RingLog& log, const Member& from,
                         const wire::Data& data);
void acknowledged(Context& ctx, Rotation& rotation, const wire::TokenAck& ack);
// Sends the token again if that is due.
void retry_hop(Context& ctx, Rotation& rotation);
// We were not running for `pause`.
void postpone(Rotation& rotation, base::Duration pause);
void check_invariants(const Rotation& rotation, const RingLog& log);

}  // namespace totem

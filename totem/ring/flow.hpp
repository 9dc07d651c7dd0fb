// Flow control: how many bytes may be on their way, so that no member's socket overflows, not even while the
// member is away for a moment.
//
// The *window* bounds what is outstanding: sequenced, and not known to be with all members. A quarter of it
// may be sent during one rotation of the token, retransmissions included (Totem's window size, fcc and
// backlog, counted in bytes): that is what a socket has to hold until its member reads it, since who reads,
// reads before it passes the token. A rotation is shared by backlog; a share of less than one datagram is
// kept until it is one (deficit round robin: Shreedhar and Varghese, SIGCOMM 1995). Whose turn has come so,
// but for whom the others leave too little room, claims it in the token, one member at a time. So with any
// window and any sizes of datagrams each member gets its turn.
//
// A ring's window is at most the smallest receive buffer of its members, as they say in the commit token. It
// adapts to what that does not tell by explicit feedback: the kernel counts what it had to drop for want of
// room; whoever sees that halves the window, in the token, for all, and the representative raises it again
// by one datagram per rotation while it is what limits sending. (Additive increase and multiplicative
// decrease on an explicit bit: Ramakrishnan and Jain, "A Binary Feedback Scheme for Congestion Avoidance in
// Computer Networks", ACM TOCS 8(2), 1990.) A datagram that is lost on its way says nothing of buffers and
// changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "totem/base/ids.hpp"
#include "totem/wire/message.hpp"

namespace totem {

struct Context;
struct RingConfig;
struct RingLog;

// What a datagram costs in a kernel's receive buffer besides the bytes of its ring message: headers, seal and
// bookkeeping (Linux 6 on loopback takes 832 for the smallest and 932 more than that for 1,372 bytes), as
// measured with SO_MEMINFO. Its allocator rounds up to twice the size at worst, and drivers take a page for
// a frame; both are within the factor of four between a window and what is sent of it in one rotation.
constexpr std::size_t kDatagramOverhead = 1024;
[[nodiscard]] constexpr std::size_t charge(std::size_t message_size) {
    return message_size + kDatagramOverhead;
}
[[nodiscard]] std::size_t charge(const wire::Data& data);

// A window is sent in so many rotations: a datagram is known to be everywhere two rotations after it was
// sent, one that had to be asked for four.
constexpr std::size_t kWindowRotations = 4;

// The largest window that this member agrees to.
[[nodiscard]] std::uint32_t largest_window(const RingConfig& config);
// Sequence numbers that a window can have outstanding at most: each costs more than the overhead, and one is
// always allowed.
[[nodiscard]] constexpr std::size_t most_outstanding(std::size_t window) {
    return window / kDatagramOverhead + 1;
}

// One member's part in its ring's flow control.
struct Flow {
    std::uint32_t agreed{1};   // the largest window that this ring may have; at least 1
    std::uint32_t window{0};   // the ring's, as we passed it on last
    std::uint32_t sent{0};     // our share of token.fcc
    std::uint32_t backlog{0};  // our share of token.backlog
    std::size_t credit{0};     // of earlier visits, less than a datagram
    std::size_t outstanding{0};
    std::uint64_t overflowed{0};  // of ctx.counters, when we looked last
    // How much was sequenced up to which datagram, at those of our visits of which not all is stable.
    struct Mark {
        base::Seq seq;
        std::uint64_t sequenced{0};
    };
    std::deque<Mark> marks;
};

// What one visit may send. Datagrams are told by their charge.
class Allowance {
  public:
    // At the beginning of a visit. `backlog`: what this member has to send, `next`: the first of that.
    Allowance(const RingConfig& config, Flow& flow, const RingLog& log, const wire::Token& token,
              std::size_t backlog, std::size_t next);
    // Takes a retransmission if it may be sent now.
    [[nodiscard]] bool repair(std::size_t cost);
    // Somebody else shall send such a retransmission still: it goes before what is new.
    void reserve(std::size_t cost) { reserved_ += cost; }
    // Takes a new datagram if it may be sent now.
    [[nodiscard]] bool fresh(std::size_t cost);
    [[nodiscard]] std::size_t used() const { return used_; }
    // Something new had to wait for the window.
    [[nodiscard]] bool limited() const { return limited_; }
    // Its turn had come, but the others had left no room for it: so much it takes. 0: no such thing.
    [[nodiscard]] std::size_t crowded_out() const { return crowded_out_; }

  private:
    [[nodiscard]] bool fits(std::size_t cost, std::size_t reserved) const;

    Flow& flow_;
    std::size_t others_;                       // sent by the others during this rotation
    std::size_t room_, per_visit_;             // for all, and for what we send
    std::size_t window_, outstanding_, seqs_;  // for what is new
    std::size_t reserved_;                     // of that, for others
    std::size_t used_{0}, crowded_out_{0};
    bool limited_{false};
};

// Tells the others what we know to be stable.
void count_stable(Flow& flow, const RingLog& log, wire::Token& token);
// The window as it is from this visit on: lowered for a socket of ours that overflowed, or that has become
// smaller; raised by the representative.
void steer_window(const Context& ctx, Flow& flow, const RingLog& log, wire::Token& token);
// At the end of a visit in which that allowance was used: what the others have to know.
void account(Flow& flow, const RingLog& log, base::NodeId self, const Allowance& allowance,
             std::size_t backlog, wire::Token& token);

}  // namespace totem

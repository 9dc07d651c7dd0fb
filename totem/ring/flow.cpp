#include "totem/ring/flow.hpp"

#include <algorithm>
#include <string>

#include "totem/ring/log.hpp"
#include "totem/wire/codec.hpp"

namespace totem {

namespace {

// Rotations after a change of the window in which it is not changed again: what overflows meanwhile was sent
// under the former one.
constexpr std::uint8_t kSteadyRotations = 4;
// A window is not halved below so many full datagrams per rotation.
constexpr std::size_t kLeastDatagrams = 4;
// A share is at least such a part of a datagram, however small the window is.
constexpr std::size_t kPatience = 16;
// Of one member; more than any share needs, and 64 members' fit into the token.
constexpr std::size_t kLargestBacklog = std::size_t{1} << 25;

std::uint32_t less(std::uint32_t a, std::uint32_t b) {
    return a - std::min(a, b);
}

}  // namespace

std::size_t charge(const wire::Data& data) {
    return charge(wire::kDataHeader + (data.recovered ? wire::kEncapsulation : 0) + data.payload.size());
}

std::uint32_t largest_window(const RingConfig& config) {
    const std::size_t buffer = config.receive_buffer == 0 ? config.window : config.receive_buffer;
    return static_cast<std::uint32_t>(std::min(config.window, buffer));
}

Allowance::Allowance(const RingConfig& config, Flow& flow, const RingLog& log, const wire::Token& token,
                     std::size_t backlog, std::size_t next)
    : flow_(flow),
      others_(less(token.fcc, flow.sent)),
      per_visit_(config.max_per_visit),
      window_(token.window),
      outstanding_(token.sequenced - token.everywhere),
      reserved_(token.claimant == config.self.node || token.claimant == base::NodeId{} ? 0 : token.claim) {
    const std::size_t rotation = window_ / kWindowRotations;
    room_ = rotation - std::min(rotation, others_);
    const std::uint64_t ceiling = log.stable.value + most_outstanding(flow.agreed);
    seqs_ = static_cast<std::size_t>(ceiling - std::min(ceiling, token.seq.value));
    const std::size_t mine = std::min(backlog, kLargestBacklog);
    const std::size_t all = less(token.backlog, flow.backlog) + mine;
    const std::size_t share = mine == 0 ? 0 : std::max(rotation * mine / all, next / kPatience);
    flow.credit = share < next ? std::min(flow.credit + share, next) : share;
}

// Whoever has not sent yet may send one datagram of any size, if nobody else has sent any.
bool Allowance::fits(std::size_t cost, std::size_t reserved) const {
    if (used_ == 0 && reserved == 0 && others_ == 0) return true;
    return used_ + reserved + cost <= room_ && (used_ == 0 || used_ + cost <= per_visit_);
}

bool Allowance::repair(std::size_t cost) {
    if (!fits(cost, 0)) return false;
    used_ += cost;
    return true;
}

bool Allowance::fresh(std::size_t cost) {
    const bool windowed = outstanding_ == 0 || outstanding_ + cost <= window_;
    if (!windowed || seqs_ == 0 || cost > flow_.credit || !fits(cost, reserved_)) {
        limited_ = used_ == 0 || used_ + cost <= per_visit_;
        if (used_ == 0 && cost <= flow_.credit) crowded_out_ = cost;
        return false;
    }
    used_ += cost;
    outstanding_ += cost;
    flow_.credit -= cost;
    --seqs_;
    return true;
}

void count_stable(Flow& flow, const RingLog& log, wire::Token& token) {
    while (!flow.marks.empty() && flow.marks.front().seq <= log.stable) {
        const std::uint64_t sequenced = std::min(flow.marks.front().sequenced, token.sequenced);
        token.everywhere = std::max(token.everywhere, sequenced);
        flow.marks.pop_front();
    }
}

void steer_window(const Context& ctx, Flow& flow, const RingLog& log, wire::Token& token) {
    const bool overflowed = ctx.counters.overflowed > flow.overflowed;
    flow.overflowed = ctx.counters.overflowed;
    const auto one = static_cast<std::uint32_t>(charge(ctx.config.datagram_size));
    if (ctx.is_self(log.view.members.front())) {
        if (token.steady > 0) {
            --token.steady;
        } else if (token.limited) {
            token.window += std::min(one, less(flow.agreed, token.window));
        }
        token.limited = false;
    }
    if (overflowed && token.steady == 0) {
        const auto least = static_cast<std::uint32_t>(one * kLeastDatagrams * kWindowRotations);
        const std::uint32_t halved = std::max(token.window / 2, std::min(token.window, least));
        if (halved < token.window) {
            ctx.info("this node's receive buffer overflowed: the ring's window is halved to " +
                     std::to_string(halved) + " bytes");
        }
        token.window = halved;
        token.steady = kSteadyRotations;
    }
    token.window = std::min({token.window, flow.agreed, largest_window(ctx.config)});
    flow.window = token.window;
}

void account(Flow& flow, const RingLog& log, base::NodeId self, const Allowance& allowance,
             std::size_t backlog, wire::Token& token) {
    const auto sent = static_cast<std::uint32_t>(allowance.used());
    token.fcc = less(token.fcc, flow.sent) + sent;
    flow.sent = sent;
    const auto waiting = static_cast<std::uint32_t>(std::min(backlog, kLargestBacklog));
    token.backlog = less(token.backlog, flow.backlog) + waiting;
    flow.backlog = waiting;
    token.limited = token.limited || allowance.limited();
    if (token.claimant == self) token.claimant = {};
    if (token.claimant == base::NodeId{}) {
        token.claim = static_cast<std::uint32_t>(allowance.crowded_out());
        if (token.claim > 0) token.claimant = self;
    }
    flow.outstanding = token.sequenced - token.everywhere;
    const bool news = flow.marks.empty() || flow.marks.back().seq < token.seq;
    if (news && log.stable < token.seq) flow.marks.push_back({token.seq, token.sequenced});
}

}  // namespace totem

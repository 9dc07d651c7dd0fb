#include "totem/ring/rotation.hpp"

#include <algorithm>
#include <utility>

#include "totem/ring/standings.hpp"

namespace totem {

namespace {

constexpr base::Duration kMinRetry = base::milliseconds(3);
constexpr base::Duration kMaxRetry = base::milliseconds(100);
// So many requests for one datagram are not all lost by chance, nor are the answers to them.
constexpr unsigned kRequests = 16;
// In a token that is sent again: what asks for more may be too large for a path that is not known well yet.
// The rest is asked for a rotation later.
constexpr std::size_t kRequestsAgain = 40;
// Beside a token timeout: what the links may need to find out that a path has stopped taking large packets,
// and what it still takes: up to 700 ms each for the size that it had and for the floor, and what it takes to
// notice. That shall cost no view.
constexpr base::Duration kPathSearch = base::seconds(2);

std::size_t place_of(const View& view, base::NodeId node) {
    const auto at = std::find_if(view.members.begin(), view.members.end(),
                                 [&](const Member& m) { return m.node == node; });
    ASSERT(at != view.members.end());
    return static_cast<std::size_t>(at - view.members.begin());
}

const Member& neighbour(const View& view, base::NodeId self, std::size_t distance) {
    return view.members[(place_of(view, self) + distance) % view.members.size()];
}

// RFC 6298's estimator; doubled for every retry.
base::Duration retry_interval(const Context& ctx, const Hop& hop) {
    base::Duration interval = hop.measured ? hop.srtt + hop.rttvar * 4 : ctx.config.hop_retry;
    interval = std::max(interval, std::min(kMinRetry, ctx.config.hop_retry));
    const base::Duration ceiling = std::max(interval, std::min(kMaxRetry, ctx.config.token_timeout / 10));
    for (unsigned i = 0; i < hop.retries && interval < ceiling; ++i) interval = interval * 2;
    return std::min(interval, ceiling);
}

// Evidence that the token which we passed arrived.
void progress(const Context& ctx, Hop& hop) {
    if (hop.retry_at == base::Instant::never()) return;
    hop.retry_at = base::Instant::never();
    if (hop.retries > 0) return;  // Karn: it is unknown which copy this answers
    const base::Duration sample = ctx.now - hop.sent_at;
    if (!hop.measured) {
        hop.measured = true;
        hop.srtt = sample;
        hop.rttvar = sample / 2;
        return;
    }
    const base::Duration error{std::max(sample.ns - hop.srtt.ns, hop.srtt.ns - sample.ns)};
    hop.rttvar = (hop.rttvar * 3 + error) / 4;
    hop.srtt = (hop.srtt * 7 + sample) / 8;
}

// Answers requests that we can answer and takes them off the list. Every second request for the same datagram
// is left to another holder: where nothing that we send reaches whoever asks, somebody else must send it.
std::size_t serve(Context& ctx, Rotation& rotation, const RingLog& log, wire::Token& token,
                  Allowance& allowance) {
    const bool others_hold = log.view.members.size() > 2;
    rotation.served.erase(rotation.served.begin(), rotation.served.upper_bound(log.stable));
    std::size_t served = 0;
    std::vector<base::Seq> left;
    for (const base::Seq seq : token.retransmit) {
        const wire::Data* data = log.window.find(seq);
        if (data == nullptr) {
            if (seq > token.aru) left.push_back(seq);  // below aru everybody has it
            continue;
        }
        unsigned& requests = rotation.served[seq];
        const bool to_others = requests % 2 == 1 && others_hold;
        if (!to_others && !allowance.repair(charge(*data))) {
            left.push_back(seq);
            continue;
        }
        ++requests;
        if (to_others) {
            left.push_back(seq);
            continue;
        }
        ctx.send_all(*data);
        ++served;
        ++ctx.counters.retransmitted;
    }
    token.retransmit = std::move(left);
    return served;
}

void request(const Rotation& rotation, const RingLog& log, wire::Token& token) {
    const base::Seq upto = std::min(rotation.passed_seq, token.seq);
    if (log.window.aru() >= upto) return;
    std::vector<base::Seq> wanted;
    const std::vector<base::Seq> gaps = log.window.missing(upto, wire::kMaxRetransmit);
    std::set_union(token.retransmit.begin(), token.retransmit.end(), gaps.begin(), gaps.end(),
                   std::back_inserter(wanted));
    if (wanted.size() > wire::kMaxRetransmit) wanted.resize(wire::kMaxRetransmit);
    token.retransmit = std::move(wanted);
}

// Only what holds up the whole ring counts: where others lack something before it, they are served first.
void watch_stall(const Context& ctx, Rotation& rotation, const RingLog& log, const wire::Token& token) {
    Stall& stall = rotation.stall;
    const base::Seq first{log.window.aru().value + 1};
    if (token.retransmit.empty() || token.retransmit.front() != first) {
        if (stall.seq != first) stall = {};
        return;
    }
    if (stall.seq != first) stall = {first, {}, ctx.now, 0};
    if (token.aru == log.window.aru() && token.lacked_of.value != 0) stall.originator = token.lacked_of;
    ++stall.visits;
}

// What somebody shall still send again, we or others.
void reserve(const Context& ctx, const RingLog& log, const wire::Token& token, Allowance& allowance) {
    for (const base::Seq seq : token.retransmit) {
        const wire::Data* data = log.window.find(seq);
        allowance.reserve(data != nullptr ? charge(*data) : charge(ctx.config.datagram_size));
    }
}

std::size_t send_new(Context& ctx, RingLog& log, wire::Token& token, const Supply& supply,
                     Allowance& allowance) {
    std::size_t sent = 0;
    for (std::size_t most = 0; (most = supply.next_charge()) > 0 && allowance.fresh(most); ++sent) {
        wire::Data data = supply.next();
        data.ring = log.view.ring;
        data.seq = base::Seq{++token.seq.value};
        token.sequenced += charge(data);
        ctx.send_all(data);
        const bool stored = log.window.insert(std::move(data));
        ASSERT(stored);
    }
    ctx.counters.sent += sent;
    return sent;
}

void update_aru(const Context& ctx, const RingLog& log, wire::Token& token) {
    const base::NodeId self = ctx.self().node;
    const base::Seq mine = log.window.aru();
    const base::Seq before = token.aru;
    if (mine < token.aru || token.aru_owner == self || token.aru_owner == base::NodeId{}) {
        token.aru = std::min(mine, token.seq);
        token.aru_owner = token.aru == token.seq ? base::NodeId{} : self;
    }
    if (token.aru != before) token.lacked_of = {};
    const wire::Data* lacked = log.window.find(base::Seq{token.aru.value + 1});
    if (lacked != nullptr && token.aru < token.seq) token.lacked_of = lacked->originator;
}

}  // namespace

bool accept(Context& ctx, Rotation& rotation, const RingLog& log, const Member& from,
            const wire::Token& token) {
    const bool ours = token.ring == log.view.ring && log.view.members.size() > 1 &&
                      from == neighbour(log.view, ctx.self().node, log.view.members.size() - 1);
    // Whatever was sequenced was so by a token that came before this one; unless two processes go by one
    // member's name.
    const bool sane = token.seq >= rotation.passed_seq && token.seq >= log.window.high() &&
                      token.seq.value <= log.window.freed().value + log.window.capacity();
    if (ours && token.token_seq <= rotation.token_seq) {
        ctx.send_to(from.node, wire::TokenAck{token.ring, token.token_seq});  // the sender lacks evidence
    }
    if (!ours || !sane || token.token_seq <= rotation.token_seq) {
        ++ctx.counters.dropped;
        return false;
    }
    progress(ctx, rotation.hop);
    rotation.token_seq = token.token_seq;
    rotation.lost_at = ctx.now + ctx.config.token_timeout;
    ++ctx.counters.tokens;
    if (rotation.visited_at != base::Instant::never()) {
        const base::Duration sample = ctx.now - rotation.visited_at;
        base::Duration& smoothed = ctx.counters.rotation;
        smoothed = smoothed.ns == 0 ? sample : (smoothed * 7 + sample) / 8;
    }
    rotation.visited_at = ctx.now;
    return true;
}

base::Duration receive_timeout(const RingConfig& config) {
    return config.token_timeout + kPathSearch;
}

std::optional<wire::Lack> failed_to_receive(const Context& ctx, const Rotation& rotation,
                                            const RingLog& log) {
    const Stall& stall = rotation.stall;
    const base::Duration waited = ctx.now - stall.since;
    const bool still = stall.seq.value == log.window.aru().value + 1;
    if (!still || stall.visits < kRequests || waited < receive_timeout(ctx.config)) return std::nullopt;
    return wire::Lack{stall.seq, stall.originator, static_cast<std::uint32_t>(waited.ms()), stall.visits};
}

void visit(Context& ctx, Rotation& rotation, RingLog& log, wire::Token& token, const Supply& supply) {
    // What we passed with aru a and comes back with aru b, everybody has up to min(a, b): whoever had less
    // lowered it.
    log.stable = std::max(log.stable, std::min(rotation.passed_aru, token.aru));
    const bool quiet_before =
        token.seq == rotation.passed_seq && token.aru == token.seq && token.backlog == 0;
    count_stable(rotation.flow, log, token);
    steer_window(ctx, rotation.flow, log, token);
    Allowance allowance(ctx.config, rotation.flow, log, token, supply.backlog(), supply.next_charge());
    std::size_t sent = serve(ctx, rotation, log, token, allowance);
    request(rotation, log, token);
    watch_stall(ctx, rotation, log, token);
    reserve(ctx, log, token, allowance);
    sent += send_new(ctx, log, token, supply, allowance);
    const std::size_t backlog = supply.backlog();
    account(rotation.flow, log, ctx.self().node, allowance, backlog, token);
    update_aru(ctx, log, token);
    const bool quiet = quiet_before && sent == 0 && backlog == 0 && token.retransmit.empty();
    rotation.quiet_visits = quiet ? rotation.quiet_visits + 1 : 0;
    rotation.passed_seq = token.seq;
    rotation.passed_aru = token.aru;
}

void pass(Context& ctx, Rotation& rotation, const RingLog& log, wire::Token token) {
    ++token.token_seq;
    rotation.token_seq = token.token_seq;
    Hop& hop = rotation.hop;
    hop.successor = neighbour(log.view, ctx.self().node, 1).node;
    hop.again = wire::encode(token);
    ctx.out.datagrams.push_back({hop.successor, hop.again});
    if (token.retransmit.size() > kRequestsAgain) {
        token.retransmit.resize(kRequestsAgain);
        hop.again = wire::encode(token);
    }
    hop.token_seq = token.token_seq;
    hop.sent_at = ctx.now;
    hop.retries = 0;
    hop.retry_at = ctx.now + retry_interval(ctx, hop);
}

bool store(Context& ctx, Rotation& rotation, RingLog& log, const Member& from, const wire::Data& data) {
    if (!log.has(from) || find_member(log.view.members, data.originator) == nullptr) {
        ++ctx.counters.dropped;
        return false;
    }
    if (data.seq > rotation.passed_seq && rotation.token_seq > 0) progress(ctx, rotation.hop);
    return log.window.insert(data);
}

void acknowledged(Context& ctx, Rotation& rotation, const wire::TokenAck& ack) {
    if (ack.token_seq >= rotation.hop.token_seq) progress(ctx, rotation.hop);
}

void retry_hop(Context& ctx, Rotation& rotation) {
    Hop& hop = rotation.hop;
    if (ctx.now < hop.retry_at) return;
    ++hop.retries;
    hop.retry_at = ctx.now + retry_interval(ctx, hop);
    ctx.out.datagrams.push_back({hop.successor, hop.again});
    ctx.debug("no sign of the token from node " + base::to_string(hop.successor) + ": sent again, " +
              std::to_string(hop.retries) + ". time");
}

void postpone(Rotation& rotation, base::Duration pause) {
    rotation.lost_at = rotation.lost_at + pause;
    rotation.stall.since = rotation.stall.since + pause;
}

void check_invariants(const Rotation& rotation, const RingLog& log) {
    log.window.check_invariants();
    ASSERT(log.window.freed() <= log.delivered && log.delivered <= log.window.aru());
    ASSERT(log.stable <= log.window.aru());
    ASSERT(rotation.passed_aru <= rotation.passed_seq);
    ASSERT(rotation.hop.token_seq <= rotation.token_seq);
}

}  // namespace totem

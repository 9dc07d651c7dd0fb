// What the daemon tells of its ring: the engine's facts, in the form of the control socket.
#include <algorithm>
#include <ctime>

#include "tools/daemon/daemon.hpp"

namespace tools {

namespace {

std::int64_t microseconds(base::Duration d) {
    return d.ns / 1000;
}

// What the wall clock shows now less what the engine's clock shows: an instant is told the same at each
// request, as long as nobody sets the clock.
base::Duration wall_offset() {
    timespec wall{}, boot{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    ::clock_gettime(CLOCK_BOOTTIME, &boot);
    return base::seconds(wall.tv_sec - boot.tv_sec) + base::nanoseconds(wall.tv_nsec - boot.tv_nsec);
}

base::WallTime wall(base::Instant at, base::Duration offset) {
    return {(at.ns + offset.ns) / 1'000'000};
}

const char* word(totem::wire::Reason reason) {
    using totem::wire::Reason;
    switch (reason) {
        case Reason::start:
            return "start";
        case Reason::token_lost:
            return "token_lost";
        case Reason::joined:
            return "joined";
        case Reason::restarted:
            return "restarted";
        case Reason::left:
            return "left";
        case Reason::foreign:
            return "other_ring";
        case Reason::commit_lost:
            return "commit_lost";
        case Reason::recovery_lost:
            return "recovery_lost";
        case Reason::died:
            return "died";
        case Reason::unreachable:
            return "unreachable";
        case Reason::failed_to_receive:
            return "failed_to_receive";
    }
    return "unknown";
}

// The nodes of those in `from` that are not in `in`; of processes, not of nodes.
std::vector<base::NodeId> without(const totem::View& from, const totem::View& in) {
    std::vector<base::NodeId> out;
    for (const totem::Member& member : from.members) {
        if (std::find(in.members.begin(), in.members.end(), member) == in.members.end())
            out.push_back(member.node);
    }
    return out;
}

RingChange told(const totem::MembershipChange& change, base::Duration offset) {
    RingChange out;
    out.cause = word(change.cause);
    out.installed = wall(change.installed, offset);
    out.gather_us = microseconds(change.gather);
    out.commit_us = microseconds(change.commit);
    out.recovery_us = microseconds(change.recovery);
    out.attempts = change.attempts;
    if (!change.before.members.empty()) out.before = base::to_string(change.before.ring);
    out.after = base::to_string(change.after.ring);
    for (const totem::Member& member : change.after.members) out.members.push_back(member.node);
    out.lost = without(change.before, change.after);
    out.joined = without(change.after, change.before);
    for (const totem::Finding& finding : change.findings) {
        out.findings.push_back(
            {finding.subject, finding.reporter, microseconds(finding.after), finding.evidence});
    }
    return out;
}

const char* word(totem::LinkState state) {
    switch (state) {
        case totem::LinkState::unknown:
            return "unknown";
        case totem::LinkState::up:
            return "up";
        case totem::LinkState::down:
            return "down";
        case totem::LinkState::only_in:
            return "blocked_out";
        case totem::LinkState::only_out:
            return "blocked_in";
    }
    return "unknown";
}

RingLink told(const totem::LinkStatus& link, base::Duration offset) {
    RingLink out;
    out.peer = link.peer;
    out.number = link.number;
    out.interface = link.interface;
    out.local = link.local;
    out.remote = link.remote;
    out.port = link.port;
    out.state = word(link.state);
    out.active = link.active;
    out.lifeline = link.lifeline;
    if (link.since.ns != 0) out.since = wall(link.since, offset);
    out.srtt_us = microseconds(link.srtt);
    out.rttvar_us = microseconds(link.rttvar);
    out.mtu = static_cast<std::uint32_t>(link.mtu);
    out.loss = link.loss;
    out.sent = link.sent;
    out.lost = link.lost;
    out.went_down = link.went_down;
    out.group = link.group;
    out.copies = link.copies;
    out.trouble = link.trouble;
    return out;
}

void put_ring(RingReply& out, const totem::RingStatus& ring) {
    out.phase = ring.phase;
    if (!ring.view.members.empty()) {
        out.ring_id = base::to_string(ring.view.ring);
        out.ring_sequence = ring.view.ring.seq;
        out.representative = ring.view.ring.representative;
    }
    for (const totem::Member& member : ring.view.members) out.members.push_back(member.node);
    out.rotation_us = microseconds(ring.rotation);
    out.tokens = ring.tokens;
    out.views = ring.views;
    out.delivered = ring.delivered;
    out.sent = ring.sent;
    out.retransmitted = ring.retransmitted;
    out.discarded = ring.dropped;
    out.queued_bytes = ring.queued_bytes;
    out.outstanding = ring.outstanding;
    out.window = ring.window;
    out.largest_window = ring.largest_window;
    out.other_version = ring.other_version;
    out.features = ring.features;
}

void put_frames(RingReply& out, const totem::EngineStatus& engine) {
    out.frames_received = engine.link.received;
    out.frames_sent = engine.link.sent;
    out.send_failed = engine.link.send_failed;
    out.last_send_error = engine.link.last_send_error;
    out.overflowed = engine.link.overflowed;
    out.receive_buffer = engine.link.receive_buffer;
    for (std::size_t i = 0; i < engine.rejected.size(); ++i) {
        out.rejected.push_back({totem::to_string(static_cast<totem::Rejected>(i)), engine.rejected[i]});
    }
    for (const totem::KeyStatus& key : engine.keys)
        out.keys.push_back({key.id, key.fingerprint, {key.senders.begin(), key.senders.end()}});
    out.wrong_source = engine.wrong_source;
    out.last_wrong_source = engine.last_wrong_source;
    out.last_foreign_source = engine.last_foreign_source;
}

RingNode told(const membership::NodeEntry& node) {
    RingNode out{node.id, node.name, node.addresses.front().ip};
    out.votes = node.votes;
    for (const membership::NodeAddress& address : node.addresses)
        out.addresses.push_back({address.link, address.ip});
    return out;
}

}  // namespace

// Votes are those of the nodes that know the cluster's state.
void Daemon::put_quorum(RingReply& out) const {
    const membership::QuorumState state = node_->quorum();
    out.quorate = node_->state().status.quorate;
    out.quorum_reason = state.reason;
    out.votes = state.votes;
    out.needed = state.needed;
    out.expected = state.expected;
    out.majority = state.majority;
    out.flags = state.flags;
}

RingReply Daemon::ring() const {
    RingReply reply;
    reply.cluster_name = config_.totem.cluster_name;
    reply.version = CUSTOS_VERSION;
    reply.node = host_name_;
    reply.phase = kWaiting;
    reply.token_us = microseconds(config_.totem.token);
    reply.consensus_us = microseconds(config_.totem.consensus_timeout());
    reply.join_us = microseconds(config_.totem.join);
    for (const membership::NodeEntry& node : config_.nodes) reply.nodes.push_back(told(node));
    for (const membership::Setting& setting : config_.settings)
        reply.settings.push_back({setting.key, setting.value});
    reply.waiting = waiting_for_;
    put_nodes(reply);
    if (!node_) return reply;
    const totem::EngineStatus engine = engine_->status();
    const base::Duration offset = wall_offset();
    reply.node = config_.find(self_)->name;
    reply.node_id = self_;
    for (RingNode& node : reply.nodes) {
        const auto known = node_->state().status.nodes.find(node.id);
        if (known != node_->state().status.nodes.end()) node.name = known->second.name;
    }
    if (!engine.bound) reply.waiting = engine.trouble;
    reply.trouble = engine.trouble;
    put_ring(reply, engine.ring);
    reply.synchronised = node_->synchronised();
    put_quorum(reply);
    reply.groups = groups_->told();
    put_keys(reply);
    reply.queue_limit = engine_config(self_, {}).ring.max_queued;
    put_frames(reply, engine);
    reply.pauses = engine.pauses;
    reply.longest_pause_us = microseconds(engine.longest_pause);
    reply.realtime = engine.realtime;
    reply.memory_locked = engine.memory_locked;
    for (const totem::LinkStatus& link : engine.links) reply.links.push_back(told(link, offset));
    for (const totem::MembershipChange& change : engine.changes)
        reply.changes.push_back(told(change, offset));
    tell_attendance(reply, attendance_, offset);
    return reply;
}

}  // namespace tools

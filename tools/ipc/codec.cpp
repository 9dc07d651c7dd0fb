#include "tools/ipc/codec.hpp"

#include <string>
#include <utility>

#include "control.pb.h"
#include "manager/model/codec.hpp"

namespace tools {
namespace {

namespace pb = custos::control;

base::Bytes serialized(const google::protobuf::MessageLite& message) {
    const std::string text = message.SerializeAsString();
    const base::ByteView view = base::as_bytes(text);
    return {view.begin(), view.end()};
}

bool parse(google::protobuf::MessageLite& message, base::ByteView bytes) {
    return bytes.size() <= kMaxFrame && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string as_string(const base::Bytes& bytes) {
    return std::string(base::as_text(bytes));
}

void put(pb::LocalFacts& out, const LocalFacts& in) {
    out.set_node(in.node);
    out.set_node_id(in.node_id.value);
    out.set_cluster_name(in.cluster_name);
    out.set_version(in.version);
    out.set_coordinator(in.coordinator);
    out.set_phase(in.phase);
    out.set_ring_id(in.ring_id);
    for (const base::NodeId member : in.members) out.add_members(member.value);
    out.set_synchronised(in.synchronised);
    out.set_quorum_reason(in.quorum_reason);
    for (const std::string& line : in.warnings) out.add_warnings(line);
    for (const std::string& line : in.notes) out.add_notes(line);
    out.set_ring_tokens(in.ring_tokens);
    out.set_ring_delivered(in.ring_delivered);
    out.set_ring_retransmitted(in.ring_retransmitted);
    out.set_ring_views(in.ring_views);
    out.set_ring_refused(in.ring_refused);
    out.set_rotation_us(in.rotation_us);
    out.set_last_change(in.last_change);
    pb::LocalLease& lease = *out.mutable_lease();
    lease.set_policy(in.lease.policy);
    lease.set_enforced(in.lease.enforced);
    lease.set_proven(in.lease.proven);
    lease.set_left_ms(in.lease.left_ms);
}

LocalFacts get(const pb::LocalFacts& in) {
    LocalFacts out;
    out.node = in.node();
    out.node_id = {in.node_id()};
    out.cluster_name = in.cluster_name();
    out.version = in.version();
    out.coordinator = in.coordinator();
    out.phase = in.phase();
    out.ring_id = in.ring_id();
    for (const std::uint32_t member : in.members()) out.members.push_back({member});
    out.synchronised = in.synchronised();
    out.quorum_reason = in.quorum_reason();
    out.warnings.assign(in.warnings().begin(), in.warnings().end());
    out.notes.assign(in.notes().begin(), in.notes().end());
    out.ring_tokens = in.ring_tokens();
    out.ring_delivered = in.ring_delivered();
    out.ring_retransmitted = in.ring_retransmitted();
    out.ring_views = in.ring_views();
    out.ring_refused = in.ring_refused();
    out.rotation_us = in.rotation_us();
    out.last_change = in.last_change();
    out.lease = {in.lease().policy(), in.lease().enforced(), in.lease().proven(), in.lease().left_ms()};
    return out;
}

template <typename Repeated>
void put_ids(Repeated& out, const std::vector<base::NodeId>& in) {
    for (const base::NodeId id : in) out.Add(id.value);
}

template <typename Repeated>
std::vector<base::NodeId> get_ids(const Repeated& in) {
    std::vector<base::NodeId> out;
    for (const std::uint32_t id : in) out.push_back({id});
    return out;
}

void put(pb::RingChange& out, const RingChange& in) {
    out.set_cause(in.cause);
    out.set_installed_ms(in.installed.ms);
    out.set_gather_us(in.gather_us);
    out.set_commit_us(in.commit_us);
    out.set_recovery_us(in.recovery_us);
    out.set_attempts(in.attempts);
    out.set_before(in.before);
    out.set_after(in.after);
    put_ids(*out.mutable_members(), in.members);
    put_ids(*out.mutable_lost(), in.lost);
    put_ids(*out.mutable_joined(), in.joined);
    for (const RingFinding& finding : in.findings) {
        pb::RingFinding& to = *out.add_findings();
        to.set_subject(finding.subject.value);
        to.set_reporter(finding.reporter.value);
        to.set_after_us(finding.after_us);
        to.set_evidence(finding.evidence);
    }
}

RingChange get(const pb::RingChange& in) {
    RingChange out;
    out.cause = in.cause();
    out.installed = {in.installed_ms()};
    out.gather_us = in.gather_us();
    out.commit_us = in.commit_us();
    out.recovery_us = in.recovery_us();
    out.attempts = in.attempts();
    out.before = in.before();
    out.after = in.after();
    out.members = get_ids(in.members());
    out.lost = get_ids(in.lost());
    out.joined = get_ids(in.joined());
    for (const pb::RingFinding& finding : in.findings()) {
        out.findings.push_back(
            {{finding.subject()}, {finding.reporter()}, finding.after_us(), finding.evidence()});
    }
    return out;
}

void put(pb::RingLink& out, const RingLink& in) {
    out.set_peer(in.peer.value);
    out.set_since_ms(in.since.ms);
    out.set_number(in.number);
    out.set_interface(in.interface);
    out.set_local(in.local);
    out.set_remote(in.remote);
    out.set_port(in.port);
    out.set_state(in.state);
    out.set_active(in.active);
    out.set_lifeline(in.lifeline);
    out.set_srtt_us(in.srtt_us);
    out.set_rttvar_us(in.rttvar_us);
    out.set_mtu(in.mtu);
    out.set_loss(in.loss);
    out.set_sent(in.sent);
    out.set_lost(in.lost);
    out.set_went_down(in.went_down);
    out.set_group(in.group);
    out.set_copies(in.copies);
    out.set_trouble(in.trouble);
}

RingLink get(const pb::RingLink& in) {
    RingLink out;
    out.peer = {in.peer()};
    out.since = {in.since_ms()};
    out.number = in.number();
    out.interface = in.interface();
    out.local = in.local();
    out.remote = in.remote();
    out.port = in.port();
    out.state = in.state();
    out.active = in.active();
    out.lifeline = in.lifeline();
    out.srtt_us = in.srtt_us();
    out.rttvar_us = in.rttvar_us();
    out.mtu = in.mtu();
    out.loss = in.loss();
    out.sent = in.sent();
    out.lost = in.lost();
    out.went_down = in.went_down();
    out.group = in.group();
    out.copies = in.copies();
    out.trouble = in.trouble();
    return out;
}

void put(pb::RingNode& out, const RingNode& in) {
    out.set_id(in.id.value);
    out.set_name(in.name);
    out.set_address(in.address);
    out.set_votes(in.votes);
    for (const RingAddress& address : in.addresses) {
        pb::RingAddress& to = *out.add_addresses();
        to.set_link(address.link);
        to.set_address(address.address);
    }
    out.set_joins(in.joins);
    out.set_since_ms(in.since.ms);
    out.set_cause(in.cause);
    out.set_why(in.why);
}

RingNode get(const pb::RingNode& in) {
    RingNode out{{in.id()}, in.name(), in.address()};
    out.votes = in.votes();
    for (const pb::RingAddress& address : in.addresses())
        out.addresses.push_back({address.link(), address.address()});
    out.joins = in.joins();
    out.since = {in.since_ms()};
    out.cause = in.cause();
    out.why = in.why();
    return out;
}

// Votes, the node file and the groups.
void put_membership(pb::RingReply& out, const RingReply& in) {
    out.set_ring_sequence(in.ring_sequence);
    out.set_representative(in.representative.value);
    out.set_votes(in.votes);
    out.set_needed(in.needed);
    out.set_expected(in.expected);
    out.set_majority(in.majority);
    for (const std::string& flag : in.flags) out.add_flags(flag);
    out.set_join_us(in.join_us);
    for (const RingNode& node : in.nodes) put(*out.add_nodes(), node);
    for (const RingSetting& setting : in.settings) {
        pb::RingSetting& to = *out.add_settings();
        to.set_key(setting.key);
        to.set_value(setting.value);
    }
    for (const RingKeyHolder& holder : in.key_holders) {
        pb::RingKeyHolder& to = *out.add_key_holders();
        to.set_node(holder.node.value);
        to.set_sends(holder.sends);
        to.set_accepts(holder.accepts);
    }
    out.set_key_change(in.key_change);
    out.set_key_trouble(in.key_trouble);
    out.set_nodes_version(in.nodes_version);
    out.set_nodes_counted(in.nodes_counted);
    out.set_nodes_change(in.nodes_change);
    out.set_two_node_ended(in.two_node_ended);
    for (const RingGroup& group : in.groups) {
        pb::RingGroup& to = *out.add_groups();
        to.set_name(group.name);
        for (const RingGroupMember& member : group.members) {
            pb::RingGroupMember& one = *to.add_members();
            one.set_node(member.node.value);
            one.set_pid(member.pid);
        }
    }
}

void get_membership(RingReply& out, const pb::RingReply& in) {
    out.ring_sequence = in.ring_sequence();
    out.representative = {in.representative()};
    out.votes = in.votes();
    out.needed = in.needed();
    out.expected = in.expected();
    out.majority = in.majority();
    out.flags.assign(in.flags().begin(), in.flags().end());
    out.join_us = in.join_us();
    for (const pb::RingNode& node : in.nodes()) out.nodes.push_back(get(node));
    for (const pb::RingSetting& setting : in.settings())
        out.settings.push_back({setting.key(), setting.value()});
    for (const pb::RingKeyHolder& holder : in.key_holders())
        out.key_holders.push_back({{holder.node()}, holder.sends(), holder.accepts()});
    out.key_change = in.key_change();
    out.key_trouble = in.key_trouble();
    out.nodes_version = in.nodes_version();
    out.nodes_counted = in.nodes_counted();
    out.nodes_change = in.nodes_change();
    out.two_node_ended = in.two_node_ended();
    for (const pb::RingGroup& group : in.groups()) {
        RingGroup& to = out.groups.emplace_back();
        to.name = group.name();
        for (const pb::RingGroupMember& member : group.members())
            to.members.push_back({{member.node()}, member.pid()});
    }
}

void put(pb::RingReply& out, const RingReply& in) {
    out.set_cluster_name(in.cluster_name);
    out.set_version(in.version);
    out.set_node(in.node);
    out.set_waiting(in.waiting);
    out.set_trouble(in.trouble);
    out.set_phase(in.phase);
    out.set_ring_id(in.ring_id);
    out.set_synchronised(in.synchronised);
    out.set_quorate(in.quorate);
    out.set_quorum_reason(in.quorum_reason);
    out.set_token_us(in.token_us);
    out.set_consensus_us(in.consensus_us);
    out.set_rotation_us(in.rotation_us);
    out.set_tokens(in.tokens);
    out.set_views(in.views);
    out.set_delivered(in.delivered);
    out.set_sent(in.sent);
    out.set_retransmitted(in.retransmitted);
    out.set_discarded(in.discarded);
    out.set_queued_bytes(in.queued_bytes);
    out.set_queue_limit(in.queue_limit);
    out.set_outstanding(in.outstanding);
    out.set_window(in.window);
    out.set_largest_window(in.largest_window);
    out.set_other_version(in.other_version);
    out.set_features(in.features);
    out.set_frames_received(in.frames_received);
    out.set_frames_sent(in.frames_sent);
    out.set_send_failed(in.send_failed);
    out.set_last_send_error(in.last_send_error);
    out.set_overflowed(in.overflowed);
    out.set_receive_buffer(in.receive_buffer);
    out.set_wrong_source(in.wrong_source);
    out.set_last_wrong_source(in.last_wrong_source);
    out.set_last_foreign_source(in.last_foreign_source);
    out.set_pauses(in.pauses);
    out.set_longest_pause_us(in.longest_pause_us);
    out.set_realtime(in.realtime);
    out.set_memory_locked(in.memory_locked);
    out.set_node_id(in.node_id.value);
    put_ids(*out.mutable_members(), in.members);
    put_membership(out, in);
    for (const RingRejected& rejected : in.rejected) {
        pb::RingRejected& to = *out.add_rejected();
        to.set_reason(rejected.reason);
        to.set_frames(rejected.frames);
    }
    for (const RingKey& key : in.keys) {
        pb::RingKey& to = *out.add_keys();
        to.set_id(key.id);
        to.set_fingerprint(key.fingerprint);
        put_ids(*to.mutable_senders(), key.senders);
    }
    for (const RingLink& link : in.links) put(*out.add_links(), link);
    for (const RingChange& change : in.changes) put(*out.add_changes(), change);
}

RingReply get(const pb::RingReply& in) {
    RingReply out;
    out.cluster_name = in.cluster_name();
    out.version = in.version();
    out.node = in.node();
    out.waiting = in.waiting();
    out.trouble = in.trouble();
    out.phase = in.phase();
    out.ring_id = in.ring_id();
    out.synchronised = in.synchronised();
    out.quorate = in.quorate();
    out.quorum_reason = in.quorum_reason();
    out.token_us = in.token_us();
    out.consensus_us = in.consensus_us();
    out.rotation_us = in.rotation_us();
    out.tokens = in.tokens();
    out.views = in.views();
    out.delivered = in.delivered();
    out.sent = in.sent();
    out.retransmitted = in.retransmitted();
    out.discarded = in.discarded();
    out.queued_bytes = in.queued_bytes();
    out.queue_limit = in.queue_limit();
    out.outstanding = in.outstanding();
    out.window = in.window();
    out.largest_window = in.largest_window();
    out.other_version = in.other_version();
    out.features = in.features();
    out.frames_received = in.frames_received();
    out.frames_sent = in.frames_sent();
    out.send_failed = in.send_failed();
    out.last_send_error = in.last_send_error();
    out.overflowed = in.overflowed();
    out.receive_buffer = in.receive_buffer();
    out.wrong_source = in.wrong_source();
    out.last_wrong_source = in.last_wrong_source();
    out.last_foreign_source = in.last_foreign_source();
    out.pauses = in.pauses();
    out.longest_pause_us = in.longest_pause_us();
    out.realtime = in.realtime();
    out.memory_locked = in.memory_locked();
    out.node_id = {in.node_id()};
    out.members = get_ids(in.members());
    get_membership(out, in);
    for (const pb::RingRejected& rejected : in.rejected())
        out.rejected.push_back({rejected.reason(), rejected.frames()});
    for (const pb::RingKey& key : in.keys())
        out.keys.push_back({key.id(), key.fingerprint(), get_ids(key.senders())});
    for (const pb::RingLink& link : in.links()) out.links.push_back(get(link));
    for (const pb::RingChange& change : in.changes()) out.changes.push_back(get(change));
    return out;
}

struct RequestWriter {
    pb::Request& out;
    void operator()(const GetStatus& /*request*/) const { out.mutable_get_status(); }
    void operator()(const RunCommand& request) const {
        out.set_command(as_string(manager::encode(request.command)));
    }
    void operator()(const WaitConverged& request) const {
        out.mutable_wait_converged()->set_version(request.version);
    }
    void operator()(const Shutdown& /*request*/) const { out.mutable_shutdown(); }
    void operator()(const GetRing& /*request*/) const { out.mutable_get_ring(); }
    void operator()(const RotateKey& request) const { out.mutable_rotate_key()->set_wait(request.wait); }
    void operator()(const CancelWaitForAll& /*request*/) const { out.mutable_cancel_wait_for_all(); }
    void operator()(const AddNode& request) const {
        out.mutable_add_node()->set_name(request.name);
        for (const std::string& address : request.addresses) out.mutable_add_node()->add_addresses(address);
    }
    void operator()(const RemoveNode& request) const {
        out.mutable_remove_node()->set_name(request.name);
        out.mutable_remove_node()->set_vouched(request.vouched);
    }
    void operator()(const ReloadNodeFile& /*request*/) const { out.mutable_reload_node_file(); }
};

struct ReplyWriter {
    pb::Reply& out;
    void operator()(const StatusReply& reply) const {
        pb::StatusReply& status = *out.mutable_status();
        put(*status.mutable_local(), reply.local);
        status.set_configuration(as_string(manager::encode(reply.configuration)));
        status.set_status(as_string(manager::encode(reply.status)));
    }
    void operator()(const CommandReply& reply) const {
        out.mutable_command()->set_version(reply.version);
        out.mutable_command()->set_remark(reply.remark);
        out.mutable_command()->set_under_way(reply.under_way);
    }
    void operator()(const Converged& reply) const {
        out.mutable_converged()->set_version(reply.version);
        for (const std::string& problem : reply.problems) out.mutable_converged()->add_problems(problem);
    }
    void operator()(const ShutdownReply& /*reply*/) const { out.mutable_shutdown(); }
    void operator()(const Refused& reply) const { out.set_refused(reply.message); }
    void operator()(const RingReply& reply) const { put(*out.mutable_ring(), reply); }
};

base::Error malformed(const char* what) {
    return {base::Errc::invalid, std::string("not a ") + what +
                                     " of this version: are the command and the daemon of the same release?"};
}

base::Result<Reply> status_reply(const pb::StatusReply& in) {
    StatusReply out;
    out.local = get(in.local());
    TRY(out.configuration, manager::decode_configuration(base::as_bytes(in.configuration())));
    TRY(out.status, manager::decode_status(base::as_bytes(in.status())));
    return Reply{std::move(out)};
}

}  // namespace

base::Bytes encode(const Request& request) {
    pb::Request out;
    std::visit(RequestWriter{out}, request);
    return serialized(out);
}

base::Result<Request> decode_request(base::ByteView bytes) {
    pb::Request in;
    if (!parse(in, bytes)) return malformed("request");
    switch (in.kind_case()) {
        case pb::Request::kGetStatus:
            return Request{GetStatus{}};
        case pb::Request::kCommand: {
            TRY(manager::Command command, manager::decode_command(base::as_bytes(in.command())));
            return Request{RunCommand{std::move(command)}};
        }
        case pb::Request::kWaitConverged:
            return Request{WaitConverged{in.wait_converged().version()}};
        case pb::Request::kShutdown:
            return Request{Shutdown{}};
        case pb::Request::kGetRing:
            return Request{GetRing{}};
        case pb::Request::kCancelWaitForAll:
            return Request{CancelWaitForAll{}};
        case pb::Request::kRotateKey:
            return Request{RotateKey{in.rotate_key().wait()}};
        case pb::Request::kAddNode: {
            AddNode add{in.add_node().name(), {}};
            add.addresses.assign(in.add_node().addresses().begin(), in.add_node().addresses().end());
            return Request{std::move(add)};
        }
        case pb::Request::kRemoveNode:
            return Request{RemoveNode{in.remove_node().name(), in.remove_node().vouched()}};
        case pb::Request::kReloadNodeFile:
            return Request{ReloadNodeFile{}};
        case pb::Request::KIND_NOT_SET:
            break;
    }
    return malformed("request");
}

base::Bytes encode(const Reply& reply) {
    pb::Reply out;
    std::visit(ReplyWriter{out}, reply);
    return serialized(out);
}

base::Result<Reply> decode_reply(base::ByteView bytes) {
    pb::Reply in;
    if (!parse(in, bytes)) return malformed("reply");
    switch (in.kind_case()) {
        case pb::Reply::kStatus:
            return status_reply(in.status());
        case pb::Reply::kCommand:
            return Reply{
                CommandReply{in.command().version(), in.command().remark(), in.command().under_way()}};
        case pb::Reply::kConverged: {
            Converged out{in.converged().version(), {}};
            out.problems.assign(in.converged().problems().begin(), in.converged().problems().end());
            return Reply{std::move(out)};
        }
        case pb::Reply::kShutdown:
            return Reply{ShutdownReply{}};
        case pb::Reply::kRefused:
            return Reply{Refused{in.refused()}};
        case pb::Reply::kRing:
            return Reply{get(in.ring())};
        case pb::Reply::KIND_NOT_SET:
            break;
    }
    return malformed("reply");
}

base::Result<base::Bytes> frame(base::ByteView payload) {
    if (payload.size() > kMaxFrame) {
        return base::Error{base::Errc::invalid, "a message of " + std::to_string(payload.size()) +
                                                    " bytes is too long for the control socket"};
    }
    base::Bytes out;
    out.reserve(kFrameHeader + payload.size());
    base::ByteWriter(out).blob(payload);
    return out;
}

base::Result<std::size_t> payload_length(base::ByteView header) {
    base::ByteReader reader(header);
    const std::size_t length = reader.u32();
    if (!reader.done() || length == 0 || length > kMaxFrame) {
        return base::Error{base::Errc::invalid,
                           "the other end of the control socket does not speak its protocol"};
    }
    return length;
}

}  // namespace tools

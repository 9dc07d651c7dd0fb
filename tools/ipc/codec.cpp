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
    }
    void operator()(const Converged& reply) const {
        out.mutable_converged()->set_version(reply.version);
        for (const std::string& problem : reply.problems) out.mutable_converged()->add_problems(problem);
    }
    void operator()(const ShutdownReply& /*reply*/) const { out.mutable_shutdown(); }
    void operator()(const Refused& reply) const { out.set_refused(reply.message); }
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
            return Reply{CommandReply{in.command().version(), in.command().remark()}};
        case pb::Reply::kConverged: {
            Converged out{in.converged().version(), {}};
            out.problems.assign(in.converged().problems().begin(), in.converged().problems().end());
            return Reply{std::move(out)};
        }
        case pb::Reply::kShutdown:
            return Reply{ShutdownReply{}};
        case pb::Reply::kRefused:
            return Reply{Refused{in.refused()}};
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

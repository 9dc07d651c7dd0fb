#include "agents/runner/codec.hpp"

#include "runner.pb.h"

namespace agents {

namespace {

namespace wire = custos::agents::wire;
using base::Errc;
using base::Error;
using manager::Attributes;

using WireAttributes = google::protobuf::RepeatedPtrField<wire::Attribute>;

void put(const Attributes& from, WireAttributes& into) {
    for (const auto& [name, value] : from) {
        auto* attribute = into.Add();
        attribute->set_name(name);
        attribute->set_value(value);
    }
}

Attributes get(const WireAttributes& from) {
    Attributes attributes;
    for (const auto& attribute : from) attributes[attribute.name()] = attribute.value();
    return attributes;
}

void put(const manager::OperationRequest& from, wire::Operation& into) {
    into.set_id(from.id);
    into.set_resource(from.resource);
    into.set_standard(from.agent.standard);
    into.set_provider(from.agent.provider);
    into.set_type(from.agent.type);
    into.set_action(from.action);
    into.set_interval_ns(from.interval.ns);
    into.set_timeout_ns(from.timeout.ns);
    put(from.params, *into.mutable_params());
    put(from.meta, *into.mutable_meta());
    put(from.op_attributes, *into.mutable_op_attributes());
    into.set_node(from.node);
}

manager::OperationRequest get(const wire::Operation& from) {
    manager::OperationRequest request;
    request.id = from.id();
    request.resource = from.resource();
    request.agent = {from.standard(), from.provider(), from.type()};
    request.action = from.action();
    request.interval = {from.interval_ns()};
    request.timeout = {from.timeout_ns()};
    request.params = get(from.params());
    request.meta = get(from.meta());
    request.op_attributes = get(from.op_attributes());
    request.node = from.node();
    return request;
}

template <typename Message>
base::Bytes frame(const Message& message) {
    base::Bytes bytes;
    const std::string body = message.SerializeAsString();
    base::ByteWriter(bytes).text(body);
    return bytes;
}

template <typename Message>
bool parse(base::ByteView body, Message& message) {
    return message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

Error malformed() {
    return {Errc::invalid, "malformed message between core and runner"};
}

}  // namespace

base::Bytes encode_frame(const ToRunner& message) {
    wire::ToRunner out;
    if (const auto* request = std::get_if<manager::OperationRequest>(&message))
        put(*request, *out.mutable_start());
    if (const auto* cancel = std::get_if<CancelRecurring>(&message))
        out.set_cancel_recurring(cancel->resource);
    if (std::holds_alternative<PersistNonlocalBind>(message)) out.mutable_persist_nonlocal_bind();
    if (const auto* key = std::get_if<WriteKey>(&message)) out.set_write_key(key->text);
    if (const auto* file = std::get_if<WriteNodeFile>(&message)) {
        auto* into = out.mutable_write_node_file();
        into->set_text(file->text);
        into->set_from(file->from);
        into->set_keep(file->keep);
    }
    return frame(out);
}

base::Bytes encode_frame(const FromRunner& message) {
    wire::FromRunner out;
    if (const auto* result = std::get_if<manager::OperationResult>(&message)) {
        auto* into = out.mutable_result();
        into->set_id(result->id);
        into->set_code(result->code);
        into->set_reason(result->reason);
        into->set_duration_ns(result->duration.ns);
    }
    if (const auto* note = std::get_if<RunnerNote>(&message)) out.set_note(note->text);
    if (const auto* written = std::get_if<KeyWritten>(&message)) out.set_key_written(written->trouble);
    if (const auto* written = std::get_if<NodeFileWritten>(&message)) {
        out.mutable_node_file_written()->set_trouble(written->trouble);
        out.mutable_node_file_written()->set_edit(written->edit);
    }
    return frame(out);
}

base::Result<ToRunner> decode_to_runner(base::ByteView body) {
    wire::ToRunner in;
    if (!parse(body, in)) return malformed();
    switch (in.kind_case()) {
        case wire::ToRunner::kStart:
            return ToRunner{get(in.start())};
        case wire::ToRunner::kCancelRecurring:
            return ToRunner{CancelRecurring{in.cancel_recurring()}};
        case wire::ToRunner::kPersistNonlocalBind:
            return ToRunner{PersistNonlocalBind{}};
        case wire::ToRunner::kWriteKey:
            return ToRunner{WriteKey{in.write_key()}};
        case wire::ToRunner::kWriteNodeFile:
            return ToRunner{WriteNodeFile{in.write_node_file().text(), in.write_node_file().from(),
                                          in.write_node_file().keep()}};
        case wire::ToRunner::KIND_NOT_SET:
            break;
    }
    return malformed();
}

base::Result<FromRunner> decode_from_runner(base::ByteView body) {
    wire::FromRunner in;
    if (!parse(body, in)) return malformed();
    switch (in.kind_case()) {
        case wire::FromRunner::kResult: {
            const auto& r = in.result();
            return FromRunner{manager::OperationResult{r.id(), r.code(), r.reason(), {r.duration_ns()}}};
        }
        case wire::FromRunner::kNote:
            return FromRunner{RunnerNote{in.note()}};
        case wire::FromRunner::kKeyWritten:
            return FromRunner{KeyWritten{in.key_written()}};
        case wire::FromRunner::kNodeFileWritten:
            return FromRunner{
                NodeFileWritten{in.node_file_written().trouble(), in.node_file_written().edit()}};
        case wire::FromRunner::KIND_NOT_SET:
            break;
    }
    return malformed();
}

base::Result<std::optional<base::Bytes>> FrameBuffer::next() {
    base::ByteReader reader(bytes_);
    const std::uint32_t size = reader.u32();
    if (!reader.ok()) return std::optional<base::Bytes>{};
    if (size > kMaxBody) return Error{Errc::invalid, "a frame of " + std::to_string(size) + " bytes"};
    const base::ByteView body = reader.raw(size);
    if (!reader.ok()) return std::optional<base::Bytes>{};
    base::Bytes out(body.begin(), body.end());
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(4 + std::size_t{size}));
    return std::optional<base::Bytes>(std::move(out));
}

}  // namespace agents

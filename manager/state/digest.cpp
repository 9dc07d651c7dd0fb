#include "manager/state/digest.hpp"

#include <openssl/sha.h>

namespace manager {

namespace {

void write(base::ByteWriter& out, const Attributes& attributes) {
    out.u32(static_cast<std::uint32_t>(attributes.size()));
    for (const auto& [name, value] : attributes) {
        out.text(name);
        out.text(value);
    }
}

void write_score(base::ByteWriter& out, Score score) {
    out.u32(static_cast<std::uint32_t>(score.value));
}

void write(base::ByteWriter& out, const Primitive& p) {
    out.text(p.id);
    out.text(p.agent.standard);
    out.text(p.agent.provider);
    out.text(p.agent.type);
    write(out, p.params);
    write(out, p.meta);
    out.u32(static_cast<std::uint32_t>(p.operations.size()));
    for (const OperationSpec& op : p.operations) {
        out.text(op.name);
        out.u64(static_cast<std::uint64_t>(op.interval.ns));
        out.text(op.interval_text);
        write(out, op.attributes);
    }
    out.text(p.description);
}

void write(base::ByteWriter& out, const ResourceOnNode& r) {
    out.u8(static_cast<std::uint8_t>(r.activity));
    out.u8(
        static_cast<std::uint8_t>(r.monitored | r.cannot_run << 1 | r.blocked << 2 | r.found_by_probe << 3));
    out.u32(r.fail_count);
    out.u8(r.failure ? 1 : 0);
    if (r.failure) {
        out.text(r.failure->operation);
        out.u64(static_cast<std::uint64_t>(r.failure->interval.ns));
        out.u32(static_cast<std::uint32_t>(r.failure->code));
        out.text(r.failure->reason);
        out.u64(static_cast<std::uint64_t>(r.failure->when.ms));
    }
    out.text(r.started_params);
    out.text(r.monitored_digest);
    out.u64(r.revision);
}

void write(base::ByteWriter& out, const NodeStatus& n) {
    out.text(n.name);
    out.u8(static_cast<std::uint8_t>(n.clearance));
    out.u64(n.incarnation.value);
    out.text(n.why);
    out.u64(n.member_since);
    out.u8(static_cast<std::uint8_t>(n.leaving | n.left << 1));
    out.u64(n.reports);
    out.u32(static_cast<std::uint32_t>(n.resources.size()));
    for (const auto& [id, record] : n.resources) {
        out.text(id);
        write(out, record);
    }
}

}  // namespace

Digest digest(base::ByteView bytes) {
    Digest out{};
    SHA256(bytes.data(), bytes.size(), out.data());
    return out;
}

std::string short_text(const Digest& digest) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) {
        text += kHex[digest[i] >> 4];
        text += kHex[digest[i] & 15];
    }
    return text;
}

void write_canonical(base::ByteWriter& out, const Configuration& config) {
    out.u64(config.version);
    out.u32(static_cast<std::uint32_t>(config.primitives.size()));
    for (const Primitive& p : config.primitives) write(out, p);
    out.u32(static_cast<std::uint32_t>(config.locations.size()));
    for (const Location& l : config.locations) {
        out.text(l.id);
        out.text(l.resource);
        out.text(l.node);
        write_score(out, l.score);
    }
    out.u32(static_cast<std::uint32_t>(config.colocations.size()));
    for (const Colocation& c : config.colocations) {
        out.text(c.id);
        out.text(c.resource);
        out.text(c.with);
        write_score(out, c.score);
    }
    out.u32(static_cast<std::uint32_t>(config.orders.size()));
    for (const Order& o : config.orders) {
        out.text(o.id);
        out.text(o.first);
        out.text(o.then);
        out.u8(static_cast<std::uint8_t>(o.kind));
        out.u8(o.symmetrical ? 1 : 0);
    }
    out.u32(static_cast<std::uint32_t>(config.nodes.size()));
    for (const NodeObject& n : config.nodes) {
        out.text(n.name);
        out.u32(n.id);
        write(out, n.attributes);
    }
    write(out, config.properties);
    write(out, config.rsc_defaults);
    write(out, config.op_defaults);
}

void write_canonical(base::ByteWriter& out, const ClusterStatus& status) {
    out.u32(static_cast<std::uint32_t>(status.nodes.size()));
    for (const auto& [id, node] : status.nodes) {
        out.u32(id.value);
        write(out, node);
    }
    out.u32(static_cast<std::uint32_t>(status.actions.size()));
    for (const PlannedAction& a : status.actions) {
        out.u64(a.id);
        out.u32(a.node.value);
        out.text(a.resource);
        out.text(a.operation);
        out.u32(static_cast<std::uint32_t>(a.after.size()));
        for (const std::uint64_t id : a.after) out.u64(id);
        out.u64(a.base_revision);
        out.u8(static_cast<std::uint8_t>(a.state));
        out.text(a.why);
    }
    out.u32(static_cast<std::uint32_t>(status.former.size()));
    for (const auto& [id, primitive] : status.former) write(out, primitive);
    out.u8(status.quorate ? 1 : 0);
}

}  // namespace manager

#include "membership/sync/message.hpp"

#include <algorithm>

namespace membership::sync {

namespace {

enum class Kind : std::uint8_t { hello, data, chunk, mark, report };
constexpr std::uint8_t kCurrent = 1, kDiverged = 2;

base::Bytes begin(ServiceId service, Kind kind, std::size_t body) {
    base::Bytes out;
    out.reserve(kHeaderSize + body);
    base::ByteWriter w(out);
    w.u8(service);
    w.u8(static_cast<std::uint8_t>(kind));
    return out;
}

Digest read_digest(base::ByteReader& in) {
    Digest digest{};
    const base::ByteView bytes = in.raw(digest.size());
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
}

std::optional<Hello> decode_hello(base::ByteReader& in) {
    Hello hello;
    hello.ring_seq = in.u64();
    hello.lineage.ring.seq = in.u64();
    hello.lineage.ring.representative.value = in.u32();
    hello.lineage.ring.members = in.u64();
    hello.lineage.lowest.value = in.u32();
    const std::size_t count = in.u8();
    if (count > kMaxServices) return std::nullopt;
    ServiceId last = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Hello::Entry entry;
        entry.service = in.u8();
        const std::uint8_t flags = in.u8();
        entry.current = (flags & kCurrent) != 0;
        entry.diverged = (flags & kDiverged) != 0;
        entry.standing.digest = read_digest(in);
        const base::ByteView payload = in.blob();
        const bool ascending = entry.service > last;
        if (!in.ok() || !ascending || flags > (kCurrent | kDiverged) || payload.size() > kMaxStanding)
            return std::nullopt;
        last = entry.service;
        entry.standing.payload.assign(payload.begin(), payload.end());
        hello.services.push_back(std::move(entry));
    }
    return in.done() ? std::optional(std::move(hello)) : std::nullopt;
}

std::optional<Chunk> decode_chunk(base::ByteReader& in) {
    Chunk chunk;
    chunk.total = in.u64();
    chunk.offset = in.u64();
    chunk.bytes = in.raw(in.left());
    const bool fits = chunk.offset <= chunk.total && chunk.bytes.size() <= chunk.total - chunk.offset;
    return in.done() && fits ? std::optional(chunk) : std::nullopt;
}

std::optional<Report> decode_report(base::ByteReader& in) {
    Report report;
    report.mark.value = in.u64();
    const std::uint8_t has = in.u8();
    if (has == 1) report.digest = read_digest(in);
    return in.done() && has <= 1 ? std::optional(report) : std::nullopt;
}

}  // namespace

base::Bytes encode(const Hello& hello) {
    ASSERT(hello.services.size() <= kMaxServices);
    base::Bytes out = begin(0, Kind::hello, 64);
    base::ByteWriter w(out);
    w.u64(hello.ring_seq);
    w.u64(hello.lineage.ring.seq);
    w.u32(hello.lineage.ring.representative.value);
    w.u64(hello.lineage.ring.members);
    w.u32(hello.lineage.lowest.value);
    w.u8(static_cast<std::uint8_t>(hello.services.size()));
    for (const Hello::Entry& entry : hello.services) {
        ASSERT(entry.standing.payload.size() <= kMaxStanding);
        w.u8(entry.service);
        w.u8(static_cast<std::uint8_t>((entry.current ? kCurrent : 0) | (entry.diverged ? kDiverged : 0)));
        w.raw(entry.standing.digest);
        w.blob(entry.standing.payload);
    }
    return out;
}

base::Bytes encode(ServiceId service, const Data& data) {
    base::Bytes out = begin(service, Kind::data, data.payload.size());
    base::ByteWriter(out).raw(data.payload);
    return out;
}

base::Bytes encode(ServiceId service, const Chunk& chunk) {
    base::Bytes out = begin(service, Kind::chunk, 16 + chunk.bytes.size());
    base::ByteWriter w(out);
    w.u64(chunk.total);
    w.u64(chunk.offset);
    w.raw(chunk.bytes);
    return out;
}

base::Bytes encode(ServiceId service, const Mark& /*mark*/) {
    return begin(service, Kind::mark, 0);
}

base::Bytes encode(ServiceId service, const Report& report) {
    base::Bytes out = begin(service, Kind::report, 41);
    base::ByteWriter w(out);
    w.u64(report.mark.value);
    w.u8(report.digest ? 1 : 0);
    if (report.digest) w.raw(*report.digest);
    return out;
}

std::optional<Decoded> decode(base::ByteView bytes) {
    base::ByteReader in(bytes);
    Decoded out;
    out.service = in.u8();
    const auto kind = static_cast<Kind>(in.u8());
    // Sync itself says hello and nothing else, and nobody else does.
    if (!in.ok() || (out.service == 0) != (kind == Kind::hello)) return std::nullopt;
    const auto keep = [&out](auto body) {
        if (!body) return std::optional<Decoded>{};
        out.body = *std::move(body);
        return std::optional(std::move(out));
    };
    switch (kind) {
        case Kind::hello:
            return keep(decode_hello(in));
        case Kind::data:
            return keep(std::optional(Data{in.raw(in.left())}));
        case Kind::chunk:
            return keep(decode_chunk(in));
        case Kind::mark:
            return keep(in.done() ? std::optional(Mark{}) : std::nullopt);
        case Kind::report:
            return keep(decode_report(in));
    }
    return std::nullopt;
}

}  // namespace membership::sync

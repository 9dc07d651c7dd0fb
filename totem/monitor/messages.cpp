#include "totem/monitor/messages.hpp"

#include <algorithm>

#include "totem/base/check.hpp"

namespace totem {
namespace {

enum Kind : std::uint8_t { kHeartbeat = 1, kProbe = 2, kAnswer = 3, kPiece = 4, kGroupBeat = 5, kOffer = 6 };

constexpr std::size_t kPaddingField = 2;
constexpr std::uint8_t kHears = 1, kHearsGroup = 2;
constexpr std::uint8_t kUrgent = 1;

void put(base::ByteWriter& out, const LinkReport& report) {
    constexpr std::int64_t kLongest = 0xffffffff;
    out.u8(report.link);
    out.u8(static_cast<std::uint8_t>((report.hears ? kHears : 0) | (report.hears_group ? kHearsGroup : 0)));
    out.u32(report.heard);
    out.u32(report.mask);
    out.u32(static_cast<std::uint32_t>(std::clamp<std::int64_t>(report.hold.ns / 1000, 0, kLongest)));
    out.u32(report.group_sent);
}

LinkReport get_report(base::ByteReader& in) {
    LinkReport out;
    out.link = in.u8();
    const std::uint8_t flags = in.u8();
    out.hears = (flags & kHears) != 0;
    out.hears_group = (flags & kHearsGroup) != 0;
    out.heard = in.u32();
    out.mask = in.u32();
    out.hold = base::microseconds(in.u32());
    out.group_sent = in.u32();
    return out;
}

std::optional<LinkMessage> get_heartbeat(base::ByteReader& in) {
    Heartbeat out;
    out.link = in.u8();
    out.number = in.u32();
    const std::size_t count = in.u8();
    if (out.link >= kMaxLinks || out.number == 0 || count > kMaxLinks) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        const LinkReport report = get_report(in);
        if (report.link >= kMaxLinks || (report.heard == 0 && report.mask != 0)) return std::nullopt;
        out.reports.push_back(report);
    }
    out.heard = base::Heard::read(in);
    out.of = {in.u64()};
    out.urgent = (in.u8() & kUrgent) != 0;
    out.word = in.u32();
    out.roster.counted = in.u64();
    out.roster.mark = in.u64();
    if (out.word != 0 && out.of.value == 0) return std::nullopt;  // to whom?
    return out;
}

template <typename T>
std::optional<LinkMessage> get_probe(base::ByteReader& in) {
    T out;
    out.link = in.u8();
    out.id = in.u32();
    if (out.link >= kMaxLinks) return std::nullopt;
    return out;
}

std::optional<LinkMessage> get_group_beat(base::ByteReader& in) {
    GroupBeat out;
    out.link = in.u8();
    out.number = in.u32();
    if (out.link >= kMaxLinks || out.number == 0) return std::nullopt;
    return out;
}

std::optional<LinkMessage> get_piece(base::ByteReader& in) {
    Piece out;
    out.id = in.u32();
    out.index = in.u8();
    out.count = in.u8();
    out.bytes = in.raw(in.left());
    if (!in.ok() || out.count < 2 || out.count > kMaxPieces || out.index >= out.count || out.bytes.empty())
        return std::nullopt;
    return out;
}

}  // namespace

base::Bytes encode(const LinkMessage& message, std::size_t size) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.u8(kLinkMark);
    if (const auto* piece = std::get_if<Piece>(&message)) {
        out.u8(kPiece);
        out.u32(piece->id);
        out.u8(piece->index);
        out.u8(piece->count);
        ASSERT(bytes.size() == kPieceHeader);
        out.raw(piece->bytes);
        return bytes;
    }
    if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        out.u8(kHeartbeat);
        out.u8(beat->link);
        out.u32(beat->number);
        out.u8(static_cast<std::uint8_t>(beat->reports.size()));
        for (const LinkReport& report : beat->reports) put(out, report);
        beat->heard.write(out);
        out.u64(beat->of.value);
        out.u8(beat->urgent ? kUrgent : 0);
        out.u32(beat->word);
        out.u64(beat->roster.counted);
        out.u64(beat->roster.mark);
    } else if (const auto* probe = std::get_if<SizeProbe>(&message)) {
        out.u8(kProbe);
        out.u8(probe->link);
        out.u32(probe->id);
    } else if (const auto* answer = std::get_if<SizeAnswer>(&message)) {
        out.u8(kAnswer);
        out.u8(answer->link);
        out.u32(answer->id);
    } else if (const auto* group = std::get_if<GroupBeat>(&message)) {
        out.u8(kGroupBeat);
        out.u8(group->link);
        out.u32(group->number);
    } else if (const auto* offer = std::get_if<RosterOffer>(&message)) {
        out.u8(kOffer);
        out.blob(offer->list);
    }
    const std::size_t used = bytes.size() + kPaddingField;
    const std::size_t padding = size > used ? std::min<std::size_t>(size - used, 0xffff) : 0;
    out.u16(static_cast<std::uint16_t>(padding));
    bytes.resize(bytes.size() + padding);
    return bytes;
}

std::optional<LinkMessage> decode_link_message(base::ByteView body) {
    base::ByteReader in(body);
    if (in.u8() != kLinkMark) return std::nullopt;
    const std::uint8_t kind = in.u8();
    if (kind == kPiece) return get_piece(in);
    std::optional<LinkMessage> out;
    if (kind == kHeartbeat) out = get_heartbeat(in);
    if (kind == kProbe) out = get_probe<SizeProbe>(in);
    if (kind == kAnswer) out = get_probe<SizeAnswer>(in);
    if (kind == kGroupBeat) out = get_group_beat(in);
    if (kind == kOffer) {
        const base::ByteView list = in.blob();
        out = RosterOffer{base::Bytes(list.begin(), list.end())};
    }
    const std::size_t padding = in.u16();
    static_cast<void>(in.raw(padding));
    if (!in.done()) return std::nullopt;
    return out;
}

}  // namespace totem

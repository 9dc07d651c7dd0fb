#include "agents/guard/frames.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace agents {

namespace {

using base::Errc;
using base::Error;

static_assert(std::is_trivially_copyable_v<GuardRequest> && std::is_trivially_copyable_v<GuardReply>);
static_assert(sizeof(GuardRequest) == 440 && sizeof(GuardReply) == 528);

constexpr std::uint32_t kRequestMagic = 0x43755247;  // "CuRG"
constexpr std::uint32_t kReplyMagic = 0x43755267;
constexpr std::uint32_t kNoPrefix = 255;

enum RequestFlag : std::uint16_t {
    kNoPrefixRoute = 1,
    kCheckLink = 2,
    kAfterStop = 4,
    kHasBroadcast = 8,
    kHasPreferredLft = 16,
    kUnproven = 32,
};
enum FactFlag : std::uint16_t { kCoreIsRoot = 1, kNotRealtime = 2, kNotLocked = 4 };

template <std::size_t N>
void put(const std::string& text, std::array<char, N>& into) {
    into.fill('\0');
    std::copy_n(text.begin(), std::min(text.size(), N - 1), into.begin());
}

// nullopt: no final zero.
template <std::size_t N>
std::optional<std::string> get(const std::array<char, N>& from) {
    const auto end = std::find(from.begin(), from.end(), '\0');
    if (end == from.end()) return std::nullopt;
    return std::string(from.begin(), end);
}

std::uint16_t flags_of(const AddressRequest& request) {
    unsigned flags = 0;
    if (!request.prefix_route) flags |= kNoPrefixRoute;
    if (request.check_link) flags |= kCheckLink;
    if (request.after_stop) flags |= kAfterStop;
    if (request.unproven) flags |= kUnproven;
    if (request.broadcast) flags |= kHasBroadcast;
    if (request.preferred_lft) flags |= kHasPreferredLft;
    return static_cast<std::uint16_t>(flags);
}

Error malformed() {
    return {Errc::invalid, "malformed packet between core and guard"};
}

base::Result<AddressCommand> decode_address(const GuardRequest& in) {
    const auto nic = get(in.nic);
    const auto label = get(in.label);
    const auto resource = get(in.resource);
    const bool prefix_ok = in.prefix == kNoPrefix || (in.prefix >= 1 && in.prefix <= 32);
    if (!nic || !label || !resource || resource->empty() || !prefix_ok || in.ip == 0) return malformed();
    AddressCommand command;
    command.id = in.id;
    command.action = static_cast<AddressAction>(in.kind);
    command.resource = *resource;
    AddressRequest& request = command.request;
    request.ip = {in.ip};
    if (in.prefix != kNoPrefix) request.prefix = static_cast<std::uint8_t>(in.prefix);
    request.nic = *nic;
    request.label = *label;
    if ((in.flags & kHasBroadcast) != 0) request.broadcast = Ipv4{in.broadcast};
    if ((in.flags & kHasPreferredLft) != 0) request.preferred_lft = in.preferred_lft;
    request.prefix_route = (in.flags & kNoPrefixRoute) == 0;
    request.check_link = (in.flags & kCheckLink) != 0;
    request.after_stop = (in.flags & kAfterStop) != 0;
    request.unproven = (in.flags & kUnproven) != 0;
    request.announce.count = std::min<std::uint32_t>(in.announce_count, 1000);
    request.announce.interval = base::milliseconds(in.announce_interval_ms);
    request.announce.refresh = std::min<std::uint32_t>(in.announce_refresh, 100);
    return command;
}

base::Result<GuardFarewell> decode_farewell(const GuardRequest& in) {
    std::uint8_t from = 0, to = 0;  // no bool before it is known to be one
    std::memcpy(&from, &in.from.v6, sizeof from);
    std::memcpy(&to, &in.to.v6, sizeof to);
    if (from > 1 || from != to || in.from.is_any() || in.to.is_any() || !get(in.from.scope) ||
        !get(in.to.scope) || in.port == 0 || in.frame_size == 0 || in.frame_size > in.frame.size())
        return malformed();
    return GuardFarewell{in.from, in.to, in.port, in.frame_size, in.frame};
}

GuardRequest encode_farewell(const GuardFarewell& farewell) {
    GuardRequest out{};
    out.magic = kRequestMagic;
    out.kind = static_cast<std::uint16_t>(GuardRequestKind::farewell);
    out.from = farewell.from;
    out.to = farewell.to;
    out.port = farewell.port;
    out.frame_size = farewell.size;
    out.frame = farewell.frame;
    return out;
}

}  // namespace

base::Result<GuardRequest> encode(const GuardCommand& command) {
    if (command.kind == GuardRequestKind::farewell) return encode_farewell(command.farewell);
    GuardRequest out{};
    out.magic = kRequestMagic;
    out.kind = static_cast<std::uint16_t>(command.kind);
    out.id = command.address.id;
    out.ring_seq = command.ring.seq;
    out.ring_members = command.ring.members;
    out.ring_representative = command.ring.representative.value;
    if (command.kind == GuardRequestKind::renew) {
        out.at = command.renewal.at.ns;
        out.until = command.renewal.until.ns;
    }
    const AddressRequest& request = command.address.request;
    if (command.address.resource.size() >= out.resource.size()) {
        return Error{Errc::invalid, "the name " + command.address.resource +
                                        " is too long for a native address: at most 127 characters"};
    }
    out.flags = flags_of(request);
    out.ip = request.ip.value;
    out.broadcast = request.broadcast ? request.broadcast->value : 0;
    out.preferred_lft = request.preferred_lft.value_or(0);
    out.announce_count = request.announce.count;
    out.announce_interval_ms = static_cast<std::uint32_t>(request.announce.interval.ms());
    out.announce_refresh = request.announce.refresh;
    out.prefix = request.prefix ? *request.prefix : kNoPrefix;
    put(request.nic, out.nic);
    put(request.label, out.label);
    put(command.address.resource, out.resource);
    return out;
}

GuardReply encode(const GuardMessage& message) {
    GuardReply out{};
    out.magic = kReplyMagic;
    if (const auto* outcome = std::get_if<AddressOutcome>(&message)) {
        out.kind = static_cast<std::uint16_t>(GuardReplyKind::outcome);
        out.id = outcome->id;
        out.code = outcome->code;
        put(outcome->reason, out.text);
    } else if (const auto* facts = std::get_if<GuardFacts>(&message)) {
        out.kind = static_cast<std::uint16_t>(GuardReplyKind::facts);
        out.id = facts->restarts;
        out.flags = static_cast<std::uint16_t>((facts->core_is_root ? kCoreIsRoot : 0) |
                                               (facts->not_realtime ? kNotRealtime : 0) |
                                               (facts->not_locked ? kNotLocked : 0));
    } else if (std::holds_alternative<GuardDropped>(message)) {
        out.kind = static_cast<std::uint16_t>(GuardReplyKind::dropped);
    } else {
        out.kind = static_cast<std::uint16_t>(GuardReplyKind::note);
        put(std::get<GuardNote>(message).text, out.text);
    }
    return out;
}

base::Result<GuardCommand> decode_request(base::ByteView packet) {
    GuardRequest in{};
    if (packet.size() != sizeof(in)) return malformed();
    std::memcpy(&in, packet.data(), sizeof(in));
    if (in.magic != kRequestMagic) return malformed();
    GuardCommand command;
    command.kind = static_cast<GuardRequestKind>(in.kind);
    command.ring = {in.ring_seq, {in.ring_representative}, in.ring_members};
    switch (command.kind) {
        case GuardRequestKind::start:
        case GuardRequestKind::stop:
        case GuardRequestKind::monitor: {
            TRY(command.address, decode_address(in));
            return command;
        }
        case GuardRequestKind::farewell: {
            TRY(command.farewell, decode_farewell(in));
            return command;
        }
        case GuardRequestKind::renew: {
            if (in.at <= 0 || in.until <= 0) return malformed();
            command.renewal = {command.ring, {in.at}, {in.until}};
            return command;
        }
        case GuardRequestKind::announce_all:
        case GuardRequestKind::ready:
        case GuardRequestKind::entered:
        case GuardRequestKind::give_up:
            return command;
    }
    return malformed();
}

base::Result<GuardMessage> decode_reply(base::ByteView packet) {
    GuardReply in{};
    if (packet.size() != sizeof(in)) return malformed();
    std::memcpy(&in, packet.data(), sizeof(in));
    const auto text = get(in.text);
    if (in.magic != kReplyMagic || !text) return malformed();
    switch (static_cast<GuardReplyKind>(in.kind)) {
        case GuardReplyKind::outcome:
            return GuardMessage{AddressOutcome{in.id, in.code, *text}};
        case GuardReplyKind::facts:
            return GuardMessage{GuardFacts{(in.flags & kCoreIsRoot) != 0, (in.flags & kNotRealtime) != 0,
                                           (in.flags & kNotLocked) != 0, in.id}};
        case GuardReplyKind::note:
            return GuardMessage{GuardNote{*text}};
        case GuardReplyKind::dropped:
            return GuardMessage{GuardDropped{}};
    }
    return malformed();
}

std::string RingGate::admit(const base::RingId& ring) {
    if (ring.seq < newest_.seq) {
        return "decided in ring " + base::to_string(ring) + ", which ring " + base::to_string(newest_) +
               " has replaced: not done";
    }
    newest_ = ring;
    return {};
}

}  // namespace agents

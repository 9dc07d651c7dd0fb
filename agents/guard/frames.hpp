// Messages between the core and guard: structs of fixed size, one a packet of a SOCK_SEQPACKET socket pair.
// Both ends are the same program on the same machine, so that the layout is the compiler's. guard reads
// nothing else from the core, and checks each field, because the core has fewer rights than guard. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "agents/vip/address_agent.hpp"
#include "membership/lease/guard_lease.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/ip.hpp"
#include "totem/base/result.hpp"

namespace agents {

enum class GuardRequestKind : std::uint16_t {
    start = 1,
    stop = 2,
    monitor = 3,
    announce_all = 4,  // after a merge of rings
    ready = 5,         // the core is up: systemd may be told
    farewell = 6,      // to be sent to one peer when the core has ended
    entered = 7,       // the core is in the regular view of this ring
    renew = 8,         // the end of this node's right to hold; sent by the ring's thread, too
    give_up = 9,       // others took this node for cleared: drop everything
};

constexpr std::size_t kMaxFarewell = 128;

struct GuardRequest {
    std::uint32_t magic{};
    std::uint16_t kind{};
    std::uint16_t flags{};  // kNoPrefixRoute ...
    std::uint64_t id{};
    // The view that decided it.
    std::uint64_t ring_seq{};
    std::uint64_t ring_members{};
    std::uint32_t ring_representative{};
    // The address, most significant octet first in the number.
    std::uint32_t ip{};
    std::uint32_t broadcast{};
    std::uint32_t preferred_lft{};
    std::uint32_t announce_count{};
    std::uint32_t announce_interval_ms{};
    std::uint32_t announce_refresh{};
    std::uint32_t prefix{};  // 0 to 32; kNoPrefix: that of the route
    std::array<char, kInterfaceNameSize> nic{};
    std::array<char, kInterfaceNameSize> label{};
    std::array<char, 128> resource{};
    // Of a farewell.
    base::IpAddress from, to;
    std::uint16_t port{};
    std::uint16_t frame_size{};
    std::array<std::uint8_t, kMaxFarewell> frame{};
    // Of a renewal: CLOCK_BOOTTIME, ns.
    std::int64_t at{};
    std::int64_t until{};
};

enum class GuardReplyKind : std::uint16_t { outcome = 1, facts = 2, note = 3, dropped = 4 };

struct GuardReply {
    std::uint32_t magic;
    std::uint16_t kind;
    std::uint16_t flags;  // of facts: kCoreIsRoot ...
    std::uint64_t id;     // of outcome: the request's; of facts: how often the core was started before
    std::int32_t code;
    std::array<char, 508> text;
};

// What the core should know and show about its own circumstances.
struct GuardFacts {
    bool core_is_root{false};   // there is no user for it
    bool not_realtime{false};   // guard was refused SCHED_RR
    bool not_locked{false};     // guard was refused locked memory
    std::uint64_t restarts{0};  // of the core since guard began that it did not ask for
    bool operator==(const GuardFacts&) const = default;
};

// A sealed frame that says to one peer that the core has ended; guard knows when that is true.
struct GuardFarewell {
    base::IpAddress from, to;
    std::uint16_t port{0};
    std::uint16_t size{0};
    std::array<std::uint8_t, kMaxFarewell> frame{};
    bool operator==(const GuardFarewell&) const = default;
};

struct GuardCommand {
    GuardRequestKind kind{GuardRequestKind::monitor};
    base::RingId ring;
    AddressCommand address;  // of start, stop and monitor
    GuardFarewell farewell;
    membership::Renewal renewal;  // of renew; its ring is `ring`
};
struct GuardNote {
    std::string text;
};
// The right to hold was over: everything that guard held is verified gone.
struct GuardDropped {};
using GuardMessage = std::variant<AddressOutcome, GuardFacts, GuardNote, GuardDropped>;

// Error: the resource's name is longer than 127 characters.
[[nodiscard]] base::Result<GuardRequest> encode(const GuardCommand& command);
[[nodiscard]] GuardReply encode(const GuardMessage& message);  // cuts a text that is too long
// Total: any input gives a value or an error.
[[nodiscard]] base::Result<GuardCommand> decode_request(base::ByteView packet);
[[nodiscard]] base::Result<GuardMessage> decode_reply(base::ByteView packet);

// Refuses what an older ring decided: a packet of a core that has moved on, or was stopped for a while, must
// not undo what the newer view did. One gate for each core process.
class RingGate {
  public:
    // Empty: admitted, and nothing older is any more. Else why not.
    [[nodiscard]] std::string admit(const base::RingId& ring);

  private:
    base::RingId newest_;
};

}  // namespace agents

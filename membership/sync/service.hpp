// What a service is to Sync: something replicated that says at the beginning of each view where it stands,
// can hand over its state and take another one, and is fed by ordered messages.
//
// A service does no IO and calls nothing of Sync from within these functions: what it wants to say it hands
// out when it is asked (next), what it wants done outside it keeps for its own outbox.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/ring/ring.hpp"

namespace membership {

using ServiceId = std::uint8_t;  // 1 to 255; names the same service at every node

constexpr std::size_t kMaxStanding = 1u << 20;         // bytes of Standing::payload
constexpr std::size_t kMaxServiceMessage = 4'194'000;  // bytes of Outgoing::payload: 4 MiB less headers
constexpr std::size_t kMaxSnapshot = 1u << 30;         // bytes of a snapshot

// Names a state, to find out whether two are equal. Nobody is kept from forging one: members are trusted.
using Digest = std::array<std::uint8_t, 32>;
// Of some bytes (four lanes of splitmix64's finaliser; no cryptographic hash).
[[nodiscard]] Digest digest_of(base::ByteView bytes);

// A message's place in the order of its ring: the same for all members, grows within the ring.
struct Place {
    base::RingId ring;
    base::Seq seq;
    auto operator<=>(const Place&) const = default;
};

// What a member says of a service at the beginning of a view.
struct Standing {
    base::Bytes payload;  // the service's own words; at most kMaxStanding
    Digest digest{};      // of its state
    bool operator==(const Standing&) const = default;
};
using Standings = std::map<totem::Member, Standing>;

// A view in which the service is synchronised from now on. The same at all members but for `together`.
struct SyncedView {
    totem::View view;
    std::string cause;          // of the view, in words
    std::uint32_t features{0};  // what all members can (totem::Regular)
    Place place;                // of the last hello: everything after it is applied to one common state
    bool transitional{false};   // the last hello was delivered between a transitional and its regular view
    Standings standings;        // of the members that have this service; before any transfer
    // Members that have the same past as this one: they delivered what it delivered up to here. Self is one
    // of them.
    std::vector<totem::Member> together;
};

// An ordered message of the service.
struct Ordered {
    totem::Member sender;
    Place place;
    bool transitional{false};  // delivered between a transitional and its regular view: may change state,
                               // must cause no effect
    base::ByteView payload;    // borrowed for the call
};

struct Outgoing {
    base::Bytes payload;
    totem::Guarantee guarantee{totem::Guarantee::agreed};
    // Worth nothing after the next view: not sent again there if this view breaks up before it was ordered.
    bool this_view_only{false};
};

// One immutable state, handed out piece by piece. What the service applies meanwhile does not change it.
class Snapshot {
  public:
    Snapshot() = default;
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    virtual ~Snapshot() = default;
    [[nodiscard]] virtual std::size_t size() const = 0;  // in bytes
    // The bytes from `offset` on, `length` of them: within size().
    [[nodiscard]] virtual base::Bytes read(std::size_t offset, std::size_t length) const = 0;
};

// A snapshot that is one buffer.
class BytesSnapshot final : public Snapshot {
  public:
    explicit BytesSnapshot(base::Bytes bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] std::size_t size() const override { return bytes_.size(); }
    [[nodiscard]] base::Bytes read(std::size_t offset, std::size_t length) const override {
        const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
        return {from, from + static_cast<std::ptrdiff_t>(length)};
    }

  private:
    base::Bytes bytes_;
};

class Service {
  public:
    Service() = default;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    virtual ~Service() = default;

    // Where it stands now: called at the regular view's place.
    [[nodiscard]] virtual Standing standing() const = 0;
    // Of its present state; the same as standing().digest.
    [[nodiscard]] virtual Digest digest() const = 0;
    // Whose state counts. A pure function of `standings`, which are never empty: every member asks and must
    // come to the same. Members with another digest are sent that state. Nobody: no state is transferred.
    [[nodiscard]] virtual std::optional<totem::Member> authority(const Standings& standings) const = 0;
    // The present state: asked of the authority only.
    [[nodiscard]] virtual std::unique_ptr<Snapshot> snapshot() const = 0;
    // Takes over the whole state of a peer. An error leaves the state as it was.
    [[nodiscard]] virtual base::Status install(base::ByteView snapshot) = 0;

    // The view that it was synchronised in is over, or never came to be synchronised.
    virtual void desynchronised() {}
    // From here on all have one state and apply the same messages. Called once per view, at the place of the
    // last hello, or after install().
    virtual void synchronised(const SyncedView& view) = 0;
    virtual void deliver(const Ordered& message) = 0;
    // The next message to send, if there is one: asked while synchronised and while the ring takes more. It
    // is delivered exactly once, in order with the others, in this view or, unless this_view_only, a later
    // one; unless the process dies.
    [[nodiscard]] virtual std::optional<Outgoing> next() = 0;
};

}  // namespace membership

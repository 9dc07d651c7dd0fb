// What a sealer knows of one peer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "totem/base/heard.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/seal/detail/budget.hpp"
#include "totem/seal/detail/crypto.hpp"
#include "totem/seal/detail/header.hpp"
#include "totem/seal/detail/replay.hpp"
#include "totem/seal/seal.hpp"

namespace totem::detail {

// What a sending key is derived for, besides the cluster.
struct KeyName {
    std::uint8_t stream{Header::kRingStream};
    std::uint8_t key_id{0};
    base::NodeId node;
    base::Incarnation incarnation;
    std::uint32_t epoch{0};
    std::uint64_t salt{0};
    bool operator==(const KeyName&) const = default;
};

// Why a key is derived for a frame whose tag has yet to be checked. Each kind has a budget of its own, so
// that a flood of one does not use up what the others need.
enum class Claim : std::uint8_t {
    epoch,      // a new epoch of the proven start
    start,      // another start
    older,      // a former start
    words,      // last words
    challenge,  // one each: their keys serve one frame
    answer,
    outdated,
};

// What a peer's real frames need is one derivation of a kind, now and then. What forged ones may cost is
// bounded by this, some 1 % of a processor for each kind that matters; while it is used up, a real claim is
// tried with the chance of any frame that claims something, so that it must be one of many: those kinds that
// frames keep claiming until they are believed, and of which a ring waits, are refilled fastest.
class ClaimBudgets {
  public:
    [[nodiscard]] bool take(Claim claim, base::Instant now) {
        return budgets_[static_cast<std::size_t>(claim)].take(now);
    }

  private:
    static constexpr std::int64_t kBurst = 32;
    std::array<Budget, 7> budgets_{
        Budget{kBurst, base::microseconds(125)}, Budget{kBurst, base::microseconds(500)},
        Budget{kBurst, base::milliseconds(10)},  Budget{kBurst, base::milliseconds(10)},
        Budget{kBurst, base::milliseconds(1)},   Budget{kBurst, base::milliseconds(1)},
        Budget{kBurst, base::milliseconds(10)}};
};

// One key of a peer.
struct PeerKey {
    explicit PeerKey(const EVP_CIPHER* cipher) : aead(cipher, Aead::Direction::open) {}
    KeyName name;
    bool set{false};
    Aead aead;
    std::uint64_t highest{0};  // counter that was opened with it
};

// What was opened of one start, whatever the keys: its counters go on from epoch to epoch.
class Track {
  public:
    [[nodiscard]] bool seen(std::uint64_t counter) const { return window_.seen(counter); }
    [[nodiscard]] std::uint64_t highest() const { return window_.highest(); }
    [[nodiscard]] std::uint64_t mark_of_highest() const { return mark_; }
    // A counter that is not seen(), and what names its frame. Returns whether it is the highest now.
    bool add(std::uint64_t counter, std::uint64_t mark) {
        const bool is_newest = counter > window_.highest();
        if (is_newest) mark_ = mark;
        window_.mark(counter);
        return is_newest;
    }

  private:
    ReplayWindow window_;
    std::uint64_t mark_{0};
};

// Our question to a peer for the start that is alive now.
using Challenge = std::array<std::uint8_t, 32>;
struct Question {
    Challenge challenge{};
    std::optional<base::Instant> drawn;  // empty: none is open
    std::optional<base::Instant> sent;
    std::size_t credit{0};  // bytes that came from unproven starts and that no question has answered yet
};

struct Kept {
    std::uint64_t counter{0};
    OpenedFrame frame;
};

// A start that is proven, and has been silent, is asked again before more of it counts: it may have been put
// back to what it was in between.
//
// Four keys change roles, so that nothing is allocated: of the proven start the one in use and the one before
// it (frames of it may still be under way), the one of a stranger (a start that is not proven, its tag was
// right), and the one that was last derived for a frame whose tag has yet to be checked.
struct Peer {
    Peer(base::NodeId id, const EVP_CIPHER* cipher)
        : node(id),
          current(std::make_unique<PeerKey>(cipher)),
          previous(std::make_unique<PeerKey>(cipher)),
          stranger(std::make_unique<PeerKey>(cipher)),
          candidate(std::make_unique<PeerKey>(cipher)) {}
    base::NodeId node;
    base::Incarnation proven;  // the newest start that answered a challenge of ours; 0: none
    std::uint64_t floor{0};    // of the proven start: what is not above counts no more
    Track track, strangers;    // of the proven start; of the stranger
    base::Heard believed;      // what counts of the proven start
    base::Instant newest_at;   // when the highest counter of that came
    bool returning{false};     // it was silent, and has to answer
    std::unique_ptr<PeerKey> current, previous, stranger, candidate;
    Question question;
    std::vector<Kept> kept;  // of the stranger, until it is proven
    Budget answers{16, base::milliseconds(2)};
    ClaimBudgets claims;

    // The master keys have changed: those of `gone` (by id) open nothing more. What they have opened stays
    // closed, should they come back.
    template <typename Gone>
    void forget(const Gone& gone) {
        for (PeerKey* key : {current.get(), previous.get()}) {
            if (key->set && gone(key->name.key_id)) floor = std::max(floor, key->highest);
        }
        for (PeerKey* key : {current.get(), previous.get(), stranger.get(), candidate.get()})
            key->set = key->set && !gone(key->name.key_id);
    }

    // The candidate's tag matched, and it is of the proven start: it is in use from now on.
    void promote() {
        std::swap(current, previous);
        std::swap(current, candidate);
        candidate->set = false;
    }

    // The start `which` is alive, and had sealed up to `from` a while ago. Its stranger's key, if there is
    // one, is taken over with what was seen of it.
    void prove(base::Incarnation which, std::uint64_t from) {
        proven = which;
        floor = from;
        current->set = previous->set = false;
        const bool known = stranger->set && stranger->name.incarnation == which;
        track = known ? strangers : Track{};
        if (known) std::swap(current, stranger);
        stranger->set = false;
    }

    // What was opened of the proven start up to now counts.
    void believe(base::Instant now) {
        believed = {proven, track.highest(), track.mark_of_highest()};
        newest_at = now;
        returning = false;
    }

    // It was silent for so long that it may have been put back: what it said before is closed, also what was
    // never heard of it.
    void ask_again() {
        returning = true;
        floor = std::max(floor, believed.counter);
    }
};

}  // namespace totem::detail

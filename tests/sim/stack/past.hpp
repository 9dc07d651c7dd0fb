// Frames of before that may come again, and frames that nobody of this cluster ever sealed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/sim/stack/core.hpp"

namespace stack_sim {

[[nodiscard]] base::IpAddress address_of(std::size_t link, NodeId node);
// Not that of any configured node.
[[nodiscard]] base::IpAddress foreign_address(std::size_t link, NodeId node);

enum class Junk : std::uint8_t {
    flipped,        // some bits
    noise,          // all of it
    truncated,      // cut short
    grown,          // something behind it
    other_cluster,  // right key, another cluster's name
    other_key,      // right name, another key
    former,         // of a former start of a node
    again,          // was received before
    wrong_source,   // a fresh frame, but not from where its sender is
    own,            // the receiver's own
    kinds
};
constexpr std::size_t kWaysToDamage = 4;  // the first ones
constexpr const char* kJunkNames[] = {"  bits flipped",
                                      "  noise",
                                      "  truncated",
                                      "  grown",
                                      "  of another cluster",
                                      "  of another key",
                                      "  of former starts",
                                      "  received before",
                                      "  from a wrong address",
                                      "  the receiver's own"};

// The frame damaged in one of the first four ways. Never the same.
[[nodiscard]] Frame damage(const base::Bytes& frame, Junk how, base::Rng& rng);
// Something that would matter if it were believed, sealed by a stranger in the name of `who`.
[[nodiscard]] Frame forge(const Member& who, const base::NodeSet& roster, const totem::MasterKeys& keys,
                          Junk how, base::Rng& rng);

// Recordings: of each process some frames of each kind, and what one process received lately.
class Past {
  public:
    struct Recorded {
        std::size_t link{0};
        NodeId node;  // whose address it came from
        Frame bytes;
        Instant at;
    };
    explicit Past(base::Rng rng) : rng_(rng) {}
    void sent(const Member& who, std::size_t link, const Frame& bytes, Instant now);
    // The process whose receipts are kept; those of a former one are forgotten.
    void watch(const Member& who);
    void received(const Member& who, std::size_t link, NodeId from, const Frame& bytes);
    // Frames of this process, in any order.
    [[nodiscard]] std::vector<Recorded> of(const Member& who) const;
    [[nodiscard]] std::vector<Member> processes() const;
    // One of those that the watched process received, the latest ones more often. Not last words: these may
    // be said more than once.
    [[nodiscard]] std::optional<Recorded> again();

  private:
    static constexpr std::size_t kEach = 12, kLately = 200;
    struct Kind {
        std::uint64_t seen{0};
        std::vector<Recorded> kept;
    };
    base::Rng rng_;
    std::map<std::pair<Member, std::uint8_t>, Kind> kinds_;
    Member watched_;
    std::vector<Recorded> lately_;
    std::size_t next_{0};
};

}  // namespace stack_sim

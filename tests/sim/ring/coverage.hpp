// Which message met which phase of a ring, over all seeds; and which of these pairs cannot occur.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "totem/ring/ring.hpp"

namespace sim {

inline constexpr const char* kPhaseNames[] = {"gather", "commit", "recovery", "operational", "left"};
inline constexpr const char* kTypeNames[] = {"token", "data", "join",  "commit", "beacon",
                                             "wake",  "ack",  "leave", "probe"};
static_assert(std::size(kTypeNames) == std::variant_size_v<totem::wire::Message>);

// Plain data: it crosses a pipe.
struct Coverage {
    std::uint64_t hits[std::size(kPhaseNames)][std::size(kTypeNames)] = {};

    // A batch is about to be handed to a ring in `phase`. Only the message that the ring handles first
    // counts, stale or not: what phase the others meet is not to be seen from outside.
    void fed(const std::string& phase, const std::vector<totem::Opened>& batch);
    Coverage& operator+=(const Coverage& o);
};

// The pairs that never occur, each with the reason, from a file of lines "PHASE TYPE: reason".
class Impossible {
  public:
    // Exits with a message if the file is not right: it is part of the program.
    explicit Impossible(const char* file);
    // The first such pair that occurred all the same, in words; empty if none.
    [[nodiscard]] std::string broken(const Coverage& coverage) const;
    // Every other pair that was never hit.
    [[nodiscard]] std::vector<std::string> missing(const Coverage& coverage) const;
    // A table of all pairs; "-" for those that cannot occur.
    void print(const Coverage& coverage) const;

  private:
    std::string reasons_[std::size(kPhaseNames)][std::size(kTypeNames)];  // empty: it can occur
};

}  // namespace sim

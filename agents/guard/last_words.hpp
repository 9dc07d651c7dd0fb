// What guard says to the peers when its core has ended: the core hands it over sealed, as soon as it is up,
// so that guard needs neither keys nor the configuration. It is true once the core has ended, and never
// before.
#pragma once

#include <cstdint>
#include <vector>

#include "agents/guard/frames.hpp"

namespace agents {

class LastWords {
  public:
    LastWords() { kept_.reserve(kMost); }
    // One peer's copy; more than 64 are not kept.
    void keep(const GuardFarewell& farewell);
    // Sends all that is kept, best effort, and forgets it. Allocates nothing.
    void speak();
    // The core that gave it never ran, or another one follows.
    void forget() { kept_.clear(); }

  private:
    static constexpr std::size_t kMost = 64;
    std::vector<GuardFarewell> kept_;
};

}  // namespace agents

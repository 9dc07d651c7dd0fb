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
    // The copy for one peer by one link, in place of a former one for the same way; more than for 63 peers by
    // 8 links are not kept.
    void keep(const GuardFarewell& farewell);
    // Sends all that is kept, best effort, and forgets it. Allocates nothing.
    void speak();
    // The core that gave it never ran, or another one follows.
    void forget() { kept_.clear(); }

  private:
    static constexpr std::size_t kMost = 504;
    std::vector<GuardFarewell> kept_;
};

}  // namespace agents

// A token bucket: `burst` at once, and one more per `refill`. No allocation.
#pragma once

#include <algorithm>
#include <cstdint>

#include "totem/base/time.hpp"

namespace totem::detail {

class Budget {
  public:
    Budget(std::int64_t burst, base::Duration refill) : burst_(burst), refill_(refill), left_(burst) {}
    // Whether one is left at `now`; takes it. `now` never goes back.
    [[nodiscard]] bool take(base::Instant now) {
        const std::int64_t earned = (now - since_).ns / refill_.ns;
        if (earned > 0) {
            left_ = std::min(burst_, left_ + std::min(earned, burst_));
            since_ = since_ + refill_ * earned;
        }
        if (left_ == 0) return false;
        --left_;
        return true;
    }

  private:
    std::int64_t burst_;
    base::Duration refill_;
    std::int64_t left_;
    base::Instant since_;
};

}  // namespace totem::detail

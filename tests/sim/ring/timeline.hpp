// Virtual time: what happens when, in an order that nothing but the calls decides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "totem/base/check.hpp"
#include "totem/base/time.hpp"

namespace sim {

class Timeline {
  public:
    [[nodiscard]] base::Instant now() const { return now_; }
    void at(base::Instant when, std::function<void()> action) {
        happenings_.push({when, order_++, std::move(action)});
    }
    // More happens at this instant than there can be to do: time stands still, since somebody acts again and
    // again at once. Nothing runs any more from then on.
    [[nodiscard]] bool livelocked() const { return steps_at_once_ >= kMostStepsAtOnce; }
    // Until the condition holds after some event; false if it does not by `limit`.
    bool run_until(const std::function<bool()>& condition, base::Instant limit) {
        while (!condition()) {
            if (livelocked()) return false;
            if (happenings_.empty() || happenings_.top().at > limit) {
                now_ = std::max(now_, limit);
                return false;
            }
            step();
        }
        return true;
    }
    std::uint64_t steps{0}, most_steps_at_once{0};

  private:
    static constexpr std::uint64_t kMostStepsAtOnce = 5000;
    struct Happening {
        base::Instant at;
        std::uint64_t order;  // ties: first come, first served
        std::function<void()> action;
        bool operator>(const Happening& o) const { return at != o.at ? at > o.at : order > o.order; }
    };
    void step() {
        // The queue's top is const; the action is moved out before the entry goes.
        auto& next = const_cast<Happening&>(happenings_.top());
        ASSERT(next.at >= now_);
        steps_at_once_ = next.at == now_ ? steps_at_once_ + 1 : 1;
        most_steps_at_once = std::max(most_steps_at_once, steps_at_once_);
        now_ = next.at;
        const std::function<void()> action = std::move(next.action);
        happenings_.pop();
        ++steps;
        action();
    }
    base::Instant now_{0};
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::uint64_t order_{0}, steps_at_once_{0};
};

}  // namespace sim

// Whether what one peer sends by the group of a link arrives here: it numbers its group beats, and says by
// unicast how many it has sent. So an own pause, or one of the peer, is not taken for a loss.
#pragma once

#include <algorithm>
#include <cstdint>

namespace totem {

class GroupEar {
  public:
    // So many of the last ones missing: not heard. One may have been overtaken by the word of it.
    static constexpr std::uint32_t kMissed = 2;
    // After that, so many in a row until it is trusted again.
    static constexpr unsigned kGood = 3;

    // The group beat of this number came.
    void heard(std::uint32_t number) {
        if (number <= heard_) return;
        good_ = number == heard_ + 1 || heard_ == 0 ? good_ + 1 : 1;
        heard_ = number;
        sent_ = std::max(sent_, number);
        if (good_ >= (was_heard_ ? kGood : 1)) hears_ = was_heard_ = true;
    }
    // The peer says that it has sent all up to this number.
    void told(std::uint32_t number) {
        sent_ = std::max(sent_, number);
        if (sent_ - heard_ < kMissed) return;
        hears_ = false;
        good_ = 0;
    }
    [[nodiscard]] bool hears() const { return hears_; }

  private:
    std::uint32_t heard_{0}, sent_{0};
    unsigned good_{0};  // heard in a row
    bool hears_{false}, was_heard_{false};
};

}  // namespace totem

// The replay window: which of the newest 2048 counters of a key were seen. A bitmap in a ring of words that
// is cleared word by word as the window moves (the method of RFC 6479).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace totem::detail {

class ReplayWindow {
  public:
    static constexpr std::uint64_t kWidth = 2048;

    // Whether `counter` was marked, or lies below the window. Counters start at 1.
    [[nodiscard]] bool seen(std::uint64_t counter) const {
        if (counter > highest_) return false;
        if (counter == 0 || highest_ - counter >= kWidth) return true;
        return (word(counter) & bit(counter)) != 0;
    }
    [[nodiscard]] std::uint64_t highest() const { return highest_; }
    // Marks a counter that is not seen().
    void mark(std::uint64_t counter) {
        if (counter > highest_) {
            const std::uint64_t from = highest_ / 64;
            const std::uint64_t steps = std::min<std::uint64_t>(counter / 64 - from, kWords);
            for (std::uint64_t i = 1; i <= steps; ++i) words_[(from + i) % kWords] = 0;
            highest_ = counter;
        }
        words_[counter / 64 % kWords] |= bit(counter);
    }

  private:
    // One word more than the window is wide, so that the word which holds the newest counters holds none of
    // the oldest.
    static constexpr std::uint64_t kWords = kWidth / 64 + 1;
    static std::uint64_t bit(std::uint64_t counter) { return std::uint64_t{1} << (counter % 64); }
    [[nodiscard]] std::uint64_t word(std::uint64_t counter) const { return words_[counter / 64 % kWords]; }

    std::array<std::uint64_t, kWords> words_{};
    std::uint64_t highest_{0};
};

}  // namespace totem::detail

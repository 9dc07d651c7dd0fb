// A small deterministic generator (splitmix64, Steele, Lea and Flood 2014). Cores and the simulator are
// handed one; std distributions are not portable between libraries, so none are used.
#pragma once

#include <cstdint>

namespace base {

class Rng {
  public:
    explicit Rng(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    // Uniform in [0, n); n > 0. The bias of the remainder is below 2^-32 for the small n used here.
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    // True in `per_mille` of 1000 cases.
    bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }
    // A generator of its own for a part, so that a draw more in one part does not shift another.
    Rng split() { return Rng(next()); }

  private:
    std::uint64_t state_;
};

}  // namespace base

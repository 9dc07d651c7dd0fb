// What is said of refused frames: counters always, a line in the log now and then, whatever comes in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "totem/base/ip.hpp"
#include "totem/base/time.hpp"
#include "totem/seal/seal.hpp"

namespace totem {

// Gathers the frames that somebody should know of into one line per kPause. What ordinary traffic brings
// along (own frames, copies by a second link, the first frames of a new start, late ones of a former) is left
// out.
class RefusalLog {
  public:
    static constexpr base::Duration kPause = base::seconds(10);

    void refused(Rejected why, const base::IpAddress& source);
    // It named a node that has another address.
    void wrong_source(const base::IpAddress& source);
    // "refused 12 frames: 10 wrong key, 2 unknown node; the last came from 10.0.0.9": what came since the
    // last line; empty: nothing did, or that line is not old enough. To be asked now and then.
    [[nodiscard]] std::optional<std::string> line(base::Instant now);

  private:
    void count(std::size_t kind, const base::IpAddress& source);

    static constexpr std::size_t kWrongSource = kRejectedKinds;
    std::array<std::uint64_t, kRejectedKinds + 1> counts_{};
    std::uint64_t sum_{0};
    base::IpAddress last_;
    std::optional<base::Instant> said_;
};

}  // namespace totem

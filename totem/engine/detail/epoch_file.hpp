// The file of the numbers that must never be seen smaller than they were: the ring-sequence reservation, and
// the incarnation of the node's last start.
//
//   custos-epoch 2
//   1234 1234
//   1795300000000000000 1795300000000000000
//
// Each stands there twice, so that a damaged one is noticed. Version 1 had the first only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "totem/base/result.hpp"

namespace totem::detail {

struct Epoch {
    std::uint64_t ring_seq{0};
    std::uint64_t incarnation{0};
    bool operator==(const Epoch&) const = default;
};

[[nodiscard]] std::string epoch_text(const Epoch& epoch);
[[nodiscard]] base::Result<Epoch> parse_epoch(std::string_view text, const std::string& path);

// Zeros when there is no such file (the node's first start). Errors: no such directory, not readable,
// damaged.
[[nodiscard]] base::Result<Epoch> read_epoch_file(const std::string& path);

// Durable when it returns: a new file, synced, renamed over the old one, its directory synced.
[[nodiscard]] base::Status write_epoch_file(const std::string& path, const Epoch& epoch);

}  // namespace totem::detail

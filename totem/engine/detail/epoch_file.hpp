// The file of the ring-sequence reservation: one number that must never be seen smaller than it was.
//
//   custos-epoch 1
//   1234 1234
//
// The number stands there twice, so that a damaged one is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "totem/base/result.hpp"

namespace totem::detail {

[[nodiscard]] std::string epoch_text(std::uint64_t epoch);
[[nodiscard]] base::Result<std::uint64_t> parse_epoch(std::string_view text, const std::string& path);

// 0 when there is no such file (the node's first start). Errors: no such directory, not readable, damaged.
[[nodiscard]] base::Result<std::uint64_t> read_epoch_file(const std::string& path);

// Durable when it returns: a new file, synced, renamed over the old one, its directory synced.
[[nodiscard]] base::Status write_epoch_file(const std::string& path, std::uint64_t epoch);

}  // namespace totem::detail

// Digests over our own canonical bytes: equal values give equal digests on every node, build and protobuf
// version.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "totem/base/bytes.hpp"

namespace manager {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256.
[[nodiscard]] Digest digest(base::ByteView bytes);
// First 12 hex digits, for messages.
[[nodiscard]] std::string short_text(const Digest& digest);

void write_canonical(base::ByteWriter& out, const Configuration& config);
void write_canonical(base::ByteWriter& out, const ClusterStatus& status);

}  // namespace manager

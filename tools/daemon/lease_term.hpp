// The longest term that this node has granted lately, in the state directory: what a fresh process must count
// with (membership::Granter, decision 0107).
//
//   custos-lease-term 1
//   1000000000
//
// In nanoseconds. Nothing else that the lease needs is on disk.
#pragma once

#include <optional>
#include <string>

#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace tools {

// None: there is no such file. One that can't be read, or says nothing sensible, counts as kLongestTerm.
[[nodiscard]] std::optional<base::Duration> read_lease_term(const std::string& path);
// Durable when it returns.
[[nodiscard]] base::Status write_lease_term(const std::string& path, base::Duration term);

}  // namespace tools

// ASSERT: our own mistakes. Always on, also in release builds: a crashed node is a case that the cluster is
// built for, a lying node is not. Never for what a peer, an operator or an agent can cause: those are values
// (result.hpp).
#pragma once

namespace base {
// Prints "CUSTOS BUG: condition (file:line)" to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace base

#define ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::base::assertion_failed(#condition, __FILE__, __LINE__))

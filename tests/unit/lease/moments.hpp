// What all tests of the lease say: moments in milliseconds, and rings by number.
#pragma once

#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace lease_test {

inline base::Instant at(std::int64_t ms) {
    return base::Instant{} + base::milliseconds(ms);
}
inline base::RingId ring(std::uint64_t seq) {
    return {seq, {1}, 10};
}
constexpr base::Duration kSecond = base::seconds(1);

}  // namespace lease_test

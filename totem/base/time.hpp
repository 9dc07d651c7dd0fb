// Time as handed to the cores: nobody below the edges can ask the operating system for it.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace base {

struct Duration {
    std::int64_t ns{0};
    constexpr auto operator<=>(const Duration&) const = default;
    [[nodiscard]] constexpr std::int64_t ms() const { return ns / 1'000'000; }
};

constexpr Duration nanoseconds(std::int64_t n) {
    return {n};
}
constexpr Duration microseconds(std::int64_t n) {
    return {n * 1'000};
}
constexpr Duration milliseconds(std::int64_t n) {
    return {n * 1'000'000};
}
constexpr Duration seconds(std::int64_t n) {
    return {n * 1'000'000'000};
}

constexpr Duration operator+(Duration a, Duration b) {
    return {a.ns + b.ns};
}
constexpr Duration operator-(Duration a, Duration b) {
    return {a.ns - b.ns};
}
constexpr Duration operator*(Duration a, std::int64_t n) {
    return {a.ns * n};
}
constexpr Duration operator/(Duration a, std::int64_t n) {
    return {a.ns / n};
}

// A point on CLOCK_BOOTTIME (in the simulator: on the virtual clock). Never compared between nodes.
struct Instant {
    std::int64_t ns{0};
    constexpr auto operator<=>(const Instant&) const = default;
    static constexpr Instant never() { return {std::numeric_limits<std::int64_t>::max()}; }
};

constexpr Instant operator+(Instant t, Duration d) {
    return t == Instant::never() ? t : Instant{t.ns + d.ns};
}
constexpr Duration operator-(Instant a, Instant b) {
    return {a.ns - b.ns};
}

// Seconds since 1970 UTC, in milliseconds: for display and for stamps that travel in messages, never for
// timeouts.
struct WallTime {
    std::int64_t ms{0};
    constexpr auto operator<=>(const WallTime&) const = default;
};

}  // namespace base

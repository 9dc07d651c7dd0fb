#include "totem/engine/detail/clock.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "totem/base/check.hpp"
#include "totem/link/address.hpp"

namespace totem::detail {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

base::Instant read_clock(clockid_t clock) {
    timespec t{};
    ASSERT(::clock_gettime(clock, &t) == 0);
    return {t.tv_sec * kSecond + t.tv_nsec};
}

bool differ(base::Duration a, base::Duration b) {
    return a - b > base::seconds(1) || b - a > base::seconds(1);
}

}  // namespace

base::Instant boottime() {
    return read_clock(CLOCK_BOOTTIME);
}

ClockWatch::ClockWatch() : last_(read()) {}

ClockWatch::Offsets ClockWatch::read() {
    const base::Instant boot = boottime();
    return {boot - read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_REALTIME) - boot};
}

bool ClockWatch::jumped() {
    const Offsets now = read();
    const bool jump = differ(now.suspended, last_.suspended) || differ(now.wall, last_.wall);
    last_ = now;
    return jump;
}

base::Result<int> open_boottime_timer() {
    const int fd = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) return base::Error{base::Errc::io, "cannot make a timer: " + system_error(errno)};
    return fd;
}

void arm(int timer, base::Instant at) {
    const std::int64_t ns = std::max<std::int64_t>(at.ns, 1);  // zero would disarm it
    itimerspec when{};
    when.it_value.tv_sec = ns / kSecond;
    when.it_value.tv_nsec = ns % kSecond;
    ASSERT(::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

void disarm(int timer) {
    std::uint64_t expirations = 0;
    static_cast<void>(::read(timer, &expirations, sizeof expirations));
}

}  // namespace totem::detail

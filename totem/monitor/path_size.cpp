#include "totem/monitor/path_size.hpp"

#include <algorithm>
#include <array>

namespace totem {
namespace {

constexpr unsigned kTries = 3;

// MTUs that are met: tunnels and overlays (1400 to 1480), PPPoE, Ethernet, FDDI, jumbo frames.
constexpr std::array<std::size_t, 9> kMtus = {1028, 1400, 1420, 1450, 1480, 1492, 1500, 4352, 9000};

}  // namespace

void PathSize::set_limit(std::size_t limit, std::size_t headers) {
    limit_ = std::clamp(limit, kLowest, kMtus.back() - headers);
    headers_ = headers;
    if (size_ > limit_) {
        size_ = limit_;
        proven_ = false;
    }
    if (step_ == Step::rest && next_above(size_) > size_ && at_ == base::Instant::never()) at_ = {};  // now
    if (target_ <= limit_ || (step_ != Step::verify && step_ != Step::raise)) return;
    // What is tried is too large now: the same step with what is left of it.
    target_ = step_ == Step::verify ? size_ : next_above(size_);
    tries_ = 0;
    ++id_;
    if (step_ == Step::raise && target_ <= size_) {
        step_ = Step::rest;
        at_ = base::Instant::never();
    }
}

std::size_t PathSize::next_above(std::size_t size) const {
    std::size_t next = limit_;
    for (const std::size_t mtu : kMtus) {
        if (mtu - headers_ > size) next = std::min(next, mtu - headers_);
    }
    if (kFloor > size) next = std::min(next, kFloor);
    return next;
}

void PathSize::came_up(base::Instant now) {
    if (step_ == Step::off) verify(now);
}

void PathSize::went_down() {
    step_ = Step::off;
    at_ = base::Instant::never();
}

void PathSize::suspect(base::Instant now) {
    if (step_ == Step::rest || step_ == Step::raise) verify(now);
}

void PathSize::verify(base::Instant now) {
    step_ = Step::verify;
    target_ = size_;
    tries_ = 0;
    ++id_;
    at_ = now;
}

void PathSize::raise(base::Instant now) {
    target_ = next_above(size_);
    tries_ = 0;
    ++id_;
    step_ = target_ > size_ ? Step::raise : Step::rest;
    at_ = target_ > size_ ? now : base::Instant::never();
}

bool PathSize::answered(base::Instant now, std::uint32_t id) {
    if (id != id_ || (step_ != Step::verify && step_ != Step::raise)) return false;
    size_ = target_;
    proven_ = true;
    raise(now);
    return true;
}

void PathSize::failed(base::Instant now) {
    if (step_ == Step::verify && size_ > kLowest) {
        size_ = size_ > kFloor ? kFloor : kLowest;
        proven_ = false;
        return verify(now);
    }
    step_ = Step::rest;
    at_ = now + kRest;
}

std::optional<PathSize::Probe> PathSize::due(base::Instant now, base::Duration patience) {
    if (step_ == Step::off || now < at_) return std::nullopt;
    if (step_ == Step::rest) raise(now);
    if (tries_ == kTries) failed(now);
    if (step_ == Step::rest) return std::nullopt;
    at_ = now + patience * (std::int64_t{1} << tries_);
    ++tries_;
    return Probe{id_, target_};
}

}  // namespace totem

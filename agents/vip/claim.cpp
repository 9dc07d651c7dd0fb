#include "agents/vip/claim.hpp"

#include <algorithm>

namespace agents {

namespace {

using base::Duration;
using base::Instant;

// Early repeats cover lost frames, late ones switches whose ports still listen (spanning tree) and slow
// firewalls.
constexpr Duration kSchedule[] = {base::milliseconds(0), base::milliseconds(50), base::milliseconds(200),
                                  base::seconds(1),      base::seconds(2),       base::seconds(5)};
constexpr Duration kFirstRetry = base::milliseconds(10);
constexpr Duration kLongestRetry = base::seconds(1);
constexpr Duration kGiveUp = base::seconds(60);
constexpr Duration kRefreshInterval = base::milliseconds(200);

}  // namespace

Claim::Claim(Ipv4 ip, const Mac& mac, std::vector<Mac> own, AnnounceOptions announce, Probe probe,
             Instant now)
    : ip_(ip),
      mac_(mac),
      own_(std::move(own)),
      announce_(announce),
      state_(Adding{}) {
    if (probe == Probe::brief) state_ = Probing{{now}, now + kProbeGap};
    if (probe == Probe::full) state_ = Probing{{now, now + kProbeGap}, now + kProbeGap * 2};
}

void Claim::advance(Instant now) {
    if (auto* probing = std::get_if<Probing>(&state_)) {
        bool sent = false;
        while (!probing->sends.empty() && probing->sends.front() <= now) {
            probing->sends.erase(probing->sends.begin());
            frames_.push_back(arp_probe(mac_, ip_));
            sent = true;
        }
        // After a pause of this process all may be due at once: a probe that nobody had time to answer proves
        // nothing.
        if (sent) probing->verdict = std::max(probing->verdict, now + kProbeGap);
        if (probing->sends.empty() && probing->verdict <= now) state_ = Adding{};
        return;
    }
    if (auto* announcing = std::get_if<Announcing>(&state_)) {
        bool due = false;
        while (announcing->next < announcing->pairs.size() && announcing->pairs[announcing->next] <= now) {
            ++announcing->next;
            due = true;
        }
        if (!due) return;
        frames_.push_back(arp_announce_request(mac_, ip_));
        frames_.push_back(arp_announce_reply(mac_, ip_));
    }
}

void Claim::heard(const ArpSighting& sighting) {
    if (!std::holds_alternative<Probing>(state_) || sighting.sender_ip != ip_) return;
    if (std::find(own_.begin(), own_.end(), sighting.sender) != own_.end()) return;
    frames_.clear();
    state_ = Conflict{sighting.sender};
}

void Claim::added(Instant now) {
    if (!std::holds_alternative<Adding>(state_)) return;
    schedule(now);
}

void Claim::schedule(Instant now) {
    Announcing announcing;
    if (announce_.count == 0) {
        for (const Duration after : kSchedule) announcing.pairs.push_back(now + after);
    }
    for (std::uint32_t i = 0; i < announce_.count; ++i)
        announcing.pairs.push_back(now + announce_.interval * i);
    state_ = std::move(announcing);
}

void Claim::send_failed(Instant now) {
    auto* announcing = std::get_if<Announcing>(&state_);
    if (announcing == nullptr || announcing->next == 0) return;
    if (announcing->failing_since == Instant::never()) {
        announcing->failing_since = now;
        announcing->retry = kFirstRetry;
    }
    if (now - announcing->failing_since > kGiveUp) {
        announcing->next = announcing->pairs.size();
        return;
    }
    const std::size_t again = --announcing->next;
    const Duration late = now + announcing->retry - announcing->pairs[again];
    for (std::size_t i = again; i < announcing->pairs.size(); ++i) {
        announcing->pairs[i] = announcing->pairs[i] + late;
    }
    announcing->retry = std::min(announcing->retry * 2, kLongestRetry);
}

void Claim::announce_again(Instant now) {
    if (std::holds_alternative<Announcing>(state_)) schedule(now);
}

void Claim::refresh(Instant now, std::uint32_t count) {
    auto* announcing = std::get_if<Announcing>(&state_);
    if (announcing == nullptr || announcing->next < announcing->pairs.size()) return;
    const Duration interval = announce_.interval.ns > 0 ? announce_.interval : kRefreshInterval;
    Announcing again;
    for (std::uint32_t i = 0; i < count; ++i) again.pairs.push_back(now + interval * i);
    *announcing = std::move(again);
}

std::vector<ArpFrame> Claim::take_frames() {
    return std::exchange(frames_, {});
}

Instant Claim::next_deadline() const {
    if (const auto* probing = std::get_if<Probing>(&state_)) {
        return probing->sends.empty() ? probing->verdict : probing->sends.front();
    }
    if (const auto* announcing = std::get_if<Announcing>(&state_)) {
        if (announcing->next < announcing->pairs.size()) return announcing->pairs[announcing->next];
    }
    return Instant::never();
}

Claim::Phase Claim::phase() const {
    if (std::holds_alternative<Probing>(state_)) return Phase::probing;
    if (std::holds_alternative<Adding>(state_)) return Phase::adding;
    if (const auto* announcing = std::get_if<Announcing>(&state_)) {
        return announcing->next < announcing->pairs.size() ? Phase::announcing : Phase::owned;
    }
    return Phase::conflict;
}

std::optional<Mac> Claim::conflict() const {
    const auto* conflict = std::get_if<Conflict>(&state_);
    return conflict == nullptr ? std::nullopt : std::optional<Mac>(conflict->holder);
}

}  // namespace agents

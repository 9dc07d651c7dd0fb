// Comparing states: at hellos, of members with the same past; within a view at a mark in the order.
#include <algorithm>
#include <cstring>

#include "membership/sync/channel.hpp"

namespace membership {

namespace {

std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace

Digest digest_of(base::ByteView bytes) {
    std::array<std::uint64_t, 4> lanes{};
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
        lanes[lane] = mixed(bytes.size() + 0x9e3779b97f4a7c15ULL * (lane + 1));
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
        for (std::uint64_t& lane : lanes) lane = mixed(lane ^ word) + 0x9e3779b97f4a7c15ULL;
    }
    Digest out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::uint8_t>(lanes[i / 8] >> (8 * (i % 8)));
    return out;
}

std::vector<totem::Member> odd_ones(const std::vector<std::pair<totem::Member, Digest>>& digests) {
    std::map<Digest, std::vector<totem::Member>> parts;
    for (const auto& [member, digest] : digests) parts[digest].push_back(member);
    if (parts.size() < 2) return {};
    const auto right = std::max_element(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
        return a.second.size() != b.second.size() ? a.second.size() < b.second.size()
                                                  : *std::min_element(a.second.begin(), a.second.end()) >
                                                        *std::min_element(b.second.begin(), b.second.end());
    });
    std::vector<totem::Member> odd;
    for (const auto& [member, digest] : digests) {
        if (digest != right->first) odd.push_back(member);
    }
    return odd;
}

std::vector<totem::Member> Sync::Impl::odd_at_hello(const Channel& channel) const {
    std::map<sync::Lineage, std::vector<std::pair<totem::Member, Digest>>> pasts;
    for (const auto& [member, hello] : hellos) {
        for (const sync::Hello::Entry& entry : hello.services) {
            if (entry.service == channel.id && entry.current && !entry.diverged)
                pasts[hello.lineage].emplace_back(member, entry.standing.digest);
        }
    }
    std::vector<totem::Member> odd;
    for (const auto& [past, digests] : pasts) {
        const std::vector<totem::Member> some = odd_ones(digests);
        odd.insert(odd.end(), some.begin(), some.end());
    }
    return odd;
}

void Sync::Impl::request_mark(Channel& channel) {
    if (channel.mark_sent) return;
    channel.mark_sent = true;
    send(channel, sync::Mark{});
}

void Sync::Impl::take_mark(Channel& channel, const Ordered& from) {
    channel.since_mark = 0;
    if (is_self(from.sender)) channel.mark_sent = false;
    channel.mark = from.place.seq;
    channel.reports.clear();
    send(channel, sync::Report{from.place.seq, channel.service->digest()});
}

void Sync::Impl::take_report(Channel& channel, const Ordered& from, const sync::Report& report) {
    if (channel.mark != report.mark || channel.synced.standings.count(from.sender) == 0) return;
    channel.reports[from.sender] = report.digest;
    if (channel.reports.size() < channel.synced.standings.size()) return;
    std::vector<std::pair<totem::Member, Digest>> digests;
    for (const auto& [member, digest] : channel.reports) {
        if (digest) digests.emplace_back(member, *digest);
    }
    channel.mark.reset();
    channel.reports.clear();
    const std::vector<totem::Member> odd = odd_ones(digests);
    if (odd.empty()) return;
    if (std::find(odd.begin(), odd.end(), config.self) != odd.end()) {
        channel.phase = Channel::Phase::diverged;
        channel.diverged_before = true;
        channel.snapshot.reset();
    }
    diverged(channel, from.place, odd);
}

void Sync::Impl::diverged(Channel& channel, const Place& place, const std::vector<totem::Member>& who) {
    counters.diverged += who.size();
    std::string text = "the state of service " + std::to_string(channel.id) + " differs at node";
    for (const totem::Member& m : who) text += " " + base::to_string(m.node);
    note(base::Level::warning, text);
    effects.emplace_back(Diverged{channel.id, place, who, channel.phase == Channel::Phase::diverged});
}

}  // namespace membership

// What the monitor makes of what it heard.
#include <algorithm>
#include <bitset>
#include <utility>

#include "totem/monitor/monitor.hpp"

namespace totem {
namespace {

// After an outage, so many heartbeats in a row before the path is trusted again.
constexpr unsigned kGood = 3;

}  // namespace

LinkState Monitor::conclude(const Peer& peer, const Path& path, bool open) const {
    const bool in = open && hears(path);
    const bool out = open && path.told_at != base::Instant::never() &&
                     now_ - path.told_at <= config_.silence() && path.told_hears;
    if (in && out) {
        const bool trusted = path.state == LinkState::up || !path.was_up || path.good >= kGood;
        return trusted ? LinkState::up : path.state;
    }
    // One side notices first: which direction is dead shows only after a while.
    if (path.state == LinkState::up) return LinkState::down;
    const auto for_long = [&](base::Instant since) { return now_ - since > config_.silence(); };
    if (in && path.state != LinkState::only_in)
        return for_long(std::max(path.hearing_since, path.since)) ? LinkState::only_in : path.state;
    if (in) return LinkState::only_in;
    if (peer.incarnation == base::Incarnation{} && open) return LinkState::unknown;
    if (path.state == LinkState::unknown && open && !for_long(peer.known_since)) return path.state;
    if (!out || path.state == LinkState::only_out) return out ? LinkState::only_out : LinkState::down;
    return for_long(path.since) ? LinkState::only_out : LinkState::down;
}

base::Instant Monitor::heard_until(const Peer& peer) const {
    if (peer.incarnation == base::Incarnation{}) return base::Instant::never();
    bool any_open = false;
    base::Instant last = peer.known_since;
    for (std::size_t link = 0; link < own_.size(); ++link) {
        any_open |= own_[link].open;
        const base::Instant heard = peer.paths[link].heard_at;
        if (heard != base::Instant::never()) last = std::max(last, heard);
    }
    return any_open ? last + config_.hush() : base::Instant{};  // without a link of our own: at once
}

void Monitor::listen(Peer& peer) {
    const base::Instant until = heard_until(peer);
    const bool silent = until != base::Instant::never() && now_ > until;
    if (std::exchange(peer.silent, silent) != silent) out_.silences.push_back({peer.node, silent});
}

void Monitor::judge(Peer& peer) {
    listen(peer);
    bool changed = false;
    for (std::size_t link = 0; link < own_.size(); ++link) {
        Path& path = peer.paths[link];
        const LinkState state = conclude(peer, path, own_[link].open);
        if (state == path.state) continue;
        const LinkState before = std::exchange(path.state, state);
        path.since = now_;
        if (state == LinkState::up) {
            path.was_up = true;
            path.size.came_up(now_);
        } else if (before == LinkState::up) {
            ++path.went_down;
            path.good = 0;
            path.size.went_down();
        }
        note_state(peer, link, before);
        changed = true;
    }
    for (std::size_t link = 0; link < own_.size(); ++link) changed |= judge_group(peer, link);
    if (!changed) return;
    ++version_;
    choose(peer);
    // The other side shall know at once; but a path that flaps must not make a storm.
    if (now_ - peer.urgent_at >= config_.interval() / 4) {
        peer.urgent_at = now_;
        beat_all(peer, false);
    }
}

void Monitor::choose(Peer& peer) {
    std::optional<std::size_t> best;
    for (std::size_t link = 0; link < own_.size(); ++link) {
        if (peer.paths[link].state != LinkState::up) continue;
        const auto rank = [&](std::size_t i) {
            return std::pair(config_.links[i].priority, -static_cast<int>(config_.links[i].number));
        };
        if (!best || rank(link) > rank(*best)) best = link;
    }
    if (best == peer.active) return;
    const auto before = std::exchange(peer.active, best);
    ++version_;
    if (config_.links.size() < 2 || !best || !before) return;
    out_.notes.push_back({base::Level::info, "frames to node " + base::to_string(peer.node) + " go by link " +
                                                 std::to_string(config_.links[*best].number) +
                                                 " now, not by link " +
                                                 std::to_string(config_.links[*before].number)});
}

void Monitor::note_state(const Peer& peer, std::size_t link, LinkState before) {
    const LinkState state = peer.paths[link].state;
    const bool news = state == LinkState::up || before == LinkState::up || state == LinkState::only_in ||
                      state == LinkState::only_out;
    if (!news) return;
    out_.notes.push_back({state == LinkState::up ? base::Level::info : base::Level::warning,
                          "link " + std::to_string(config_.links[link].number) + " to node " +
                              base::to_string(peer.node) + ": " + describe(state, peer.node)});
}

std::string Monitor::size_trouble(const Peer& peer, std::size_t link) const {
    const PathSize& size = peer.paths[link].size;
    if (!size.searched() || size.size() >= size.limit()) return {};
    return "link " + std::to_string(config_.links[link].number) + " to node " + base::to_string(peer.node) +
           ": datagrams of more than " + std::to_string(size.size()) +
           " bytes get lost on the way, though the interface takes " + std::to_string(size.limit()) +
           " (with IP and UDP headers: " + std::to_string(size.size() + own_[link].headers) + " of " +
           std::to_string(size.limit() + own_[link].headers) + "); larger frames go in pieces";
}

// A path that takes less than the interface is the network's fault, or somebody's firewall: it is named once.
void Monitor::note_size(Peer& peer, std::size_t link) {
    Path& path = peer.paths[link];
    const std::string trouble = size_trouble(peer, link);
    if (trouble == path.size_told) return;
    path.size_told = trouble;
    if (!trouble.empty()) out_.notes.push_back({base::Level::warning, trouble});
}

std::vector<LinkStatus> Monitor::status() const {
    std::vector<LinkStatus> out;
    for (const Peer& peer : peers_) {
        for (std::size_t link = 0; link < own_.size(); ++link) {
            const Path& path = peer.paths[link];
            LinkStatus status;
            status.peer = peer.node;
            status.number = config_.links[link].number;
            status.state = path.state;
            status.active = peer.active == link;
            status.since = path.since;
            status.srtt = path.srtt;
            status.rttvar = path.rttvar;
            if (path.size.proven()) status.mtu = path.size.size() + own_[link].headers;
            const std::uint32_t window = std::min<std::uint32_t>(path.judged, kKept);
            const std::uint64_t seen = window == kKept ? ~std::uint64_t{0} : (std::uint64_t{1} << window) - 1;
            const auto missing = static_cast<double>(std::bitset<kKept>(path.outcomes & seen).count());
            if (window > 0) status.loss = missing / static_cast<double>(window);
            status.sent = path.sent;
            status.lost = path.lost;
            status.went_down = path.went_down;
            status.group = config_.links[link].group;
            status.copies = copies(peer.node, link);
            status.trouble = trouble(peer, link);
            out.push_back(std::move(status));
        }
    }
    return out;
}

}  // namespace totem

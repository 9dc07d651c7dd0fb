#include "totem/monitor/monitor.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace totem {
namespace {

// How long the first size probe waits for its answer. Each further one waits twice as long, and an answer to
// an earlier one counts: a path of up to 700 ms is searched, and no path of which less was measured for long.
constexpr base::Duration kLeastPatience = base::milliseconds(25), kMostPatience = base::milliseconds(100);

base::Duration larger(base::Duration a, base::Duration b) {
    return std::max(a, b);
}

}  // namespace

base::Duration MonitorConfig::interval() const {
    if (links.size() > 1) return larger(token_timeout / 6, base::milliseconds(5));
    // Nothing depends on its speed: many peers are asked less often.
    return larger(token_timeout / 4, base::milliseconds(10) * static_cast<std::int64_t>(peers.size()));
}

base::Duration MonitorConfig::hush() const {
    return std::min(silence(), larger(token_timeout * 7 / 8, interval() * 3 / 2));
}

Monitor::Monitor(MonitorConfig config, base::Instant now)
    : config_(std::move(config)),
      now_(now),
      next_beat_(now),
      deadline_(now),
      own_(config_.links.size()) {
    ASSERT(!config_.links.empty() && config_.links.size() <= kMaxLinks);
    std::sort(config_.peers.begin(), config_.peers.end());
    for (const base::NodeId node : config_.peers) add_peer(node);
}

void Monitor::add_peer(base::NodeId node) {
    const auto at = std::find_if(peers_.begin(), peers_.end(),
                                 [&](const Peer& peer) { return peer.node.value > node.value; });
    Peer& peer = *peers_.emplace(at);
    peer.node = node;
    peer.known_since = now_;
    for (Path& path : peer.paths) path.since = now_;
}

void Monitor::set_peers(base::Instant now, std::vector<base::NodeId> peers, const RosterMark& roster) {
    step(now);
    const bool news = config_.roster != roster;
    config_.roster = roster;
    std::sort(peers.begin(), peers.end());
    std::erase_if(peers_, [&](const Peer& peer) {
        return std::find(peers.begin(), peers.end(), peer.node) == peers.end();
    });
    for (const base::NodeId node : peers) {
        if (find(node) != nullptr) continue;
        add_peer(node);
        for (std::size_t link = 0; link < own_.size(); ++link) {
            if (own_[link].open)
                find(node)->paths[link].size.set_limit(own_[link].largest, own_[link].headers);
        }
    }
    config_.peers = std::move(peers);
    ++version_;
    for (Peer& peer : peers_) {
        if (news) beat_all(peer, false);
    }
    settle();
}

std::optional<RosterMark> Monitor::roster_of(base::NodeId node, base::Incarnation process) const {
    const Peer* const peer = find(node);
    return peer != nullptr && peer->incarnation == process ? peer->roster : std::nullopt;
}

Monitor::Peer* Monitor::find(base::NodeId node) {
    const auto at =
        std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.node == node; });
    return at == peers_.end() ? nullptr : &*at;
}

const Monitor::Peer* Monitor::find(base::NodeId node) const {
    return const_cast<Monitor*>(this)->find(node);
}

std::optional<std::size_t> Monitor::index_of(std::uint8_t number) const {
    for (std::size_t i = 0; i < config_.links.size(); ++i) {
        if (config_.links[i].number == number) return i;
    }
    return std::nullopt;
}

// Whoever was away itself has no right to call others silent.
void Monitor::step(base::Instant now) {
    const base::Duration gap = now - now_;
    now_ = now;
    if (gap <= config_.interval() * 2) return;
    for (Peer& peer : peers_) {
        for (Path& path : peer.paths) {
            path.heard_at = path.heard_at + gap;
            path.told_at = path.told_at + gap;
        }
    }
}

void Monitor::link_opened(base::Instant now, std::size_t link, std::size_t largest, std::size_t headers) {
    step(now);
    own_[link].open = true;
    own_[link].largest = largest;
    own_[link].headers = headers;
    ++version_;
    beat_group(link);
    for (Peer& peer : peers_) {
        peer.paths[link].size.set_limit(largest, headers);
        beat(peer, link, false);
    }
    settle();
}

void Monitor::link_closed(base::Instant now, std::size_t link) {
    step(now);
    own_[link].open = false;
    ++version_;
    for (Peer& peer : peers_) {
        Path& path = peer.paths[link];
        path.heard_at = path.told_at = base::Instant::never();
        path.good = 0;
        judge(peer);
    }
    settle();
}

void Monitor::meet(Peer& peer, base::Incarnation incarnation) {
    peer.incarnation = incarnation;
    peer.known_since = now_;
    for (Path& path : peer.paths) {
        path.heard = path.mask = 0;
        path.good = 0;
        path.heard_at = path.told_at = base::Instant::never();
        path.was_up = false;
        path.ear = {};
        path.heard_group = false;
        path.here = path.there = {};
        if (path.state == LinkState::up) ++path.went_down;
        path.state = LinkState::unknown;
        path.since = now_;
        path.size.went_down();
    }
    peer.urgent_at = {};
    peer.beat_at.reset();
    peer.roster.reset();
    choose(peer);
}

bool Monitor::receive(base::Instant now, base::NodeId node, base::Incarnation incarnation, std::size_t link,
                      base::ByteView body) {
    Peer* const peer = find(node);
    auto message = decode_link_message(body);
    if (!message || std::holds_alternative<Piece>(*message)) return false;
    if (peer == nullptr || link >= own_.size() || !own_[link].open || incarnation < peer->incarnation)
        return true;
    step(now);
    const bool met = incarnation > peer->incarnation;
    if (met) meet(*peer, incarnation);
    Path& path = peer->paths[link];
    if (const auto* beat = std::get_if<Heartbeat>(&*message)) {
        if (beat->link != config_.links[link].number) return true;  // the peer's node file differs from ours
        take(*peer, link, *beat);
    } else if (const auto* probe = std::get_if<SizeProbe>(&*message)) {
        // Of what the seal kept back the link is not known.
        if (probe->link != config_.links[link].number) return true;
        out_.frames.push_back({link, node, encode(SizeAnswer{config_.links[link].number, probe->id}), false});
    } else if (const auto* answer = std::get_if<SizeAnswer>(&*message)) {
        const bool of_this_link = answer->link == config_.links[link].number;
        if (of_this_link && path.size.answered(now_, answer->id)) this->probe(*peer, link);
    } else if (const auto* group = std::get_if<GroupBeat>(&*message)) {
        if (group->link == config_.links[link].number) path.ear.heard(group->number);
    }
    judge(*peer);
    if (met) beat_all(*peer, false);
    settle();
    return true;
}

void Monitor::take(Peer& peer, std::size_t link, const Heartbeat& beat) {
    out_.told.push_back(beat.heard);
    Path& path = peer.paths[link];
    if (beat.number > path.heard) {
        const std::uint32_t ahead = beat.number - path.heard;
        path.mask = ahead < 32 ? path.mask << ahead | 1 : 1;
        path.heard = beat.number;
    } else if (path.heard - beat.number < 32) {
        path.mask |= std::uint32_t{1} << (path.heard - beat.number);
    }
    if (!hears(path)) {
        path.hearing_since = now_;
        path.good = 0;
    }
    path.heard_at = now_;
    peer.beat_at = now_;
    peer.roster = beat.roster;
    ++path.good;
    take_word(peer, beat);
    for (const LinkReport& report : beat.reports) {
        if (const auto at = index_of(report.link)) take_report(peer.paths[*at], report, *at == link);
    }
    if (beat.urgent) this->beat(peer, link, false);
}

// The numbers that are reported count for this process only if it is the one that they speak of.
void Monitor::take_word(const Peer& peer, const Heartbeat& beat) {
    if (config_.rider == nullptr || beat.word == 0 || beat.of != config_.self) return;
    std::optional<base::Instant> latest;
    for (const LinkReport& report : beat.reports) {
        const auto at = index_of(report.link);
        if (!at) continue;
        const Path& path = peer.paths[*at];
        if (report.heard == 0 || report.heard > path.sent || path.sent - report.heard >= kKept) continue;
        latest = std::max(latest.value_or(base::Instant{}), path.sent_at[report.heard % kKept]);
    }
    if (latest) config_.rider->acknowledged(now_, peer.node, *latest, beat.word);
}

// A report that came by another link says what was heard, but not how long that takes.
void Monitor::take_report(Path& path, const LinkReport& report, bool same_link) {
    path.told_at = now_;
    path.told_hears = report.hears;
    if (std::exchange(path.heard_group, report.hears_group) != report.hears_group) ++version_;
    path.ear.told(report.group_sent);
    if (report.heard == 0 || report.heard > path.sent) return;  // of our former start
    for (std::uint32_t i = 0; i < 32 && i < report.heard; ++i) {
        const std::uint32_t number = report.heard - i;
        if (path.sent - number >= kKept) break;
        if ((report.mask >> i & 1) != 0) path.acked |= std::uint64_t{1} << number % kKept;
    }
    if (!same_link || report.heard <= path.measured || path.sent - report.heard >= kKept) return;
    path.measured = report.heard;
    const base::Duration rtt = now_ - path.sent_at[report.heard % kKept] - report.hold;
    // What an outage held up says nothing of the path.
    const bool is_out = path.state != LinkState::up && path.state != LinkState::unknown;
    if (rtt.ns < 0 || is_out) return;
    if (path.srtt.ns == 0) {
        path.srtt = rtt;
        path.rttvar = rtt / 2;
        return;
    }
    // RFC 6298, section 2.
    const base::Duration off{std::max(path.srtt.ns - rtt.ns, rtt.ns - path.srtt.ns)};
    path.rttvar = path.rttvar * 3 / 4 + off / 4;
    path.srtt = path.srtt * 7 / 8 + rtt / 8;
}

bool Monitor::hears(const Path& path) const {
    return path.heard_at != base::Instant::never() && now_ - path.heard_at <= config_.silence();
}

void Monitor::beat(Peer& peer, std::size_t link, bool large, bool urgent) {
    if (!own_[link].open) return;
    Path& path = peer.paths[link];
    Heartbeat beat;
    beat.link = config_.links[link].number;
    beat.number = ++path.sent;
    for (std::size_t i = 0; i < own_.size(); ++i) {
        const Path& of = peer.paths[i];
        const base::Duration hold =
            of.heard == 0 || of.heard_at == base::Instant::never() ? base::Duration{} : now_ - of.heard_at;
        beat.reports.push_back({config_.links[i].number, own_[i].open && hears(of), of.heard,
                                of.heard == 0 ? 0 : of.mask, hold, of.ear.hears(), own_[i].group_sent});
    }
    beat.heard = peer.heard;
    beat.of = peer.incarnation;
    beat.urgent = urgent;
    if (config_.rider != nullptr && peer.beat_at)
        beat.word = config_.rider->word(peer.node, peer.incarnation, *peer.beat_at);
    beat.roster = config_.roster;
    const std::uint64_t bit = std::uint64_t{1} << path.sent % kKept;
    path.sent_at[path.sent % kKept] = now_;
    path.acked &= ~bit;
    path.large = large ? path.large | bit : path.large & ~bit;
    const std::size_t size = large ? path.size.size() - config_.overhead : kSmallestBeat;
    out_.frames.push_back({link, peer.node, encode(beat, size), large});
}

void Monitor::beat_all(Peer& peer, bool large, bool urgent) {
    for (std::size_t link = 0; link < own_.size(); ++link) beat(peer, link, large, urgent);
}

// Which of our heartbeats were heard, as soon as the peer has had the time to say so.
void Monitor::judge_sent(Path& path) {
    // A peer that takes longer to say so is not up.
    const base::Duration patience = config_.interval() * 2 + std::min(path.srtt * 2, config_.silence());
    bool large_lost = false;
    while (path.judged < path.sent) {
        const std::uint32_t number = path.judged + 1;
        if (path.sent - number < kKept - 1 && now_ - path.sent_at[number % kKept] < patience) break;
        path.judged = number;
        const std::uint64_t bit = std::uint64_t{1} << number % kKept;
        const bool lost = (path.acked & bit) == 0, large = (path.large & bit) != 0;
        path.outcomes = path.outcomes << 1 | static_cast<std::uint64_t>(lost);
        path.lost += lost ? 1 : 0;
        large_lost |= lost && large;
    }
    // That small ones pass is what "up" says.
    if (large_lost && path.state == LinkState::up) path.size.suspect(now_);
}

void Monitor::probe(Peer& peer, std::size_t link) {
    Path& path = peer.paths[link];
    if (!own_[link].open || path.state != LinkState::up || now_ < path.size.next_deadline()) return;
    const base::Duration patience =
        std::clamp(path.srtt * 2 + path.rttvar * 4, kLeastPatience, kMostPatience);
    if (const auto probe = path.size.due(now_, patience)) {
        const SizeProbe message{config_.links[link].number, probe->id};
        out_.frames.push_back({link, peer.node, encode(message, probe->size - config_.overhead), true});
    }
    note_size(peer, link);
}

void Monitor::advance(base::Instant now) {
    step(now);
    const bool beats = now_ >= next_beat_;
    if (beats) {
        large_turn_ = !large_turn_;
        next_beat_ = now_ + config_.interval();
        for (std::size_t link = 0; link < own_.size(); ++link) beat_group(link);
    }
    const bool urgent = config_.rider != nullptr && config_.rider->urgent(now_);
    for (Peer& peer : peers_) {
        if (urgent) beat_all(peer, false, true);
        for (std::size_t link = 0; beats && link < own_.size(); ++link) {
            judge_sent(peer.paths[link]);
            // A peer that is not there is asked with small ones.
            beat(peer, link, large_turn_ && peer.paths[link].state == LinkState::up);
        }
        judge(peer);
    }
    settle();
}

// Probes that are due, the common size, and when something is due next.
void Monitor::settle() {
    deadline_ = next_beat_;
    std::size_t common = 0;
    std::uint64_t sizes = 0;  // changes when one of them does
    for (Peer& peer : peers_) {
        for (std::size_t link = 0; link < own_.size(); ++link) {
            Path& path = peer.paths[link];
            probe(peer, link);
            if (path.state != LinkState::up) continue;
            deadline_ = std::min(deadline_, path.size.next_deadline());
            const base::Instant silent = std::min(path.heard_at, path.told_at) + config_.silence();
            deadline_ = std::min(deadline_, silent + base::nanoseconds(1));
        }
        if (!peer.silent && heard_until(peer) != base::Instant::never())
            deadline_ = std::min(deadline_, std::max(heard_until(peer), now_) + base::nanoseconds(1));
        if (!peer.active) continue;
        const std::size_t size = peer.paths[*peer.active].size.size();
        common = common == 0 ? size : std::min(common, size);
        sizes = sizes * 65'537 + size;
    }
    common_size_ = common == 0 ? PathSize::kFloor : common;
    if (sizes != sizes_) ++version_;
    sizes_ = sizes;
}

void Monitor::set_heard(base::NodeId node, const base::Heard& heard) {
    if (Peer* const peer = find(node)) peer->heard = heard;
}

MonitorOutbox Monitor::drain() {
    return std::exchange(out_, {});
}

bool Monitor::carries(base::NodeId peer, std::size_t link) const {
    const Peer* const known = find(peer);
    if (known == nullptr || !own_[link].open) return false;
    return !known->active || *known->active == link;
}

base::Incarnation Monitor::reached(base::NodeId peer, std::size_t link) const {
    const Peer* const known = find(peer);
    const bool up = known != nullptr && known->paths[link].state == LinkState::up;
    return up ? known->incarnation : base::Incarnation{};
}

std::size_t Monitor::frame_size(base::NodeId peer) const {
    const Peer* const known = find(peer);
    if (known == nullptr || !known->active) return PathSize::kFloor;
    return known->paths[*known->active].size.size();
}

}  // namespace totem

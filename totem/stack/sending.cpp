// What goes out: by which links, whole or in pieces.
#include <algorithm>
#include <iterator>
#include <utility>

#include "totem/stack/stack.hpp"

namespace totem {
namespace {

constexpr base::Duration kRenewKey = base::seconds(600);

}  // namespace

// What the monitor wants to be sent and said, and what follows from what it knows now.
void Stack::follow_monitor() {
    MonitorOutbox out = monitor_.drain();
    for (const MonitorNote& note : out.notes) tracer_.note(note.level, note.text);
    std::move(out.frames.begin(), out.frames.end(), std::back_inserter(link_frames_));
    for (const base::Heard& heard : out.told) sealer_.told(heard);
    for (const Silence& s : out.silences) {
        if (ring_) ring_->peer_hint(*last_input_, s.peer, s.silent ? Hint::silent : Hint::heard);
    }
    if (monitor_.version() == routes_version_) return;
    routes_version_ = monitor_.version();
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        Way& way = ways_[i];
        way.carries.clear();
        way.copies.clear();
        for (const base::LinkPeer& peer : config_.links[i].peers) {
            // The only link there is carries all, also what nobody hears.
            if (ways_.size() > 1 && !monitor_.carries(peer.node, i)) continue;
            way.carries.push_back(peer.node);
            if (monitor_.copies(peer.node, i)) way.copies.push_back(peer.node);
        }
    }
    fit_ring();
    want_lifelines();
    tell_lifelines();
}

// Heartbeats tell each peer what was heard of it.
void Stack::tell_heard() {
    for (const base::NodeId node : config_.ring.roster) monitor_.set_heard(node, sealer_.heard(node));
}

// A lifeline to each process that is reached by a link, by that link.
void Stack::want_lifelines() {
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        for (const base::LinkPeer& peer : config_.links[i].peers) {
            const base::Incarnation start = monitor_.reached(peer.node, i);
            if (std::exchange(ways_[i].wanted[peer.node], start) == start) continue;
            ways_[i].lifelines.erase(peer.node);
            wanted_lifelines_.push_back({i, peer.node, start});
        }
    }
}

// Those by the link that frames to the peer go by: another one may not reach it any more.
void Stack::tell_lifelines() {
    if (!ring_) return;
    base::NodeSet all;
    for (const Way& way : ways_) {
        for (const base::NodeId node : way.carries) {
            if (way.lifelines.contains(node)) all.insert(node);
        }
    }
    ring_->set_lifelines(all);
}

// The ring's datagrams to the paths.
void Stack::fit_ring() {
    constexpr std::size_t kSmallest = 512;  // that the ring can work with; larger frames go in pieces
    const std::size_t fits = std::max(kSmallest, monitor_.common_frame_size() - Sealer::kOverhead);
    if (ring_) ring_->set_datagram_size(std::min(fits, config_.ring.datagram_size));
}

void Stack::renew_key() {
    const base::Instant now = last_input_.value_or(renewed_);
    if (!std::exchange(clock_jumped_, false) && now - renewed_ <= kRenewKey) return;
    sealer_.renew();
    renewed_ = now;
}

StackOutbox Stack::drain() {
    for (Way& way : ways_) way.outgoing.clear();
    frames_used_ = 0;
    if (sealer_.from_the_past()) return fall_silent();
    StackOutbox out;
    out.lifelines = std::exchange(wanted_lifelines_, {});
    out.peers_changed = std::exchange(peers_changed_, false);
    out.offered = std::exchange(offered_, std::nullopt);

    for (LinkReply& reply : replies_) {
        base::Bytes& frame = next_frame();
        frame = std::move(reply.reply.frame);
        ways_[reply.link].outgoing.push_back({reply.reply.to, frame});
    }
    replies_.clear();
    const auto later = sealer_.outdated_by();
    if (later && outdated_by_ != *later) out.persist_incarnation = outdated_by_ = *later;

    if (!link_frames_.empty()) renew_key();
    for (const LinkFrame& frame : link_frames_)
        ways_[frame.link].outgoing.push_back({frame.to, sealed(frame.body), frame.whole});
    link_frames_.clear();

    if (!ring_) return out;
    Outbox ring = ring_->drain();
    out.persist_ring_seq = ring.persist_epoch;
    out.events = std::move(ring.events);
    for (const Event& event : out.events) {
        if (const auto* regular = std::get_if<Regular>(&event)) view_ = regular->view.members;
    }
    if (!ring.datagrams.empty()) send(ring.datagrams);
    return out;
}

// Whatever it would say or deliver, it says and delivers out of a past that others have gone on from.
StackOutbox Stack::fall_silent() {
    replies_.clear();
    link_frames_.clear();
    if (ring_) static_cast<void>(ring_->drain());
    StackOutbox out;
    out.from_the_past = !std::exchange(fell_silent_, true);
    return out;
}

void Stack::send(const std::vector<Datagram>& datagrams) {
    renew_key();
    for (const Datagram& datagram : datagrams) {
        if (datagram.to == config_.ring.self.node) continue;
        const std::size_t fits =
            (datagram.to ? monitor_.frame_size(*datagram.to) : monitor_.common_frame_size()) -
            Sealer::kOverhead;
        if (datagram.bytes.size() <= fits) {
            route(datagram.to, datagram.bytes);
            continue;
        }
        ++counters_.in_pieces;
        for (const base::Bytes& piece : cut(datagram.bytes, ++piece_id_, fits)) route(datagram.to, piece);
    }
}

// One sealing serves all copies; a copy that comes twice is a replay.
void Stack::route(const std::optional<base::NodeId>& to, base::ByteView body) {
    const base::ByteView frame = sealed(body);
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        Way& way = ways_[i];
        const StackLink& link = config_.links[i];
        const bool at_once = !to && (!link.group.empty() || way.carries.size() == link.peers.size());
        if (at_once && way.copies.size() < way.carries.size()) way.outgoing.push_back({std::nullopt, frame});
        for (const base::NodeId node : at_once ? way.copies : way.carries) {
            if (!to || *to == node) way.outgoing.push_back({node, frame});
        }
    }
}

// A buffer that stays where it is until the next drain().
base::Bytes& Stack::next_frame() {
    if (frames_used_ == frames_out_.size()) frames_out_.emplace_back();
    return frames_out_[frames_used_++];
}

base::ByteView Stack::sealed(base::ByteView body) {
    base::Bytes& frame = next_frame();
    sealer_.seal(body, frame);
    return frame;
}

std::span<const base::Outgoing> Stack::outgoing(std::size_t link) const {
    return ways_[link].outgoing;
}

base::Instant Stack::next_deadline() const {
    const base::Instant pause_watch = last_input_.value_or(renewed_) + config_.ring.token_timeout / 4;
    const base::Instant at = std::min(pause_watch, monitor_.next_deadline());
    return ring_ ? std::min(at, ring_->next_deadline()) : at;
}

}  // namespace totem

// What goes out: by which links, whole or in pieces.
#include <algorithm>

#include "totem/engine/detail/core.hpp"

namespace totem::detail {
namespace {

constexpr base::Duration kRenewKey = base::seconds(600);

}  // namespace

// What the monitor wants to be sent and said, and what follows from what it knows now.
void Core::pump_monitor() {
    const MonitorOutbox out = monitor_.drain();
    for (const MonitorNote& note : out.notes) handlers_.note(note.level, note.text);
    if (!out.frames.empty()) {
        renew_key();
        for (const LinkFrame& frame : out.frames)
            ways_[frame.link].outgoing.push_back({frame.to, sealed(frame.body), frame.whole});
        flush();
    }
    if (ring_ && !out.silences.empty()) {
        for (const Silence& s : out.silences)
            ring_->peer_hint(last_wake_, s.peer, s.silent ? Hint::silent : Hint::heard);
        pump();
    }
    if (monitor_.version() == routes_version_) return;
    routes_version_ = monitor_.version();
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        Way& way = ways_[i];
        way.carries.clear();
        for (const LinkPeer& peer : way.config.peers) {
            // The only link there is carries all, also what nobody hears.
            if (ways_.size() == 1 || monitor_.carries(peer.node, i)) way.carries.push_back(peer.node);
        }
    }
    fit_ring();
}

void Core::fit_ring() {
    constexpr std::size_t kSmallest = 512;  // that the ring can work with; larger frames go in pieces
    const std::size_t fits = std::max(kSmallest, monitor_.common_frame_size() - Sealer::kOverhead);
    if (ring_) ring_->set_datagram_size(std::min(fits, config_.ring.datagram_size));
}

void Core::renew_key() {
    sealer_.set_time(last_wake_);
    if (!clocks_.jumped() && last_wake_ - renewed_ <= kRenewKey) return;
    sealer_.renew();
    renewed_ = last_wake_;
}

void Core::send(const std::vector<Datagram>& datagrams) {
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
    flush();
}

// One sealing serves all copies; a copy that comes twice is a replay.
void Core::route(const std::optional<base::NodeId>& to, base::ByteView body) {
    const base::ByteView frame = sealed(body);
    for (Way& way : ways_) {
        const bool by_group = way.config.group || way.config.broadcast;
        if (!to && (by_group || way.carries.size() == way.config.peers.size())) {
            if (!way.carries.empty()) way.outgoing.push_back({std::nullopt, frame});
            continue;
        }
        for (const base::NodeId node : way.carries) {
            if (!to || *to == node) way.outgoing.push_back({node, frame});
        }
    }
}

// Stays where it is until flush().
base::ByteView Core::sealed(base::ByteView body) {
    if (frames_used_ == frames_out_.size()) frames_out_.emplace_back();
    base::Bytes& frame = frames_out_[frames_used_++];
    sealer_.seal(body, frame);
    return frame;
}

void Core::flush() {
    for (Way& way : ways_) {
        if (!way.outgoing.empty()) way.link->send(way.outgoing);
        way.outgoing.clear();
    }
    frames_used_ = 0;
}

}  // namespace totem::detail

// What the stack tells of itself.
#include <algorithm>
#include <numeric>

#include "totem/stack/stack.hpp"

namespace totem {

std::size_t Stack::queued_bytes() const {
    if (ring_) return ring_->status().queued_bytes;
    return std::accumulate(early_.begin(), early_.end(), std::size_t{0},
                           [](std::size_t sum, const Early& early) { return sum + early.payload.size(); });
}

RingStatus Stack::ring_status() const {
    if (ring_) return ring_->status();
    RingStatus waiting;
    waiting.phase = "waiting";
    waiting.queued_bytes = queued_bytes();
    return waiting;
}

StackStatus Stack::status() const {
    StackStatus out = counters_;
    out.ring = ring_status();
    if (ring_) out.changes = {ring_->changes().begin(), ring_->changes().end()};
    out.rejected = sealer_.rejected();
    out.keys = keys_;
    for (KeyStatus& key : out.keys) {
        const base::NodeSet senders = sealer_.senders(key.id);
        for (const Member& member : out.ring.view.members) {
            if (senders.contains(member.node)) key.senders.insert(member.node);
        }
    }
    out.frame_size = monitor_.common_frame_size();
    out.pieces_given_up = pieces_.given_up();
    out.links = monitor_.status();
    for (LinkStatus& path : out.links) {
        const auto link = std::find_if(config_.links.begin(), config_.links.end(),
                                       [&](const StackLink& l) { return l.number == path.number; });
        const auto peer = std::find_if(link->peers.begin(), link->peers.end(),
                                       [&](const base::LinkPeer& p) { return p.node == path.peer; });
        if (peer != link->peers.end()) path.remote = to_string(peer->address);
        path.lifeline =
            ways_[static_cast<std::size_t>(link - config_.links.begin())].lifelines.contains(path.peer);
    }
    return out;
}

void Stack::check_invariants() const {
    if (ring_) ring_->check_invariants();
}

}  // namespace totem

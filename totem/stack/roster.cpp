// The configured nodes, and who goes by which list of them. A list that counts was written by a majority, so
// whoever has an older one has been away: its frames say nothing that this ring could use, and would only
// tear it down. It is shown the newer list by the side of the heartbeats (decision 0130).
#include <algorithm>
#include <utility>

#include "totem/stack/stack.hpp"

namespace totem {
namespace {

constexpr base::Duration kShowAgain = base::seconds(1);

}  // namespace

// A member of the view stays one while the list changes: all members change it at the same message, but not
// at the same moment.
bool Stack::in_agreement(const Member& sender) const {
    if (std::find(view_.begin(), view_.end(), sender) != view_.end()) return true;
    const auto theirs = monitor_.roster_of(sender.node, sender.incarnation);
    return theirs ? monitor_.roster().agrees(*theirs) : monitor_.roster().counted == 0;
}

void Stack::disagree(const Member& sender) {
    ++counters_.other_roster;
    counters_.last_other_roster = sender.node;
    counters_.other_roster_at = last_input_.value_or(renewed_);
    counters_.last_other_mark = monitor_.roster_of(sender.node, sender.incarnation).value_or(RosterMark{});
}

void Stack::take_offer(const RosterOffer& offer) {
    offered_ = offer.list;
}

void Stack::offer_roster(base::Instant now, std::size_t link, const Member& peer) {
    const auto theirs = monitor_.roster_of(peer.node, peer.incarnation);
    const RosterMark& ours = monitor_.roster();
    if (!theirs || ours.counted <= theirs->counted || config_.roster_offer.empty()) return;
    const auto shown = shown_.find(peer.node);
    if (shown != shown_.end() && now - shown->second < kShowAgain) return;
    shown_[peer.node] = now;
    link_frames_.push_back({link, peer.node, encode(RosterOffer{config_.roster_offer}), false});
}

void Stack::change_nodes(base::Instant now, StackNodes nodes) {
    wake(now);
    config_.roster_mark = nodes.mark;
    config_.roster_offer = nodes.offer;
    shown_.clear();
    if (!nodes.moving.empty()) {
        moving_ = nodes.moving;
        moved_by_ = base::Instant::never();
    } else if (moved_by_ == base::Instant::never()) {
        moved_by_ = now + config_.ring.token_timeout;
    }
    nodes_ = std::move(nodes);
    settle_nodes(now);
}

void Stack::settle_nodes(base::Instant now) {
    if (!nodes_) return;
    base::NodeSet kept = config_.ring.roster.minus(nodes_->roster);
    if (kept.empty() || !ring_ || !ring_->needed(kept)) kept = {};
    base::NodeSet roster = nodes_->roster;
    roster.insert(kept);
    bool news = roster != config_.ring.roster || !(monitor_.roster() == nodes_->mark);
    for (std::size_t i = 0; i < config_.links.size(); ++i) {
        std::vector<base::LinkPeer> peers = nodes_->peers[i];
        for (const base::LinkPeer& peer : config_.links[i].peers) {
            if (kept.contains(peer.node)) peers.push_back(peer);
        }
        news = news || peers != config_.links[i].peers;
        config_.links[i].peers = std::move(peers);
    }
    if (kept.empty()) nodes_.reset();
    if (!news) return;
    config_.ring.roster = roster;
    peers_changed_ = true;
    sealer_.set_roster(roster);
    monitor_.set_peers(now, monitor_config(config_).peers, config_.roster_mark);
    if (ring_) ring_->set_roster(now, roster);
    for (Way& way : ways_) {
        std::erase_if(way.wanted, [&](const auto& wanted) { return !roster.contains(wanted.first); });
        way.lifelines = way.lifelines.minus(way.lifelines.minus(roster));
    }
    follow_monitor();
}

}  // namespace totem

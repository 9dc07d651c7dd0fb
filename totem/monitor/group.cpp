// Whom the group of a link reaches. Switches that snoop IGMP stop forwarding a group when nobody asks who is
// in it, and filters drop it, while unicast passes.
#include <string>
#include <utility>

#include "totem/monitor/monitor.hpp"

namespace totem {
namespace {

constexpr const char* kDoesNot = " does not arrive; copies go by unicast";

}  // namespace

void Monitor::beat_group(std::size_t link) {
    OwnLink& own = own_[link];
    if (!own.open || config_.links[link].group.empty()) return;
    const GroupBeat beat{config_.links[link].number, ++own.group_sent};
    out_.frames.push_back({link, std::nullopt, encode(beat, kSmallestBeat), false});
}

bool Monitor::copies(base::NodeId peer, std::size_t link) const {
    const Peer* const known = find(peer);
    if (known == nullptr || config_.links[link].group.empty()) return false;
    const Path& path = known->paths[link];
    return path.state == LinkState::up && !path.heard_group;
}

// Whether there is something that the peer shall know at once.
bool Monitor::judge_group(Peer& peer, std::size_t link) {
    if (config_.links[link].group.empty()) return false;
    Path& path = peer.paths[link];
    judge_deafness(peer, link, !path.ear.hears(), path.here);
    judge_deafness(peer, link, !path.heard_group, path.there);
    return std::exchange(path.ear_told, path.ear.hears()) != path.ear.hears();
}

// A few frames lost in a row are no news: copies are sent for a moment, and nobody reads of it.
void Monitor::judge_deafness(const Peer& peer, std::size_t link, bool deaf, Deafness& deafness) {
    const Path& path = peer.paths[link];
    const bool here = &deafness == &path.here;
    // Where nothing arrives at all, that is told.
    if (path.state != LinkState::up || !deaf) {
        if (std::exchange(deafness, {}).told && path.state == LinkState::up)
            out_.notes.push_back({base::Level::info, group_text(peer, link, here) + " arrives again"});
        return;
    }
    if (deafness.since == base::Instant::never()) deafness.since = now_;
    if (deafness.told || now_ - deafness.since <= config_.silence()) return;
    deafness.told = true;
    out_.notes.push_back(
        {base::Level::warning, group_text(peer, link, here) + kDoesNot +
                                   ". A switch or a filter on the way drops it; where switches snoop IGMP, a "
                                   "router or one of them must be the querier of this network"});
}

std::string Monitor::group_text(const Peer& peer, std::size_t link, bool here) const {
    const std::string& group = config_.links[link].group;
    return "link " + std::to_string(config_.links[link].number) + (here ? " from" : " to") + " node " +
           base::to_string(peer.node) + ": what is sent by " +
           (group == "broadcast" ? "" : "multicast group ") + group;
}

std::string Monitor::trouble(const Peer& peer, std::size_t link) const {
    std::string out = size_trouble(peer, link);
    for (const bool here : {false, true}) {
        const Path& path = peer.paths[link];
        if (!(here ? path.here : path.there).told) continue;
        out += (out.empty() ? "" : "; ") + group_text(peer, link, here) + kDoesNot;
    }
    return out;
}

}  // namespace totem

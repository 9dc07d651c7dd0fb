// What the engine tells of itself.
#include <algorithm>

#include "totem/engine/detail/core.hpp"

namespace totem::detail {

bool Core::bound() const {
    return std::any_of(ways_.begin(), ways_.end(), [](const Way& way) { return way.link->bound(); });
}

std::string Core::trouble() const {
    std::string out;
    const auto add = [&](const std::string& text) {
        if (!text.empty()) out += (out.empty() ? "" : "; ") + text;
    };
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        const std::string& text = ways_[i].link->trouble();
        const bool named = ways_.size() > 1 && !text.empty();
        add(named ? "link " + std::to_string(config_.links[i].number) + ": " + text : text);
    }
    add(epoch_trouble_);
    for (const LinkStatus& path : monitor_.status()) add(path.trouble);
    return out;
}

LinkCounters Core::counters() const {
    LinkCounters sum;
    for (const Way& way : ways_) {
        const LinkCounters one = way.link->counters();
        sum.received += one.received;
        sum.sent += one.sent;
        sum.send_failed += one.send_failed;
        if (!one.last_send_error.empty()) sum.last_send_error = one.last_send_error;
        sum.overflowed += one.overflowed;
        sum.unsent += one.unsent;
        if (one.receive_buffer > 0 && (sum.receive_buffer == 0 || one.receive_buffer < sum.receive_buffer))
            sum.receive_buffer = one.receive_buffer;
    }
    return sum;
}

EngineStatus Core::status() const {
    EngineStatus out = counters_;
    if (ring_) {
        out.ring = ring_->status();
        out.changes = {ring_->changes().begin(), ring_->changes().end()};
    } else {
        out.ring.phase = "waiting";
    }
    out.bound = bound();
    out.trouble = trouble();
    out.rejected = sealer_.rejected();
    out.keys = keys_;
    for (KeyStatus& key : out.keys) {
        const base::NodeSet senders = sealer_.senders(key.id);
        for (const Member& member : out.ring.view.members) {
            if (senders.contains(member.node)) key.senders.insert(member.node);
        }
    }
    out.link = counters();
    out.frame_size = monitor_.common_frame_size();
    out.pieces_given_up = pieces_.given_up();
    out.links = monitor_.status();
    for (LinkStatus& path : out.links) {
        const auto at = std::find_if(config_.links.begin(), config_.links.end(),
                                     [&](const EngineLink& link) { return link.number == path.number; });
        const Way& way = ways_[static_cast<std::size_t>(at - config_.links.begin())];
        const auto& interface = way.link->interface();
        if (interface) path.interface = interface->name;
        path.local = to_string(way.config.own);
        path.remote = to_string(*way.address_of(path.peer));
        path.port = way.config.port;
    }
    return out;
}

}  // namespace totem::detail

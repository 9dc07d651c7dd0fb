// What the engine tells of itself.
#include <algorithm>

#include "totem/engine/detail/core.hpp"

namespace totem::detail {

bool Core::bound() const {
    return std::any_of(ways_.begin(), ways_.end(), [](const Way& way) { return way.link->bound(); });
}

std::string Core::trouble(const std::vector<LinkStatus>& links) const {
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
    for (const LinkStatus& path : links) add(path.trouble);
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
    EngineStatus out{stack_.status(), {}, {}, {}, {}, {}};
    out.bound = bound();
    out.trouble = trouble(out.links);
    out.link = counters();
    out.realtime = realtime_;
    out.memory_locked = memory_locked_;
    for (LinkStatus& path : out.links) {
        const auto at = std::find_if(config_.links.begin(), config_.links.end(),
                                     [&](const EngineLink& link) { return link.number == path.number; });
        const Way& way = ways_[static_cast<std::size_t>(at - config_.links.begin())];
        const auto& interface = way.link->interface();
        if (interface) path.interface = interface->name;
        path.local = to_string(way.config.own);
        path.port = way.config.port;
    }
    return out;
}

}  // namespace totem::detail

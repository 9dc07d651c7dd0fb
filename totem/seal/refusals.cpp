#include "totem/seal/refusals.hpp"

namespace totem {

void RefusalLog::refused(Rejected why, const base::IpAddress& source) {
    switch (why) {
        case Rejected::not_ours:
        case Rejected::corosync:
        case Rejected::cluster:
        case Rejected::node:
        case Rejected::tag:
        case Rejected::claims:
            return count(static_cast<std::size_t>(why), source);
        case Rejected::replay:
        case Rejected::incarnation:
        case Rejected::own:
        case Rejected::unproven:
        case Rejected::handshake:
            return;
    }
}

void RefusalLog::wrong_source(const base::IpAddress& source) {
    count(kWrongSource, source);
}

void RefusalLog::count(std::size_t kind, const base::IpAddress& source) {
    ++counts_[kind];
    ++sum_;
    last_ = source;
}

std::optional<std::string> RefusalLog::line(base::Instant now) {
    if (sum_ == 0 || (said_ && now - *said_ < kPause)) return std::nullopt;
    std::string text = "refused " + std::to_string(sum_) + (sum_ == 1 ? " frame" : " frames");
    const char* separator = ": ";
    for (std::size_t kind = 0; kind < counts_.size(); ++kind) {
        if (counts_[kind] == 0) continue;
        text += separator + std::to_string(counts_[kind]) + " " +
                (kind == kWrongSource ? "from another address than the node's"
                                      : to_string(static_cast<Rejected>(kind)));
        separator = ", ";
    }
    text += "; the last came from " + base::to_string(last_);
    counts_ = {};
    sum_ = 0;
    said_ = now;
    return text;
}

}  // namespace totem

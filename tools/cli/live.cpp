#include "tools/cli/live.hpp"

#include <algorithm>
#include <utility>

namespace tools {

base::Result<manager::live::Live> live_cluster(Shell& shell) {
    TRY(StatusReply reply, shell.status());
    const auto unavailable = [](const std::string& text) {
        return base::Error{base::Errc::unavailable, text};
    };
    if (reply.local.phase == kWaiting) {
        const auto& warnings = reply.local.warnings;
        return unavailable("this node is not in the cluster yet" +
                           (warnings.empty() ? "" : " (" + warnings.front() + ")") + ": ask on another node");
    }
    if (reply.local.phase == kOffline) return unavailable("that needs a running cluster, not a file");
    if (!reply.local.synchronised) {
        return unavailable(
            "the members of this node's view do not agree on one state at the moment: ask again, and see "
            "`custos members` if that lasts");
    }
    if (reply.local.version != CUSTOS_VERSION) {
        shell.warn("the daemon is of release " + reply.local.version + ", this command of " + CUSTOS_VERSION +
                   ": what it foretells may differ");
    }
    return manager::live::Live{std::move(reply.configuration), std::move(reply.status)};
}

base::Result<std::optional<bool>> quorate_without(Shell& shell, const std::string& node) {
    TRY(const Reply reply, shell.ask(GetRing{}));
    const auto* ring = std::get_if<RingReply>(&reply);
    if (ring == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    const auto found = std::find_if(ring->nodes.begin(), ring->nodes.end(),
                                    [&](const RingNode& each) { return each.name == node; });
    const auto is_flag = [&](const char* name) {
        return std::find(ring->flags.begin(), ring->flags.end(), name) != ring->flags.end();
    };
    if (found == ring->nodes.end() ||
        std::find(ring->members.begin(), ring->members.end(), found->id) == ring->members.end())
        return std::optional<bool>();
    if (is_flag("LastManStanding") || is_flag("AutoTieBreaker")) {
        shell.info(
            "whether the rest has a quorum is not foretold here (last_man_standing, auto_tie_breaker): "
            "the answer takes it as it is now");
        return std::optional<bool>();
    }
    const std::uint32_t left = ring->votes - std::min(ring->votes, found->votes);
    return std::optional<bool>(left > 0 && left >= ring->needed);
}

}  // namespace tools

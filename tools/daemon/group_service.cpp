#include "tools/daemon/group_service.hpp"

#include <chrono>
#include <utility>

namespace tools {

namespace {

constexpr std::chrono::milliseconds kRetry{5};  // while the ring's queue is full

membership::GroupsConfig groups_config(const totem::Member& self) {
    membership::GroupsConfig config;
    config.self = self;
    return config;
}

membership::SyncConfig sync_config(const totem::Member& self) {
    membership::SyncConfig config;
    config.self = self;
    return config;
}

}  // namespace

GroupService::GroupService(boost::asio::io_context& io, const std::string& socket_path,
                           const totem::Member& self, Submit submit, base::Tracer& tracer)
    : submit_(std::move(submit)),
      tracer_(tracer),
      groups_(groups_config(self), tracer),
      sync_(sync_config(self), tracer),
      server_(io, socket_path, 0660, groups_, groups_config(self), [this] { pump(); }),
      retry_timer_(io) {
    sync_.add(kForGroups, groups_);
}

void GroupService::pump() {
    sync_.pump();
    submit();
    server_.carry_out(groups_.drain());
    take_effects();
}

void GroupService::submit() {
    while (std::optional<membership::SyncMessage> message = sync_.next()) {
        if (submit_(message->payload, message->guarantee)) continue;
        sync_.put_back(*std::move(message));
        retry_timer_.expires_after(kRetry);
        retry_timer_.async_wait([this](const boost::system::error_code& failed) {
            if (!failed) submit();
        });
        return;
    }
}

// Others go on with the groups that they agree on. A node whose table is another one is no help to anybody.
void GroupService::take_effects() {
    for (const membership::SyncEffect& effect : sync_.drain()) {
        const auto* diverged = std::get_if<membership::Diverged>(&effect);
        if (diverged == nullptr || !diverged->stopped) continue;
        warning_ =
            "the process groups of this node differed from those of the others, so its clients were ended: "
            "this is a defect of custosd; please report it, and restart custosd";
        tracer_.note(base::Level::warning, warning_);
        server_.end_all("the process groups of this node have stopped: see custos status");
    }
}

std::vector<RingGroup> GroupService::told() const {
    std::vector<RingGroup> out;
    for (const std::string& name : groups_.groups()) {
        RingGroup group{name, {}};
        for (const membership::GroupMember& member : groups_.members(name))
            group.members.push_back({member.node.node, member.pid});
        out.push_back(std::move(group));
    }
    return out;
}

}  // namespace tools

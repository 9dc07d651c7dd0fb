// What clients of the control socket ask, and what the daemon tells of itself.
#include <pwd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include <boost/asio/post.hpp>

#include "agents/guard/supervisor.hpp"
#include "manager/scheduler/scheduler.hpp"
#include "tools/daemon/daemon.hpp"

namespace tools {

namespace {

constexpr const char* kVersion = CUSTOS_VERSION;

std::string user_name(uid_t uid) {
    char buffer[1024];
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
        return entry.pw_name;
    return "uid " + std::to_string(uid);
}

// "Sun Nov 22 10:00:00 2026", local time
std::string time_text(base::WallTime when) {
    const std::time_t seconds = when.ms / 1000;
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts)};
}

// The configuration as a client sees it: every known node has an entry, also one that nobody ever gave an
// attribute.
manager::Configuration with_all_nodes(const manager::State& state) {
    manager::Configuration config = state.configuration;
    for (const auto& [id, node] : state.status.nodes) {
        if (config.node(node.name) == nullptr) config.nodes.push_back({node.name, id.value, {}});
    }
    std::sort(config.nodes.begin(), config.nodes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return config;
}

// A virtual address that is a node's own would be taken from it at the first stop.
base::Status check_addresses(const membership::NodeConfig& config, const manager::Command& command) {
    const auto* change = std::get_if<manager::ChangeConfiguration>(&command);
    if (change == nullptr) return base::ok();
    for (const manager::Edit& edit : change->edits) {
        const auto* put = std::get_if<manager::PutPrimitive>(&edit);
        if (put == nullptr || put->value.agent.type != "IPaddr2") continue;
        const auto ip = put->value.params.find("ip");
        for (const membership::NodeEntry& node : config.nodes) {
            if (ip == put->value.params.end() ||
                std::none_of(node.addresses.begin(), node.addresses.end(),
                             [&](const auto& address) { return address.ip == ip->second; }))
                continue;
            return base::Error{base::Errc::conflict, "primitive " + put->value.id + ": " + ip->second +
                                                         " is the address of node " + node.name +
                                                         " itself; take one that no machine has"};
        }
    }
    return base::ok();
}

}  // namespace

void Daemon::request(const Credentials& client, Request request, ControlServer::Respond respond) {
    if (std::holds_alternative<GetStatus>(request)) {
        respond(status());
        return;
    }
    if (std::holds_alternative<GetRing>(request)) {
        respond(ring());
        return;
    }
    if (std::holds_alternative<Shutdown>(request)) {
        shutdown_clients_.push_back(std::move(respond));
        begin_shutdown();
        return;
    }
    if (!node_) {
        respond(Refused{"this node has not started yet: " + waiting_for_});
        return;
    }
    if (const auto* run = std::get_if<RunCommand>(&request)) {
        if (const auto checked = check_addresses(config_, run->command); !checked) {
            respond(Refused{checked.error().message});
            return;
        }
    }
    if (std::holds_alternative<AddNode>(request) || std::holds_alternative<RemoveNode>(request) ||
        std::holds_alternative<ReloadNodeFile>(request)) {
        change_nodes(user_name(client.uid) + " via custos on " + config_.find(self_)->name, request, respond);
        return;
    }
    const std::uint64_t id = next_client_++;
    clients_.emplace(id, std::move(respond));
    if (auto* run = std::get_if<RunCommand>(&request)) {
        const std::string who = user_name(client.uid) + " via custos on " + config_.find(self_)->name;
        node_->submit(moment(), id, who, std::move(run->command));
    } else if (const auto* rotate = std::get_if<RotateKey>(&request)) {
        const base::Result<totem::MasterKey> fresh = totem::MasterKey::generate();
        if (fresh) {
            node_->rotate_key(moment(), id, *fresh, rotate->wait);
        } else {
            answer({id, fresh.error(), 0, "", {}});
        }
    } else if (std::holds_alternative<CancelWaitForAll>(request)) {
        node_->cancel_wait_for_all(moment(), id);
    } else {
        node_->wait(moment(), id, std::get<WaitConverged>(request).version);
    }
    pump();
}

void Daemon::begin_shutdown() {
    if (!node_) {
        for (const ControlServer::Respond& respond : shutdown_clients_) respond(ShutdownReply{});
        boost::asio::post(io_, [this] { stop(agents::kExitDone, "stopped before it joined"); });
        return;
    }
    node_->shut_down(moment());
    pump();
}

std::vector<std::string> Daemon::warnings(const totem::EngineStatus& engine) const {
    std::vector<std::string> lines;
    if (!waiting_for_.empty()) lines.push_back("waiting: " + waiting_for_);
    if (!journal_warning_.empty()) lines.push_back(journal_warning_);
    if (groups_ && !groups_->warning().empty()) lines.push_back(groups_->warning());
    if (!engine.trouble.empty()) lines.push_back(engine.trouble);
    const auto rejected = [&](totem::Rejected why) { return engine.rejected[static_cast<std::size_t>(why)]; };
    if (rejected(totem::Rejected::corosync) > 0) {
        lines.push_back("frames of corosync arrive on our port from " + engine.last_foreign_source + " (" +
                        std::to_string(rejected(totem::Rejected::corosync)) +
                        "): custos does not speak with corosync; see the switch-over in docs/operating.md");
    }
    // Another cluster may share the network; of a machine of the nodelist it is a slip.
    const bool ours = std::any_of(config_.nodes.begin(), config_.nodes.end(), [&](const auto& node) {
        return std::any_of(node.addresses.begin(), node.addresses.end(),
                           [&](const auto& address) { return address.ip == engine.last_foreign_source; });
    });
    if (rejected(totem::Rejected::cluster) > 0 && ours) {
        lines.push_back("frames of another cluster arrive from " + engine.last_foreign_source +
                        ", which is a node of this one, and are not opened: compare totem.cluster_name there "
                        "and here ('" +
                        config_.totem.cluster_name + "'), and restart custosd where it is wrong");
    }
    if (rejected(totem::Rejected::tag) > 0) {
        std::string line = std::to_string(rejected(totem::Rejected::tag)) +
                           " frames were sealed with another key, last from " + engine.last_foreign_source +
                           ": compare the fingerprints of the key files";
        // The header is not authenticated: what it names is a hint for a person and nothing else.
        const auto own = static_cast<int>(keys_.sending().id);
        const int ahead = (engine.last_wrong_key - own + 640) % 256 - 128;  // ids go round
        if (engine.last_wrong_key >= 0 && ahead != 0) {
            line += "; they name key " + std::to_string(engine.last_wrong_key) +
                    ", this node seals with key " + std::to_string(own);
            line += ahead > 0
                        ? ": the key was changed while this node was away; copy " + config_.totem.key_file +
                              " from a member and `systemctl reload custos` here"
                        : ": that node has an old key; copy " + config_.totem.key_file +
                              " there and `systemctl reload custos`";
        }
        lines.push_back(std::move(line));
    }
    if (engine.wrong_source > 0) {
        lines.push_back(std::to_string(engine.wrong_source) +
                        " frames came from an address that is not their node's, last " +
                        engine.last_wrong_source +
                        ": is a nodeid or a ring0_addr used twice, or different in two node files?");
    }
    for (std::string& line : node_warnings(engine)) lines.push_back(std::move(line));
    if (node_) {
        for (std::string& line : key_warnings()) lines.push_back(std::move(line));
        for (std::string& line : node_->warnings()) lines.push_back(std::move(line));
    }
    if (facts_.core_is_root) lines.push_back("there is no user 'custos': the core runs as root");
    if (facts_.not_realtime || (engine_ && engine.bound && !engine.realtime)) {
        lines.push_back("real-time scheduling was refused: raise `token` if the machine is busy");
    }
    if (facts_.restarts > 0) {
        lines.push_back("the core of this node was restarted " + std::to_string(facts_.restarts) +
                        " times since custosd started");
    }
    for (const membership::Notice& notice : config_.notices) {
        if (notice.warning) lines.push_back(notice.text);
    }
    return lines;
}

StatusReply Daemon::status() const {
    StatusReply reply;
    LocalFacts& local = reply.local;
    local.cluster_name = config_.totem.cluster_name;
    local.version = kVersion;
    local.node = host_name_;
    totem::EngineStatus engine;
    if (engine_) engine = engine_->status();
    local.warnings = warnings(engine);
    if (!node_) {
        local.phase = "waiting";
        return reply;
    }
    local.node = config_.find(self_)->name;
    local.node_id = self_;
    local.phase = engine.ring.phase;
    local.ring_id = base::to_string(node_->view().ring);
    for (const totem::Member& m : node_->view().members) local.members.push_back(m.node);
    local.synchronised = node_->synchronised();
    local.quorum_reason = node_->quorum().reason;
    const manager::State& state = node_->state();
    if (const auto coordinator = node_->coordinator())
        local.coordinator = state.status.nodes.at(*coordinator).name;
    if (local.synchronised) local.notes = manager::schedule(state.configuration, state.status).notes;
    local.ring_tokens = engine.ring.tokens;
    local.ring_delivered = engine.ring.delivered;
    local.ring_retransmitted = engine.ring.retransmitted;
    local.ring_views = engine.ring.views;
    for (const std::uint64_t refused : engine.rejected) local.ring_refused += refused;
    local.rotation_us = engine.ring.rotation.ns / 1000;
    local.lease = lease();
    if (state.last_change.ms != 0)
        local.last_change = time_text(state.last_change) + " by " + state.last_user;
    reply.configuration = with_all_nodes(state);
    reply.status = state.status;
    return reply;
}

}  // namespace tools

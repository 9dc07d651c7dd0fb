#include "tools/daemon/daemon.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <utility>

#include <boost/asio/post.hpp>

#include "agents/guard/supervisor.hpp"
#include "agents/vip/address.hpp"

namespace tools {

namespace {

using base::Errc;
using base::Level;

constexpr std::chrono::milliseconds kAddressRetry{200};  // while the own address does not exist yet
constexpr std::chrono::milliseconds kBacklogRetry{5};    // while the ring's queue is full

base::Instant boottime() {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return {t.tv_sec * 1'000'000'000 + t.tv_nsec};
}

base::WallTime walltime() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return {t.tv_sec * 1000 + t.tv_nsec / 1'000'000};
}

std::uint64_t nanoseconds_since_1970() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

std::string own_host_name() {
    utsname name{};
    ::uname(&name);
    return name.nodename;
}

totem::EngineLink engine_link(const membership::NodeConfig& config, const membership::LinkOptions& link) {
    totem::EngineLink out;
    out.number = link.number;
    for (const membership::NodeEntry& node : config.nodes) {
        for (const membership::NodeAddress& address : node.addresses) {
            if (address.link == link.number) out.addresses.push_back({node.id, address.ip});
        }
    }
    out.port = link.port;
    out.priority = link.priority;
    out.multicast_ttl = link.ttl;
    switch (link.transport) {
        case membership::Transport::unicast:
            break;
        case membership::Transport::multicast:
            out.mode = totem::LinkMode::multicast;
            out.multicast_group = config.multicast_group(link);
            break;
        case membership::Transport::broadcast:
            out.mode = totem::LinkMode::broadcast;
            break;
    }
    return out;
}

}  // namespace

Daemon::Daemon(CoreOptions options, StartFile file, const totem::MasterKeys& keys, Log& log)
    : options_(std::move(options)),
      config_(std::move(file.config)),
      keys_(keys),
      log_(log),
      tracer_(log),
      io_(1),
      signals_(io_),
      node_timer_(io_),
      retry_timer_(io_),
      link_timer_(io_),
      lease_timer_(io_),
      file_timer_(io_),
      start_text_(std::move(file.text)),
      broken_file_(std::move(file.trouble)),
      host_name_(own_host_name()) {}

Daemon::~Daemon() = default;

manager::Moment Daemon::moment() const {
    return {boottime(), walltime()};
}

void Daemon::stop(int code, const std::string& why) {
    if (stopping_) return;
    stopping_ = true;
    exit_code_ = code;
    if (!why.empty()) log_.line(code == agents::kExitDone ? Level::info : Level::warning, why);
    io_.stop();
}

int Daemon::run() {
    if (!broken_file_.empty()) log_.line(Level::warning, broken_file_);
    for (const membership::Notice& notice : config_.notices) {
        log_.line(notice.warning ? Level::warning : Level::info, notice.text);
    }
    server_ = std::make_unique<ControlServer>(
        io_, options_.socket_path, 0660,
        [this](const Credentials& client, Request r, ControlServer::Respond respond) {
            request(client, std::move(r), std::move(respond));
        });
    if (const base::Status started = server_->start(); !started) {
        log_.line(Level::warning, started.error().message);
        return started.error().code == Errc::conflict ? agents::kExitRefused : agents::kExitFailed;
    }
    connect_agents();
    watch_signals();
    if (const base::Status begun = begin_nodes(); !begun) {
        log_.line(Level::warning, begun.error().message);
        return agents::kExitRefused;
    }
    find_self();
    io_.run();
    server_->stop();
    groups_.reset();
    engine_.reset();
    journal_.reset();
    return exit_code_;
}

void Daemon::connect_agents() {
    const auto note = [this](const std::string& line) { log_.line(Level::info, line); };
    const auto result = [this](const manager::OperationResult& r) { finished(r); };
    runner_ = std::make_unique<agents::RunnerClient>(
        io_, options_.runner_fd,
        agents::RunnerClient::Handlers{
            result, note,
            [this](const std::string& why) { stop(agents::kExitFailed, "the runner is gone (" + why + ")"); },
            [this](const std::string& trouble) { keys_written(trouble); },
            [this](const agents::NodeFileWritten& written) { node_file_written(written); }});
    guard_ = std::make_unique<agents::GuardClient>(
        io_, options_.guard_fd,
        agents::GuardClient::Handlers{
            result, [this](const agents::GuardFacts& facts) { facts_ = facts; }, note,
            [this](const std::string& why) { stop(agents::kExitFailed, "guard is gone (" + why + ")"); },
            [this] {
                if (!node_) return;
                node_->dropped(moment());
                pump();
            }});
}

void Daemon::watch_signals() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    const auto wait = [this](auto&& self) -> void {
        signals_.async_wait([this, self](const boost::system::error_code& failed, int signal) {
            if (failed) return;
            if (signal == SIGHUP) {
                log_.reopen();
                reload_keys();
            } else {
                begin_shutdown();
            }
            self(self);
        });
    };
    wait(wait);
}

// The own node is the one whose address is local; before that address exists there is nothing to bind and
// nobody to be.
void Daemon::find_self() {
    base::Status resolved = membership::resolve_addresses(config_, membership::system_resolver);
    base::Result<base::NodeId> self{base::Error{Errc::not_found, ""}};
    if (resolved) self = membership::find_own_node(config_, membership::local_addresses(), host_name_);
    const base::Error* error = !resolved ? &resolved.error() : (!self ? &self.error() : nullptr);
    if (error == nullptr) {
        waiting_for_.clear();
        if (const base::Status started = start_node(*self); !started) {
            stop(agents::kExitRefused, started.error().message);
        }
        return;
    }
    if (error->code != Errc::not_found) {
        stop(agents::kExitRefused, error->message);
        return;
    }
    const std::string before = waiting_for_;
    waiting_for_ = error->message;
    find_removed();
    if (waiting_for_ != before) {
        log_.line(Level::warning, "waiting: " + waiting_for_);
        guard_->ready();
    }
    retry_timer_.expires_after(kAddressRetry);
    retry_timer_.async_wait([this](const boost::system::error_code& failed) {
        if (!failed) find_self();
    });
}

totem::EngineConfig Daemon::engine_config(base::NodeId self, base::Incarnation incarnation) const {
    totem::EngineConfig engine;
    engine.ring.self = {self, incarnation};
    engine.ring.roster = config_.roster();
    engine.ring.token_timeout = config_.totem.token;
    engine.ring.consensus_timeout = config_.totem.consensus_timeout();
    engine.ring.join_interval = config_.totem.join;
    // What an idle node costs is decided here (decision 0099).
    engine.ring.idle_interval = base::milliseconds(60);
    engine.ring.look_interval = base::milliseconds(25);
    engine.ring.hop_retry = base::milliseconds(15);
    // The most that is ever tried; the engine finds what each path takes.
    constexpr std::size_t kLargestMtu = 9000, kHeaders = 28;  // IPv4 and UDP
    engine.ring.datagram_size =
        std::min<std::size_t>(config_.totem.netmtu.value_or(kLargestMtu), kLargestMtu) - kHeaders -
        totem::Sealer::kOverhead;
    engine.cluster_name = config_.totem.cluster_name;
    for (const membership::LinkOptions& link : config_.totem.links)
        engine.links.push_back(engine_link(config_, link));
    engine.epoch_file = epoch_file();
    engine.rider = keeper_.get();
    engine.roster_mark = {nodes_.counted ? nodes_.version : 0, membership::mark_of(nodes_)};
    if (nodes_.counted) engine.roster_offer = membership::encode(nodes_);
    return engine;
}

// Beside the control socket.
std::string Daemon::group_socket() const {
    return options_.socket_path.substr(0, options_.socket_path.rfind('/') + 1) + "groups.sock";
}

std::string Daemon::epoch_file() const {
    return options_.state_directory + "/ring-sequence";
}

base::Status Daemon::start_node(base::NodeId self) {
    self_ = self;
    // Addresses are known now.
    const membership::NodeList resolved = membership::node_list(config_);
    nodes_.nodes = resolved.nodes;

    manager::NodeOptions node;
    TRY(const base::Incarnation incarnation, totem::next_incarnation(epoch_file(), nanoseconds_since_1970()));
    node.self = {self, incarnation};
    for (const membership::NodeEntry& entry : config_.nodes) node.roster[entry.id] = entry.name;
    node.rules = membership::quorum_rules(config_);
    node.journal = std::exchange(last_record_, std::nullopt);
    node.keys = keys_;
    node.nodes = nodes_;
    node.lease_wait = membership::stretched(membership::lease_timing(config_.totem.token).term);
    TRY(node_, manager::Node::create(std::move(node), tracer_));
    TRY_OK(start_lease(self));

    totem::Engine::Handlers handlers;
    handlers.events = [this](std::vector<totem::Event> events) {
        // What is promised by now about those outside is final: nothing is granted to them any more.
        std::vector<membership::Promises> promises;
        for (const totem::Event& event : events) {
            if (const auto* regular = std::get_if<totem::Regular>(&event))
                promises.push_back(keeper_->installed(regular->view.ring, regular->view.members));
        }
        boost::asio::post(io_, [this, events = std::move(events), promises = std::move(promises)]() mutable {
            ring_events(events, promises);
        });
    };
    handlers.note = [this](Level level, const std::string& text) { log_.line(level, text); };
    handlers.links = [this](unsigned usable) {
        boost::asio::post(io_, [this, usable] { links_changed(usable); });
    };
    handlers.offered = [this](base::Bytes list) {
        boost::asio::post(io_, [this, list = std::move(list)] { take_offer(list); });
    };
    handlers.outdated = [this](const std::string& why) {
        boost::asio::post(io_, [this, why] {
            stop(agents::kExitAnew, why + "; starting anew, as another process of this node");
        });
    };
    TRY(engine_, totem::Engine::start(engine_config(self, incarnation), keys_, std::move(handlers)));
    groups_ = std::make_unique<GroupService>(
        io_, group_socket(), totem::Member{self, incarnation},
        [this](const base::Bytes& payload, totem::Guarantee guarantee) {
            return engine_->submit(payload, guarantee);
        },
        tracer_);
    log_.line(Level::info, "node " + config_.find(self)->name + " (" + base::to_string(self) +
                               ") of cluster '" + config_.totem.cluster_name + "' started");
    leave_last_words();
    lease_tick();
    TRY_OK(groups_->start());
    if (const base::Status kept = keep_copy(node_file_copy(options_), std::exchange(start_text_, {})); !kept)
        log_.line(Level::warning, kept.error().message);
    guard_->ready();
    if (nodes_.counted && file_.totem.config_version < nodes_.version) write_node_file();
    return base::ok();
}

// From now on guard can tell the peers when this process has died.
void Daemon::leave_last_words() {
    const totem::LastWords& words = engine_->last_words();
    agents::GuardFarewell farewell;
    if (words.frame.size() > farewell.frame.size()) return;
    std::copy(words.frame.begin(), words.frame.end(), farewell.frame.begin());
    farewell.size = static_cast<std::uint16_t>(words.frame.size());
    for (const totem::LastWords::Copy& copy : words.copies) {
        farewell.from = copy.from;
        farewell.to = copy.to;
        farewell.port = copy.port;
        guard_->farewell(farewell);
    }
}

// Views are everybody's; a message is for one, and its first byte says for whom.
void Daemon::ring_events(std::vector<totem::Event>& events,
                         const std::vector<membership::Promises>& promises) {
    std::size_t view = 0;
    for (totem::Event& event : events) {
        const auto* regular = std::get_if<totem::Regular>(&event);
        if (regular != nullptr) {
            guard_->entered(regular->view.ring);
            node_->promised(promises[view++]);
        }
        auto* message = std::get_if<totem::Delivered>(&event);
        const bool managers =
            message != nullptr && !message->payload.empty() && message->payload[0] == kForManager;
        if (managers) message->payload.erase(message->payload.begin());
        if (message == nullptr || managers) node_->ring_event(moment(), event);
        if (!managers) groups_->ring_event(event);
        if (regular != nullptr) {
            attendance_.regular(regular->view, boottime());
            // Members that come back may hold stale neighbour entries, or may have answered for our
            // addresses.
            const auto& members = regular->view.members;
            if (!std::includes(announced_to_.begin(), announced_to_.end(), members.begin(), members.end())) {
                guard_->announce_all(regular->view.ring);
            }
            announced_to_ = members;
        }
    }
    pump();
    groups_->pump();
}

// Who was cut off is alone for a moment longer than its link was dead. So a link that is back counts when it
// has had the time to bring a view of all.
void Daemon::links_changed(unsigned usable) {
    const auto tell = [this, usable] {
        node_->links(moment(), usable);
        pump();
    };
    link_timer_.cancel();
    if (usable == 0) {
        tell();
        return;
    }
    const base::Duration time = config_.totem.token + config_.totem.consensus_timeout();
    link_timer_.expires_after(std::chrono::nanoseconds(time.ns));
    link_timer_.async_wait([tell](const boost::system::error_code& failed) {
        if (!failed) tell();
    });
}

void Daemon::finished(const manager::OperationResult& result) {
    if (!node_) return;
    node_->operation_finished(moment(), result);
    pump();
}

void Daemon::pump() {
    manager::NodeOutbox out = node_->drain();
    for (manager::Archive& lost : out.archives)
        journal_->archive(std::move(lost.name), std::move(lost.payload));
    for (manager::DiskWrite& write : out.writes) {
        journal_->append(std::move(write.payload), [this, token = write.token](const base::Status& status) {
            boost::asio::post(io_, [this, token, status] {
                if (!status) {
                    if (journal_warning_.empty()) log_.line(Level::warning, status.error().message);
                    journal_warning_ =
                        status.error().message +
                        "; this node acknowledges no change any more: mend the disk and restart custosd";
                    return;
                }
                node_->persisted(moment(), token);
                pump();
            });
        });
    }
    if (out.give_up) guard_->give_up(node_->view().ring);
    if (out.nodes_changed) nodes_changed();
    follow_lease();  // before others hear that it is so
    for (manager::RingMessage& message : out.messages) {
        message.payload.insert(message.payload.begin(), kForManager);
        backlog_.push_back(std::move(message));
    }
    if (out.keys) write_keys(*std::move(out.keys));
    submit_backlog();
    for (const manager::AgentOrder& order : out.agents) run_agent(order);
    for (manager::Answer& a : out.answers) answer(std::move(a));
    if (out.leave) {
        engine_->leave();
        for (const ControlServer::Respond& respond : shutdown_clients_) respond(ShutdownReply{});
        // The replies are on their way once the loop has come round.
        const bool removed = out.removed;
        boost::asio::post(io_, [this, removed, refused = out.refused] {
            if (!refused.empty()) {
                stop(agents::kExitRefused, refused);
            } else if (removed) {
                stop(agents::kExitAnew,
                     "this node was removed from the cluster and has left it; starting anew, silent");
            } else {
                stop(agents::kExitDone, "left the cluster in order");
            }
        });
    }
    arm_timer();
}

void Daemon::submit_backlog() {
    while (!backlog_.empty()) {
        if (!engine_->submit(backlog_.front().payload, backlog_.front().guarantee)) {
            retry_timer_.expires_after(kBacklogRetry);
            retry_timer_.async_wait([this](const boost::system::error_code& failed) {
                if (!failed) submit_backlog();
            });
            return;
        }
        backlog_.pop_front();
    }
}

void Daemon::run_agent(const manager::AgentOrder& order) {
    if (const auto* cancel = std::get_if<manager::CancelRecurring>(&order)) {
        runner_->cancel_recurring(cancel->resource);
        guard_->cancel_recurring(cancel->resource);
        return;
    }
    const auto& request = std::get<manager::OperationRequest>(order);
    if (agents::is_native_address(request.agent, request.meta)) {
        guard_->start(request, node_->view().ring);
    } else {
        runner_->start(request);
    }
}

void Daemon::answer(manager::Answer answer) {
    const auto client = clients_.find(answer.client);
    if (client == clients_.end()) return;
    const ControlServer::Respond respond = std::move(client->second);
    clients_.erase(client);
    if (!answer.status) {
        respond(Refused{answer.status.error().message});
    } else if (answer.waited) {
        respond(Converged{answer.version, std::move(answer.problems)});
    } else {
        respond(CommandReply{answer.version, std::move(answer.remark), answer.under_way});
    }
}

void Daemon::arm_timer() {
    const base::Instant next = node_->next_deadline();
    if (next == base::Instant::never()) {
        node_timer_.cancel();
        return;
    }
    const base::Duration wait = next - boottime();
    node_timer_.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>(wait.ns, 0)));
    node_timer_.async_wait([this](const boost::system::error_code& failed) {
        if (failed) return;
        node_->advance(moment());
        pump();
    });
}

}  // namespace tools

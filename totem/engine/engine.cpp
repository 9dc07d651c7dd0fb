#include "totem/engine/engine.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <random>
#include <thread>

#include "totem/base/check.hpp"
#include "totem/engine/detail/core.hpp"
#include "totem/engine/detail/epoch_file.hpp"

namespace totem {
namespace {

using detail::Command;

// Threads that are made while this lives take no signals: those are the main thread's.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all{};
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

base::Error invalid(const std::string& what) {
    return {base::Errc::invalid, what};
}

base::Result<IpAddress> node_address(const PeerAddress& peer, bool same_host) {
    const std::string node = "node " + base::to_string(peer.node);
    const auto address = base::parse_ip(peer.ip);
    if (!address) return invalid(node + ": \"" + peer.ip + "\" is not an IP address");
    if (address->is_any() || address->is_multicast())
        return invalid(node + ": " + peer.ip + " is no address of one machine");
    if (address->is_loopback() && !same_host) {
        return invalid(node + ": " + peer.ip +
                       " is a loopback address, which other nodes cannot reach; see ring0_addr");
    }
    return *address;
}

base::Status check_mode(const EngineLink& link, LinkConfig& out) {
    out.broadcast = link.mode == LinkMode::broadcast;
    if (out.broadcast && out.own.v6) return invalid("IPv6 has no broadcast; see \"broadcast\"");
    if (link.mode != LinkMode::multicast) return base::ok();
    out.group = base::parse_ip(link.multicast_group);
    if (!out.group || !out.group->is_multicast() || out.group->v6 != out.own.v6) {
        return invalid("\"" + link.multicast_group + "\" is not a multicast group of " +
                       (out.own.v6 ? "IPv6 (ff00::/8)" : "IPv4 (224.0.0.0 to 239.255.255.255)"));
    }
    return base::ok();
}

base::Result<LinkConfig> link_config(const EngineConfig& config, const EngineLink& link) {
    LinkConfig out;
    out.port = link.port;
    out.ttl = link.multicast_ttl;
    out.same_host = config.same_host;
    if (link.port == 0) return invalid("the UDP port is 0");
    base::NodeSet seen;
    std::optional<bool> v6;
    for (const PeerAddress& peer : link.addresses) {
        TRY(const IpAddress address, node_address(peer, config.same_host));
        if (!seen.insert(peer.node))
            return invalid("node " + base::to_string(peer.node) + " has two addresses");
        if (v6.value_or(address.v6) != address.v6)
            return invalid("node " + base::to_string(peer.node) + ": IPv4 and IPv6 do not share a link");
        v6 = address.v6;
        if (peer.node == config.ring.self.node) {
            out.own = address;
        } else {
            out.peers.push_back({peer.node, address});
        }
    }
    if (!seen.includes(config.ring.roster)) {
        return invalid("nodes " + base::to_string(config.ring.roster.minus(seen)) + " have no address");
    }
    TRY_OK(check_mode(link, out));
    return out;
}

base::Result<std::vector<LinkConfig>> link_configs(const EngineConfig& config) {
    if (config.links.empty() || config.links.size() > kMaxLinks)
        return invalid(std::to_string(config.links.size()) + " links; 1 to 8 can be used");
    std::vector<LinkConfig> out;
    base::NodeSet numbers;
    for (const EngineLink& link : config.links) {
        auto one = link_config(config, link);
        if (!one) return one.error().with("link " + std::to_string(link.number));
        if (link.number >= kMaxLinks || !numbers.insert(base::NodeId{link.number}))
            return invalid("link " + std::to_string(link.number) + " is there twice or out of range");
        out.push_back(*std::move(one));
    }
    return out;
}

base::Status check_bounds(const RingConfig& ring) {
    if (ring.roster.size() > wire::kMaxMembers) {
        return invalid(std::to_string(ring.roster.size()) + " nodes are configured; a ring carries at most " +
                       std::to_string(wire::kMaxMembers));
    }
    if (ring.datagram_size < 512 ||
        ring.datagram_size > std::min<std::size_t>(wire::kMaxDatagram, Sealer::kMaxBody)) {
        return invalid("a datagram size of " + std::to_string(ring.datagram_size) +
                       " bytes is out of range (see netmtu)");
    }
    return base::ok();
}

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

class EngineThread final : public Engine {
  public:
    EngineThread(EngineConfig config, std::vector<LinkConfig> links, const MasterKeys& keys,
                 Handlers handlers, const detail::Epoch& stored, int timer)
        : max_queued_(config.ring.max_queued),
          max_payload_(config.ring.max_payload),
          core_(std::make_unique<detail::Core>(std::move(config), std::move(links), keys, std::move(handlers),
                                               stored, random_seed(), timer, mailbox_, backlog_)),
          last_words_(core_->last_words()),
          thread_([this] { run_core(); }) {}
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;
    ~EngineThread() override { end(detail::Stop{}); }

    bool submit(base::Bytes payload, Guarantee guarantee) override {
        const std::size_t size = payload.size();
        if (size > max_payload_) return false;
        const std::size_t before = backlog_.in_mailbox.fetch_add(size) + backlog_.in_ring.load();
        if (before + size <= max_queued_ &&
            mailbox_.push(detail::SubmitPayload{std::move(payload), guarantee})) {
            return true;
        }
        backlog_.in_mailbox.fetch_sub(size);
        return false;
    }

    void run(std::function<void(base::Instant)> call) override {
        static_cast<void>(mailbox_.push(detail::RunCall{std::move(call)}));
    }

    void leave() override { end(detail::Leave{}); }

    [[nodiscard]] const LastWords& last_words() const override { return last_words_; }

    [[nodiscard]] bool change_keys(const MasterKeys& keys) override {
        const auto changed = std::make_shared<std::promise<LastWords>>();
        auto future = changed->get_future();
        if (!mailbox_.push(detail::ChangeKeys{keys, changed})) return false;
        LastWords words = future.get();
        if (words.frame.empty()) return false;
        last_words_ = std::move(words);
        return true;
    }

    [[nodiscard]] base::Status change_nodes(const EngineConfig& config) override {
        TRY(std::vector<LinkConfig> links, link_configs(config));
        TRY_OK(check_bounds(config.ring));
        detail::ChangeNodes change{config.ring.roster, std::move(links),
                                   config.roster_mark, config.roster_offer,
                                   config.moving,      std::make_shared<std::promise<LastWords>>()};
        auto future = change.changed->get_future();
        if (mailbox_.push(std::move(change))) {
            LastWords words = future.get();
            if (!words.frame.empty()) {
                last_words_ = std::move(words);
                return base::ok();
            }
        }
        return base::Error{base::Errc::unavailable, "the ring has stopped"};
    }

    [[nodiscard]] EngineStatus status() const override {
        if (std::this_thread::get_id() == engine_id_.load()) return core_->status();
        const auto answer = std::make_shared<std::promise<EngineStatus>>();
        auto future = answer->get_future();
        const std::lock_guard lock(status_mutex_);  // among those who ask; the engine's thread never takes it
        if (!mailbox_.push(detail::AskStatus{answer})) return last_;
        if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready) {
            EngineStatus stale = known_;
            stale.trouble = "the ring's thread has not answered for a second";
            return stale;
        }
        known_ = future.get();
        return known_;
    }

  private:
    void run_core() {
        engine_id_.store(std::this_thread::get_id());
        ::pthread_setname_np(::pthread_self(), "custos-ring");
        core_->run();
        last_ = core_->status();
        last_.bound = false;
        last_.trouble = "stopped";
        // Closing publishes last_ to those who find the mailbox closed.
        for (Command& command : mailbox_.close()) {
            if (auto* ask = std::get_if<detail::AskStatus>(&command)) ask->answer->set_value(last_);
            if (auto* keys = std::get_if<detail::ChangeKeys>(&command)) keys->changed->set_value({});
            if (auto* nodes = std::get_if<detail::ChangeNodes>(&command)) nodes->changed->set_value({});
        }
    }

    void end(Command how) {
        ASSERT(std::this_thread::get_id() != engine_id_.load());
        mailbox_.push(std::move(how));
        const std::lock_guard lock(end_mutex_);
        if (!thread_.joinable()) return;
        thread_.join();
        engine_id_.store({});
        core_.reset();
    }

    std::size_t max_queued_, max_payload_;
    mutable detail::Mailbox mailbox_;
    detail::Backlog backlog_;
    std::unique_ptr<detail::Core> core_;
    EngineStatus last_;  // written by the engine's thread before it closes the mailbox
    mutable EngineStatus known_;
    mutable std::mutex status_mutex_;
    std::mutex end_mutex_;
    std::atomic<std::thread::id> engine_id_;
    LastWords last_words_;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace

base::Result<base::Incarnation> next_incarnation(const std::string& epoch_file, std::uint64_t clock) {
    TRY(const detail::Epoch stored, detail::read_epoch_file(epoch_file));
    return base::Incarnation{std::max(clock, stored.incarnation + 1)};
}

base::Result<std::unique_ptr<Engine>> Engine::start(EngineConfig config, const MasterKeys& keys,
                                                    Handlers handlers) {
    ASSERT(handlers.events && handlers.note);
    TRY(std::vector<LinkConfig> links, link_configs(config));
    TRY_OK(check_bounds(config.ring));
    TRY(const detail::Epoch stored, detail::read_epoch_file(config.epoch_file));
    TRY(const int timer, detail::open_boottime_timer());
    const SignalsBlocked blocked;
    try {
        return std::unique_ptr<Engine>(std::make_unique<EngineThread>(
            std::move(config), std::move(links), keys, std::move(handlers), stored, timer));
    } catch (const std::exception& error) {
        return base::Error{base::Errc::io, std::string("cannot start the ring's thread: ") + error.what()};
    }
}

}  // namespace totem

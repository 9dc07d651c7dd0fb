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

base::Result<Ipv4> node_address(const PeerAddress& peer, bool same_host) {
    const std::string node = "node " + base::to_string(peer.node);
    const auto address = parse_ipv4(peer.ipv4);
    if (!address) return invalid(node + ": \"" + peer.ipv4 + "\" is not an IPv4 address");
    if (address->value == 0 || address->is_multicast())
        return invalid(node + ": " + peer.ipv4 + " is no address of one machine");
    if (address->is_loopback() && !same_host) {
        return invalid(node + ": " + peer.ipv4 +
                       " is a loopback address, which other nodes cannot reach; see ring0_addr");
    }
    return *address;
}

base::Result<LinkConfig> link_config(const EngineConfig& config) {
    LinkConfig out;
    out.port = config.port;
    out.ttl = config.multicast_ttl;
    out.same_host = config.same_host;
    if (config.port == 0) return invalid("the UDP port is 0");
    base::NodeSet seen;
    for (const PeerAddress& peer : config.addresses) {
        TRY(const Ipv4 address, node_address(peer, config.same_host));
        if (!seen.insert(peer.node))
            return invalid("node " + base::to_string(peer.node) + " has two addresses");
        if (peer.node == config.ring.self.node) {
            out.own = address;
        } else {
            out.peers.push_back({peer.node, address});
        }
    }
    if (!seen.includes(config.ring.roster)) {
        return invalid("nodes " + base::to_string(config.ring.roster.minus(seen)) + " have no address");
    }
    if (!config.multicast_group.empty()) {
        out.group = parse_ipv4(config.multicast_group);
        if (!out.group || !out.group->is_multicast()) {
            return invalid("\"" + config.multicast_group +
                           "\" is not an IPv4 multicast group (224.0.0.0 to 239.255.255.255)");
        }
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
    EngineThread(EngineConfig config, LinkConfig link, const MasterKey& key, Handlers handlers,
                 std::uint64_t stored_epoch, int timer)
        : max_queued_(config.ring.max_queued),
          max_payload_(config.ring.max_payload),
          core_(std::make_unique<detail::Core>(std::move(config), std::move(link), key, std::move(handlers),
                                               stored_epoch, random_seed(), timer, mailbox_, backlog_)),
          last_words_(core_->last_words()),
          thread_([this] { run(); }) {}
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;
    ~EngineThread() override { end(detail::Stop{}); }

    bool submit(base::Bytes payload) override {
        const std::size_t size = payload.size();
        if (size > max_payload_) return false;
        const std::size_t before = backlog_.in_mailbox.fetch_add(size) + backlog_.in_ring.load();
        if (before + size <= max_queued_ && mailbox_.push(detail::SubmitPayload{std::move(payload)}))
            return true;
        backlog_.in_mailbox.fetch_sub(size);
        return false;
    }

    void leave() override { end(detail::Leave{}); }

    [[nodiscard]] const LastWords& last_words() const override { return last_words_; }

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
    void run() {
        engine_id_.store(std::this_thread::get_id());
        ::pthread_setname_np(::pthread_self(), "custos-ring");
        core_->run();
        last_ = core_->status();
        last_.bound = false;
        last_.trouble = "stopped";
        // Closing publishes last_ to those who find the mailbox closed.
        for (Command& command : mailbox_.close()) {
            if (auto* ask = std::get_if<detail::AskStatus>(&command)) ask->answer->set_value(last_);
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

base::Result<std::unique_ptr<Engine>> Engine::start(EngineConfig config, const MasterKey& key,
                                                    Handlers handlers) {
    ASSERT(handlers.events && handlers.note);
    TRY(LinkConfig link, link_config(config));
    TRY_OK(check_bounds(config.ring));
    TRY(const std::uint64_t stored_epoch, detail::read_epoch_file(config.epoch_file));
    TRY(const int timer, detail::open_boottime_timer());
    const SignalsBlocked blocked;
    try {
        return std::unique_ptr<Engine>(std::make_unique<EngineThread>(
            std::move(config), std::move(link), key, std::move(handlers), stored_epoch, timer));
    } catch (const std::exception& error) {
        return base::Error{base::Errc::io, std::string("cannot start the ring's thread: ") + error.what()};
    }
}

}  // namespace totem

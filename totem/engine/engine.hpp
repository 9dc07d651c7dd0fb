// The engine: the only place where the ring meets sockets. It owns a thread with its own io_context that runs links, seal and
// ring, and a writer thread for the ring-sequence file; the rest of the daemon talks to it by values posted between threads.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/trace.hpp"
#include "totem/ring/ring.hpp"
#include "totem/seal/seal.hpp"

namespace totem {

struct PeerAddress {
    base::NodeId node;
    std::string ipv4;  // dotted quad
};

struct EngineConfig {
    RingConfig ring;
    std::string cluster_name;
    std::vector<PeerAddress> addresses;    // all configured nodes, self included
    std::uint16_t port{5405};
    std::string multicast_group;           // empty: unicast to each peer
    int multicast_ttl{1};
    std::string epoch_file;                // durable ring-sequence reservation
    bool realtime{true};                   // ask for SCHED_RR and locked memory; refusal is reported in status, not fatal
};

struct EngineStatus {
    RingStatus ring;
    bool bound{false};                     // the own address exists and the sockets are open
    std::string trouble;                   // what is in the way, in words; empty when all is well
    std::array<std::uint64_t, kRejectedKinds> rejected{};  // frames refused by the seal, by reason
    std::string last_foreign_source;       // address of the last frame refused as corosync / foreign / wrong key
    bool realtime{false}, memory_locked{false};
    std::uint64_t pauses{0};               // how often the engine was not scheduled for more than token/2
    base::Duration longest_pause;
};

class Engine {
  public:
    struct Handlers {
        // Called on the engine's thread; the receiver posts to its own loop and returns at once.
        std::function<void(std::vector<Event>)> events;
        std::function<void(base::Level, std::string)> note;
    };
    // Opens the epoch file and starts the threads. A missing own address is not an error: the engine waits for it.
    static base::Result<std::unique_ptr<Engine>> start(EngineConfig config, MasterKey key, Handlers handlers);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;  // stops and joins the threads without a goodbye

    // Thread-safe. False: the queue is full (EngineConfig::ring.max_queued), nothing was taken.
    [[nodiscard]] virtual bool submit(base::Bytes payload) = 0;
    // Thread-safe; says goodbye to the peers and stops. Returns when the threads have ended.
    virtual void leave() = 0;
    // Thread-safe snapshot.
    [[nodiscard]] virtual EngineStatus status() const = 0;

  protected:
    Engine() = default;
};

}  // namespace totem

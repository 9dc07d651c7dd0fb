// The engine: the only place where the ring meets sockets. It owns a thread with its own io_context that runs
// links, seal and ring, and a writer thread for the ring-sequence file; the rest of the daemon talks to it by
// values posted between threads.
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
#include "totem/link/address.hpp"
#include "totem/link/counters.hpp"
#include "totem/ring/ring.hpp"
#include "totem/seal/seal.hpp"

namespace totem {

struct PeerAddress {
    base::NodeId node;
    std::string ipv4;  // dotted quad
};

struct EngineConfig {
    RingConfig ring;  // max_queued bounds submit(); the ring itself is given no bound
    std::string cluster_name;
    std::vector<PeerAddress> addresses;  // all configured nodes, self included
    std::uint16_t port{5405};
    std::string multicast_group;  // empty: unicast to each peer
    int multicast_ttl{1};
    std::string epoch_file;  // durable ring-sequence reservation; its directory must exist
    bool realtime{true};     // ask for SCHED_RR and locked memory; refusal is reported in status, not fatal
    bool same_host{false};   // for tests: all nodes on this machine; loopback addresses are taken, multicast
                             // comes back to us
};

struct EngineStatus {
    std::vector<MembershipChange>
        changes;          // the last ones of the ring, the newest last; times: CLOCK_BOOTTIME
    RingStatus ring;      // phase "waiting": the own address was not there yet
    bool bound{false};    // the own address exists and the sockets are open
    std::string trouble;  // what is in the way, in words; empty when all is well
    std::array<std::uint64_t, kRejectedKinds> rejected{};  // frames refused by the seal, by reason
    std::uint64_t wrong_source{0};  // frames of a peer that came from another address than its configured one
    std::string last_wrong_source;  // "node 2 from 10.0.0.3"
    std::string last_foreign_source;  // address of the last frame refused as corosync / foreign / other
                                      // cluster / wrong key
    LinkCounters link;
    bool realtime{false}, memory_locked{false};
    std::uint64_t pauses{0};  // how often the engine was not scheduled for more than token/2
    base::Duration longest_pause;
};

// What is to be sent for this process when it has ended without a goodbye, by its guard.
struct LastWords {
    Ipv4 own;                 // to be sent from this address
    std::vector<Ipv4> peers;  // to each of them
    std::uint16_t port{0};
    base::Bytes frame;  // sealed; true as soon as the process has ended, and for ever
};

class Engine {
  public:
    struct Handlers {
        // Called on the engine's thread; the receiver posts to its own loop and returns at once.
        std::function<void(std::vector<Event>)> events;
        std::function<void(base::Level, std::string)> note;
    };
    // Reads the epoch file and starts the threads. A missing own address is not an error: the engine waits
    // for it, and the ring starts when it has come. Errors: an address that is none, a loopback address, a
    // node of the roster without address, an epoch file that is damaged or can't be read.
    static base::Result<std::unique_ptr<Engine>> start(EngineConfig config, const MasterKey& key,
                                                       Handlers handlers);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;  // stops and joins the threads without a goodbye

    // Thread-safe. False: nothing was taken, because max_queued bytes are waiting already, the payload
    // exceeds max_payload, or the engine has stopped.
    [[nodiscard]] virtual bool submit(base::Bytes payload) = 0;
    // Thread-safe; says goodbye to the peers and stops. Returns when the threads have ended. Not from within
    // a handler.
    virtual void leave() = 0;
    // The same at every call.
    [[nodiscard]] virtual const LastWords& last_words() const = 0;
    // Thread-safe snapshot, made by the engine's thread; waits for it, for a second at most.
    [[nodiscard]] virtual EngineStatus status() const = 0;

  protected:
    Engine() = default;
};

}  // namespace totem

// The engine: the only place where the ring meets sockets. It owns a thread with its own io_context that runs
// links and stack, and a writer thread for the ring-sequence file; the rest of the daemon talks to it by
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
#include "totem/stack/stack.hpp"

namespace totem {

struct PeerAddress {
    base::NodeId node;
    std::string ip;  // as base::parse_ip() takes it
};

enum class LinkMode {
    unicast,    // a copy to each peer
    multicast,  // frames to all by a group
    broadcast,  // frames to all of the network; IPv4
};

// One network that the nodes share.
struct EngineLink {
    unsigned number{0};                  // 0 to 7: N of ringN_addr
    std::vector<PeerAddress> addresses;  // all configured nodes, self included; one IP version
    std::uint16_t port{5405};
    LinkMode mode{LinkMode::unicast};
    std::string multicast_group;
    int multicast_ttl{1};
    unsigned priority{1};  // of the links that are up the highest carries the frames, of equals the lowest
                           // number
};

struct EngineConfig {
    RingConfig ring;  // max_queued bounds submit(); the ring itself is given no bound
    std::string cluster_name;
    // In the order of their numbers, at least one. What a path is found not to carry is not sent on it:
    // ring.datagram_size is the most that is ever used.
    std::vector<EngineLink> links;
    std::string epoch_file;  // durable ring-sequence reservation and incarnation; its directory must exist
    bool realtime{true};     // ask for SCHED_RR and locked memory; refusal is reported in status, not fatal
    Rider* rider{nullptr};  // on the heartbeats: borrowed, called on the engine's thread, outlives the engine
    RosterMark roster_mark{};    // as StackConfig
    base::Bytes roster_offer{};  // as StackConfig
    base::NodeSet moving{};      // as StackNodes
    bool same_host{false};  // for tests: all nodes on this machine; loopback addresses are taken, multicast
                            // comes back to us
};

// What the stack tells, with the links' interfaces and own addresses; and what the engine adds.
struct EngineStatus : StackStatus {
    bool bound{false};    // an own address exists and its sockets are open
    std::string trouble;  // what is in the way, in words; empty when all is well
    LinkCounters link;    // of all links together; the smallest receive buffer
    bool realtime{false}, memory_locked{false};
};

// What is to be sent for this process when it has ended without a goodbye, by its guard.
struct LastWords {
    struct Copy {
        IpAddress from, to;
        std::uint16_t port{0};
    };
    std::vector<Copy> copies;  // one for each peer by each link
    base::Bytes frame;         // sealed; true as soon as the process has ended, and for ever
};

// The incarnation of a process that starts now: above that of all starts that `epoch_file` knows, also when
// the clock was set back since. `clock`: nanoseconds since 1970. Errors: those of the file, as of
// Engine::start.
[[nodiscard]] base::Result<base::Incarnation> next_incarnation(const std::string& epoch_file,
                                                               std::uint64_t clock);

class Engine {
  public:
    struct Handlers {
        // Called on the engine's thread; the receiver posts to its own loop and returns at once.
        std::function<void(std::vector<Event>)> events;
        std::function<void(base::Level, std::string)> note;
        // Nobody listens to this process, because a peer knew a start of this node with a higher incarnation,
        // or more of this start than it remembers itself; why that is, in words. It should end: what
        // next_incarnation() needs is stored. May be empty.
        std::function<void(std::string)> outdated{};
        // On so many links there is an own address, and a carrier: told at the start and when it changes. May
        // be empty.
        std::function<void(unsigned)> links{};
        // A peer has shown the list of nodes that counts, which is newer than ours. May be empty.
        std::function<void(base::Bytes)> offered{};
    };
    // Reads the epoch file and starts the threads. A missing own address is not an error: the engine waits
    // for it, and the ring starts when it has come. Errors: an address that is none, a loopback address, a
    // node of the roster without address, an epoch file that is damaged or can't be read.
    static base::Result<std::unique_ptr<Engine>> start(EngineConfig config, const MasterKeys& keys,
                                                       Handlers handlers);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;  // stops and joins the threads without a goodbye

    // Thread-safe. False: nothing was taken, because max_queued bytes are waiting already, the payload
    // exceeds max_payload, or the engine has stopped.
    [[nodiscard]] virtual bool submit(base::Bytes payload, Guarantee guarantee = Guarantee::agreed) = 0;
    // Thread-safe: `call` runs on the engine's thread, with the time that is read there, in the order of the
    // calls; for what the rider is to be told. It must neither block nor throw. Dropped when the engine has
    // stopped.
    virtual void run(std::function<void(base::Instant)> call) = 0;
    // Thread-safe; says goodbye to the peers and stops. Returns when the threads have ended. Not from within
    // a handler.
    virtual void leave() = 0;
    // The same at every call, but for change_keys().
    [[nodiscard]] virtual const LastWords& last_words() const = 0;
    // The master keys have changed: from now on frames of these are opened and the one for sending seals.
    // Without a lost frame as long as all nodes open what the others send. Not from within a handler, nor at
    // the same time as last_words(). False: the engine has stopped.
    [[nodiscard]] virtual bool change_keys(const MasterKeys& keys) = 0;
    // Other configured nodes, or other addresses of them: what `config` says of ring.roster, the addresses of
    // its links, roster_mark, roster_offer and moving; the links are the same, and self is among the nodes.
    // last_words() are others then. Not from within a handler, nor at the same time as last_words(). Errors:
    // of the addresses, as of start(); unavailable: the engine has stopped.
    [[nodiscard]] virtual base::Status change_nodes(const EngineConfig& config) = 0;
    // Thread-safe snapshot, made by the engine's thread; waits for it, for a second at most.
    [[nodiscard]] virtual EngineStatus status() const = 0;

  protected:
    Engine() = default;
};

}  // namespace totem

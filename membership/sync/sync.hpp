// Sync: what stands between the ring and the replicated services of a node. A value that is stepped: ring
// events in, messages for the ring out.
//
// The way through a view: regular view -> every member says hello (ordered), with the standing of each
// service -> with the last hello all know, service by service, whose state counts and who has another one ->
// that member sends its state in chunks, as of that place in the order, a few at a time -> who is up to date
// goes on meanwhile; who is not keeps what is delivered, installs the state with the last chunk, and applies
// what it kept. Nobody waits for anybody but the newcomer for its state: the total order is the barrier.
//
// A service speaks only in a view in which it is synchronised, and what it says counts in that view only:
// what is ordered before the last hello of a view was said in a former one and is void; Sync says it again.
// So each message is delivered once, in the view in which it was sent, and nothing ordinary comes between a
// regular view and its last hello.
//
// A view change ends whatever was under way; nothing of it is kept. docs/groups.md has it in words.
#pragma once

#include <memory>
#include <variant>

#include "membership/sync/service.hpp"
#include "totem/base/trace.hpp"

namespace membership {

struct SyncConfig {
    totem::Member self;
    // Bytes of a service's messages that the ring may have and has not delivered: what must be said again if
    // the view breaks, and how long a queue a snapshot's chunk may find before it. One message may exceed it.
    std::size_t window{256u << 10};
    std::size_t chunk{32u << 10};  // bytes of a snapshot in one message
    std::size_t chunks_in_flight{4};
    // While a state is transferred, so many bytes of the service's messages plus what has come of the
    // snapshot may be ordered; then its senders pause. Bounds what a newcomer has to keep.
    std::size_t lead{16u << 20};
    // Digests are compared after so many messages of a service; 0: never. The same at all members.
    std::uint64_t check_every{1000};
};

// A message to be ordered by the ring.
struct SyncMessage {
    base::Bytes payload;
    totem::Guarantee guarantee{totem::Guarantee::agreed};
    std::uint64_t ring_seq{0};  // of the view in which it counts
};

// Members with the same past had different states. Those of the smaller part (the lowest node of all stays)
// are the diverged ones. In the middle of a view the service of a diverged member stops: the node should
// leave and start anew. At a view's beginning it is sent the common state, if the service transfers states.
struct Diverged {
    ServiceId service{0};
    Place place;
    std::vector<totem::Member> who;
    bool stopped{false};  // this node's service has stopped
};
// This node can't take over the state of the view: its service stays out until another view.
struct NotInstalled {
    ServiceId service{0};
    base::Error why;
};
using SyncEffect = std::variant<Diverged, NotInstalled>;

// For status and for tests.
struct ServiceStatus {
    enum class Phase : std::uint8_t {
        hellos,   // not all members have said hello
        needy,    // a state is on its way to this node
        current,  // synchronised
        failed,   // could not install (NotInstalled)
        diverged  // has stopped (Diverged)
    };
    ServiceId service{0};
    Phase phase{Phase::hellos};
    bool transfer{false};  // a state is on its way to somebody
    base::NodeId authority;
    std::vector<totem::Member> needy;
    std::uint64_t received{0}, total{0};  // of the snapshot, in bytes
    std::size_t kept_bytes{0};            // here, of the snapshot and of messages that wait for it
    std::size_t in_flight{0};             // own messages that were not delivered yet
    std::size_t in_flight_bytes{0};
};
struct SyncStatus {
    bool synchronised{false};   // all hellos of the view are there
    std::uint64_t stale{0};     // messages of former views
    std::uint64_t ignored{0};   // messages that no member should have sent
    std::uint64_t diverged{0};  // members found to have another state, over all views
    std::vector<ServiceStatus> services;
};

class Sync {
  public:
    // The tracer is borrowed.
    Sync(const SyncConfig& config, base::Tracer& tracer);
    Sync(const Sync&) = delete;
    Sync& operator=(const Sync&) = delete;
    ~Sync();

    // Before the first event; the service is borrowed. The id is not 0 and not taken.
    void add(ServiceId id, Service& service);

    // Inputs. The service's functions are called from within.
    void ring_event(const totem::Event& event);
    // A service may have something to say.
    void pump();
    // Compare the digests of a service now; without effect while it is not synchronised.
    void check(ServiceId id);

    // Outputs. The next message to submit, if there is one, in this order. One that the ring does not take
    // now is put back, and asked for again later; the next regular view makes it void.
    [[nodiscard]] std::optional<SyncMessage> next();
    void put_back(SyncMessage message);
    [[nodiscard]] std::vector<SyncEffect> drain();

    [[nodiscard]] SyncStatus status() const;
    void check_invariants() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace membership

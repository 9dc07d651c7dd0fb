// A world of rings in virtual time: nodes that run the real ring, their disks, and a network between them.
// Nothing here knows the protocol; everything that happens follows from the seed and from what the caller
// does. What happened is told to an observer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "totem/base/rng.hpp"
#include "totem/ring/ring.hpp"

namespace sim {

using base::Duration;
using base::Instant;
using base::NodeId;
using totem::Member;

class Observer {
  public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;
    virtual void started(const Member& /*who*/) {}
    virtual void ended(const Member& /*who*/) {}  // crashed or left
    virtual void submitted(const Member& /*who*/, base::ByteView /*payload*/,
                           totem::Guarantee /*guarantee*/) {}
    virtual void happened(const Member& /*who*/, const totem::Event& /*event*/) {}
    virtual void noted(const Member& /*who*/, base::Level /*level*/, const std::string& /*text*/) {}
    virtual void sent(const Member& /*who*/, const totem::Datagram& /*datagram*/) {}
    // Has worked on an input.
    virtual void looked(const Member& /*who*/, const totem::RingStatus& /*status*/) {}
    // Is about to be handed these, in this phase.
    virtual void fed(const Member& /*who*/, const std::string& /*phase*/,
                     const std::vector<totem::Opened>& /*batch*/) {}
};

// What may happen to a datagram on its way; chances in 1/1000.
struct Weather {
    std::uint32_t loss{0};
    std::uint32_t duplicate{0};
    std::uint32_t slow{0};  // takes up to slow_by longer: reordering
    Duration delay{base::microseconds(100)};
    Duration jitter{base::microseconds(50)};
    Duration slow_by{base::milliseconds(5)};
    std::uint32_t lazy{0};  // a node does not read its socket at once but up to lazy_by later: batches
    Duration lazy_by{base::milliseconds(1)};
    std::uint32_t refused{0};  // the machine of a node that is down says that nobody listens
    std::uint32_t rumour{0};   // somebody says so of a node that is up
    std::uint32_t guarded{0};  // the guard of a node that crashes says that it has ended
    bool watched{false};       // links are watched: a node is told whom it does not hear any more
    std::uint32_t hushed{0};   // ... and falsely so of one that it hears, each quarter of a token timeout
};

// How often each thing was done to the world.
struct Hits {
    std::uint64_t lost{0}, torn{0}, duplicated{0}, slowed{0}, cut{0}, stale_disk{0}, refused{0}, rumours{0},
        last_words{0}, silences{0}, false_silences{0};
    Hits& operator+=(const Hits& o);
};

class World {
  public:
    // `base_config` serves all nodes; self and roster are set here. The observer is borrowed.
    World(std::uint64_t seed, std::uint32_t nodes, const totem::RingConfig& base_config, Observer& observer);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] const base::NodeSet& roster() const { return roster_; }
    [[nodiscard]] const totem::RingConfig& config() const { return base_config_; }
    Weather weather;
    Duration fsync{base::milliseconds(2)};
    // What a process can (RingConfig::features). May be empty: nothing.
    std::function<std::uint32_t(const Member& who)> features;
    // How many copies of a datagram arrive, for scripted trouble: 1 is normal, 0 a loss. May be empty.
    std::function<int(NodeId from, NodeId to, base::ByteView bytes)> copies;

    // A new process of a node that is down. Without its disk, it has forgotten the ring sequence.
    void start(NodeId node, bool with_disk = true);
    void crash(NodeId node);
    // Crashes while it sends next: of what it was about to send, each copy leaves with half a chance.
    void crash_while_sending(NodeId node, bool so = true);
    void leave(NodeId node);
    // The node does nothing for so long; what arrives waits in its socket.
    void pause(NodeId node, Duration how_long);
    totem::Submit submit(NodeId node, base::Bytes payload,
                         totem::Guarantee guarantee = totem::Guarantee::agreed);
    // A datagram that was kept from earlier arrives (again).
    void inject(const Member& from, NodeId to, base::Bytes bytes);
    // Somebody tells `node` something of `about`.
    void hint(NodeId node, NodeId about, totem::Hint hint = totem::Hint::port_closed);
    // One way; a cut stays until joined.
    void cut(NodeId from, NodeId to, bool is_cut);
    void heal();
    // Every node hears exactly those in its own group.
    void partition(const std::vector<base::NodeSet>& groups);

    [[nodiscard]] bool up(NodeId node) const;
    [[nodiscard]] Member member(NodeId node) const;  // of the last process of that node
    [[nodiscard]] totem::RingStatus status(NodeId node) const;
    [[nodiscard]] const std::deque<totem::MembershipChange>& changes(NodeId node) const;
    [[nodiscard]] std::vector<NodeId> running() const;
    // All running nodes are operational in one ring of exactly themselves.
    [[nodiscard]] bool united() const;

    void at(Instant when, std::function<void()> action);
    // More happens at this instant than a world can have to do: time stands still, since somebody acts again
    // and again at once. Nothing runs any more from then on.
    [[nodiscard]] bool livelocked() const { return steps_at_once_ >= kMostStepsAtOnce; }
    void run_until(Instant when);
    // Until the condition holds after some event; false if it does not by `limit`.
    bool run_until(const std::function<bool()>& condition, Instant limit);

    Hits hits;
    std::uint64_t steps{0}, most_steps_at_once{0};

  private:
    class Node;
    static constexpr std::uint64_t kMostStepsAtOnce = 5000;  // eight times what any of 5,000 seeds needed
    struct Happening {
        Instant at;
        std::uint64_t order;  // ties: first come, first served
        std::function<void()> action;
        bool operator>(const Happening& o) const { return at != o.at ? at > o.at : order > o.order; }
    };

    void step();
    void listen();
    void listen(NodeId node, NodeId about);
    void transmit_torn(const Member& from, const totem::Datagram& datagram);
    void transmit(const Member& from, const totem::Datagram& datagram);
    void reach(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes);
    void carry(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes);

    Instant now_{0};
    base::NodeSet roster_;
    totem::RingConfig base_config_;
    Observer& observer_;
    base::Rng network_rng_, node_rng_, link_rng_;
    std::map<NodeId, std::unique_ptr<Node>> nodes_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    // What a link monitor knows: when who heard whom last, and of whom it was said that it does not any more.
    std::map<std::pair<NodeId, NodeId>, Instant> heard_at_;
    std::set<std::pair<NodeId, NodeId>> silent_;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::uint64_t order_{0}, steps_at_once_{0};
};

}  // namespace sim

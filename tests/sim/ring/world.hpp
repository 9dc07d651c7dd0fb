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

#include "tests/sim/ring/network.hpp"
#include "totem/base/rng.hpp"
#include "totem/ring/ring.hpp"

namespace sim {

using totem::Member;

class Observer {
  public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;
    // Whether it knows all ring sequences that its node has used.
    virtual void started(const Member& /*who*/, bool /*remembers*/) {}
    virtual void ended(const Member& /*who*/) {}  // crashed or left
    // It had ended, and is there again as it was before. Not told: what it does not remember.
    virtual void put_back(const Member& /*who*/) {}
    virtual void submitted(const Member& /*who*/, base::ByteView /*payload*/,
                           totem::Guarantee /*guarantee*/) {}
    virtual void happened(const Member& /*who*/, const totem::Event& /*event*/) {}
    virtual void noted(const Member& /*who*/, base::Level /*level*/, const std::string& /*text*/) {}
    virtual void sent(const Member& /*who*/, const totem::Datagram& /*datagram*/) {}
    // Its socket had no room for a datagram.
    virtual void overflowed(const Member& /*who*/) {}
    // Has worked on an input.
    virtual void looked(const Member& /*who*/, const totem::RingStatus& /*status*/) {}
    // Is about to be handed these, in this phase.
    virtual void fed(const Member& /*who*/, const std::string& /*phase*/,
                     const std::vector<totem::Opened>& /*batch*/) {}
};

// What a start finds of what the node stored.
enum class Memory : std::uint8_t {
    kept,
    lost,
    older,  // a file of before was put back
};

// What a node's disk does to the ring sequence.
struct DiskTrouble {
    Duration takes;       // for each write, besides World::fsync
    Instant fails_until;  // no write succeeds before
    bool forgets{false};  // what was written is gone when the machine ends
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
    // What a node's socket holds until it reads, in bytes; what does not fit is lost, and its ring is told of
    // that. May be empty: of no bound.
    std::function<std::size_t(NodeId node)> receive_buffer;
    // How many copies of a datagram arrive, for scripted trouble: 1 is normal, 0 a loss. May be empty.
    std::function<int(NodeId from, NodeId to, base::ByteView bytes)> copies;

    // A new process of a node that is down. If its clock was set back, its incarnation may be lower than that
    // of former ones; where some other node runs that is found out after a while, and it starts again.
    void start(NodeId node, Memory memory = Memory::kept, bool clock_set_back = false);
    void crash(NodeId node);
    // Crashes while it sends next: of what it was about to send, each copy leaves with half a chance.
    void crash_while_sending(NodeId node, bool so = true);
    void leave(NodeId node);
    // The node does nothing for so long; what arrives waits in its socket.
    void pause(NodeId node, Duration how_long);
    // The same, but at the moment when it has decided what to send, and before it is sent.
    void stall(NodeId node, Duration how_long);
    // From now on it takes so long to handle one input. What it decides is sent afterwards.
    void slow_down(NodeId node, Duration handler);
    // From now on its clock is faster than the world's by so many millionths.
    void drift(NodeId node, std::int64_t ppm);
    void disk(NodeId node, const DiskTrouble& trouble);
    // A node that is down: its last process is as it was at that moment (of its clock), by a snapshot of the
    // machine. To be had if `records` was set before that process began.
    void put_back(NodeId node, Instant to, bool with_disk, bool with_clock);
    [[nodiscard]] Instant clock(NodeId node) const;  // what it shows
    [[nodiscard]] bool was_put_back(NodeId node) const;
    bool records{false};
    // Until then somebody pauses, unless he ends before.
    [[nodiscard]] Instant rests_until() const { return rests_until_; }
    totem::Submit submit(NodeId node, base::Bytes payload,
                         totem::Guarantee guarantee = totem::Guarantee::agreed);
    // From now on its socket holds so much, and its ring is told so.
    void resize_receive_buffer(NodeId node, std::size_t bytes);
    // A datagram that was kept from earlier arrives (again).
    void inject(const Member& from, NodeId to, base::Bytes bytes);
    // Somebody tells `node` something of `about`.
    void hint(NodeId node, NodeId about, totem::Hint hint = totem::Hint::port_closed);
    // One way; a cut stays until joined.
    void cut(NodeId from, NodeId to, bool is_cut) { network_.cut(from, to, is_cut); }
    // These, and no others.
    void cut(const Cuts& cuts) { network_.cut(cuts); }
    void heal() { network_.heal(); }
    // Every node hears exactly those in its own group.
    void partition(const std::vector<base::NodeSet>& groups) { cut(sim::partition(roster_, groups)); }

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

    Instant now_{0}, rests_until_{0};
    base::NodeSet roster_;
    totem::RingConfig base_config_;
    Observer& observer_;
    Network network_;
    base::Rng node_rng_, link_rng_;
    std::map<NodeId, std::unique_ptr<Node>> nodes_;
    // What a link monitor knows: when who heard whom last, and of whom it was said that it does not any more.
    std::map<std::pair<NodeId, NodeId>, Instant> heard_at_;
    std::set<std::pair<NodeId, NodeId>> silent_;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::uint64_t order_{0}, steps_at_once_{0};
};

}  // namespace sim

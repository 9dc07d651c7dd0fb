// A world of stacks in virtual time: machines with sockets, disks, clocks and key files, and the networks
// between them. Nothing here knows the protocol; everything that happens follows from the seed and from what
// the caller does. What happened is told to a witness.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "tests/sim/ring/timeline.hpp"
#include "tests/sim/stack/core.hpp"
#include "tests/sim/stack/network.hpp"
#include "tests/sim/stack/past.hpp"
#include "tests/sim/stack/witness.hpp"

namespace stack_sim {

struct Setup {
    totem::RingConfig ring;      // self and roster are set by the world
    std::uint32_t nodes{0};      // from 1
    std::vector<bool> by_group;  // of each link
    std::vector<unsigned> priorities;
    std::size_t mtu{9000};  // of all interfaces at first
};

class Machine;
struct Snapshot;

class World {
  public:
    World(std::uint64_t seed, const Setup& setup, bool trace);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    sim::Timeline timeline;
    Hits hits;
    Network network;
    Weather weather;
    Duration fsync{base::milliseconds(2)};
    Witness witness;
    Past past;
    std::uint64_t junk[static_cast<std::size_t>(Junk::kinds)] = {};  // how often
    // The last frame that a path did not carry, though its sender did not only try that; empty: none so far.
    std::string too_large;
    // The node whose inputs are kept: it can be copied.
    NodeId subject;

    [[nodiscard]] Instant now() const { return timeline.now(); }
    [[nodiscard]] const base::NodeSet& roster() const { return roster_; }
    [[nodiscard]] const Setup& setup() const { return setup_; }
    [[nodiscard]] std::size_t links() const { return setup_.by_group.size(); }
    [[nodiscard]] Machine& machine(NodeId node) { return *machines_.at(node); }
    [[nodiscard]] const Machine& machine(NodeId node) const { return *machines_.at(node); }
    [[nodiscard]] std::vector<NodeId> running() const;
    [[nodiscard]] std::vector<Member> living() const;

    totem::Submit submit(NodeId node, std::size_t size, totem::Guarantee guarantee);
    // A copy of the subject's process as it was when `at` inputs had been handled, on a machine of its own;
    // it notices that its clocks jumped. Where the machine has the subject's address too, frames for one
    // reach both. False: there is nothing to copy.
    bool copy_subject(std::size_t at, bool same_address);
    // The same node is started twice.
    void start_double(NodeId node, bool same_incarnation, bool same_address);
    void remove_copies();
    // The subject's machine goes on as what it was.
    void put_back(const Snapshot& was, bool with_disk, bool clock_shows);
    // Of the machines that were put back, the node of one that goes on though somebody knows better; 0: none.
    [[nodiscard]] NodeId from_the_past() const;

    // Junk of this kind comes to the node, if there is any.
    void throw_junk(NodeId at, Junk kind);
    // All that was recorded of some process and is long past for the one at the node.
    void throw_recording(NodeId at, Duration within);

    // For machines.
    void transmit(const Machine& from, const Sent& sent);
    void count_junk(Junk kind) { ++junk[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] base::Rng& machine_rng() { return machine_rng_; }

  private:
    void carry(const Machine& from, NodeId to, const Sent& sent, bool by_group);
    void litter(const Machine& from, NodeId to, const Sent& sent, Duration delay);
    void throw_junk_later(NodeId at, Junk kind);
    void reach(const Member& from, base::IpAddress source, NodeId to, std::size_t link, const Frame& bytes,
               bool by_group);
    [[nodiscard]] std::vector<Past::Recorded> former(NodeId at, const Member& who) const;
    [[nodiscard]] std::optional<Past::Recorded> one_of(const std::vector<Past::Recorded>& frames);

    Setup setup_;
    base::NodeSet roster_;
    base::Rng machine_rng_, junk_rng_;
    std::map<NodeId, std::unique_ptr<Machine>> machines_;
    std::vector<std::unique_ptr<Machine>> copies_;
};

}  // namespace stack_sim

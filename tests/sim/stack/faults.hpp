// What is done to a world while it is not calm, drawn from a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/sim/stack/draw.hpp"
#include "tests/sim/stack/machine.hpp"
#include "tests/sim/stack/world.hpp"

namespace stack_sim {

// Plain data: it crosses a pipe.
struct FaultCounts {
    std::uint64_t of[kFaultNames.size()] = {};
    std::uint64_t& operator[](Fault fault) { return of[static_cast<std::size_t>(fault)]; }
    FaultCounts& operator+=(const FaultCounts& o);
};

// A change of the cluster's key as operators do it: first all nodes accept the new key, then all seal with
// it, then the old one goes. A step begins when the one before is done at all nodes.
class KeyChange {
  public:
    KeyChange(World& world, base::Rng rng)
        : world_(world),
          rng_(rng),
          keys_(world.machine(NodeId{1}).keys()) {}
    // Does nothing while one is under way.
    void begin(Duration within);
    [[nodiscard]] bool under_way() const { return step_ != 0; }
    [[nodiscard]] std::uint64_t done() const { return done_; }

  private:
    void step(Duration within);
    World& world_;
    base::Rng rng_;
    totem::MasterKeys keys_;  // that all nodes have, or are getting
    totem::MasterKeys::Live next_{keys_.sending()};
    unsigned step_{0};
    std::size_t left_{0};
    std::uint64_t done_{0};
};

class Faults {
  public:
    Faults(World& world, const Weather& weather, const Mix& mix, base::Rng rng, FaultCounts& counts);
    // One of those that this seed knows. It may go on for a while.
    void strike();
    // None begins any more, and what lasts ends but for pauses and changes of keys.
    void end();
    void heal();
    KeyChange keys;

  private:
    [[nodiscard]] NodeId any();
    [[nodiscard]] NodeId other_than(NodeId node);
    [[nodiscard]] std::size_t any_link() { return rng_.below(world_.links()); }
    void later(Duration wait, const std::function<void()>& action);
    void of_a_node(Fault fault, NodeId node);
    void of_a_link(Fault fault, NodeId node);
    void of_a_path(Fault fault);
    void of_the_seal(Fault fault, NodeId node);
    void copy();
    void put_back();

    World& world_;
    Weather weather_;
    Mix mix_;
    base::Rng rng_;
    FaultCounts& counts_;
    bool calm_{false};
};

}  // namespace stack_sim

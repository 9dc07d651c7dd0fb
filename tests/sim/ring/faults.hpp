// What is done to a world while it is not calm: faults of nodes, of their disks and clocks, and of the
// network between them, drawn from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/sim/ring/draw.hpp"
#include "tests/sim/ring/recorder.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim {

// For the summary: a row each, in this order (kFaultNames).
enum class Fault : std::uint8_t {
    crash,
    crash_while_sending,
    massacre,
    crash_in_gather,
    crash_in_commit,
    crash_in_recovery,
    crash_loop,
    restart,
    lost_file,
    older_file,
    clock_set_back,
    disk,
    pause,
    pause_of_a_token,
    stall,
    goodbye,
    slow_one,
    slow_all,
    drift,
    partition,
    one_way,
    lopsided,
    bridge,
    neighbours,
    majorities,
    flapping,
    heal,
    storm,
    deafened,
    deafened_for_long,
    ambush,
    kinds
};
constexpr std::array<const char*, static_cast<std::size_t>(Fault::kinds)> kFaultNames = {
    "crashes",
    "  while sending",
    "  several at once",
    "  in gather",
    "  in commit",
    "  in recovery",
    "  again and again",
    "restarts",
    "  without the file",
    "  with an older file",
    "  with the clock set back",
    "disks slow, failing, lying",
    "pauses",
    "  longer than the token",
    "  before sending",
    "goodbyes",
    "slow processors",
    "  all of them",
    "clocks that drift",
    "partitions",
    "one-way cuts",
    "  of whole groups",
    "  a node that hears both halves",
    "  a circle of neighbours",
    "  a circle of majorities",
    "  that come and go",
    "heals",
    "storms",
    "nodes that receive no data",
    "  longer than the token",
    "faults amid a view change",
};

// Plain data: it crosses a pipe.
struct FaultCounts {
    std::uint64_t of[kFaultNames.size()] = {};
    std::uint64_t& operator[](Fault fault) { return of[static_cast<std::size_t>(fault)]; }
    FaultCounts& operator+=(const FaultCounts& o);
};

class Faults {
  public:
    // `submit` sends something of that size from that node.
    Faults(World& world, Recorder& recorder, const Weather& weather, const Mix& mix, base::Rng rng,
           std::function<void(NodeId, std::size_t)> submit);

    // One of those that this seed knows. It may go on for a while, or come back.
    void strike();
    // To be told whenever some node changes its phase.
    void phase_changed();
    // None begins any more, and all that lasts ends but for pauses.
    void end();
    void start(NodeId id, Memory memory = Memory::kept, bool clock_set_back = false);
    void crash(NodeId id);
    void partition();
    // Whom nothing but data does not reach; 0: nobody.
    [[nodiscard]] NodeId deaf() const { return deaf_; }
    [[nodiscard]] const FaultCounts& counts() const { return counts_; }
    base::Rng rng;

  private:
    [[nodiscard]] NodeId any();
    [[nodiscard]] std::vector<NodeId> shuffled();
    // Any length between these has the same chance, in powers of ten.
    [[nodiscard]] Duration about(Duration shortest, Duration longest);
    void count(Fault fault, const std::string& text);
    // Runs later, unless all has ended by then.
    void later(Duration wait, std::function<void()> action);
    void tear(NodeId id);
    void loop(NodeId id, std::uint64_t times);
    void restart(NodeId id);
    void disk(NodeId id);
    void pause(NodeId id);
    void stall(NodeId id);
    void goodbye(NodeId id);
    void slow(NodeId id);
    void drift();
    void one_way(NodeId id);
    [[nodiscard]] Cuts shape();
    void flap(const Cuts& cuts, Duration period, bool is_cut, Instant until);
    void heal_soon();
    void storm();
    void deafen(NodeId id);

    World& world_;
    Recorder& recorder_;
    Weather weather_;
    Mix mix_;
    std::function<void(NodeId, std::size_t)> submit_;
    FaultCounts counts_;
    bool calm_{false};
    std::uint64_t ambush_in_{0};  // phase changes until then; 0: none
    NodeId deaf_;
};

}  // namespace sim

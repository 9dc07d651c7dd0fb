// Machines, what can happen to them, and what must never be so in true time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "membership/lease/timing.hpp"
#include "tests/sim/lease/wiring.hpp"

namespace sim {

struct Machine {
    Machine(Cluster& of, base::NodeId node) : cluster(of), id(node) {}
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine() = default;

    Cluster& cluster;
    base::NodeId id;
    Clock clock;
    Duration wall_offset;  // CLOCK_REALTIME - CLOCK_BOOTTIME: nothing may depend on it
    bool on{false};
    Thread guard_thread, ring_thread, main_thread;
    std::unique_ptr<Guard> guard;
    std::unique_ptr<RingThread> ring;
    std::unique_ptr<MainThread> main;
    Channel to_guard, to_main;  // of the ring's thread
    std::uint64_t cores{0};     // of which guard knows that they have ended

    // On disk.
    std::uint64_t incarnations{0};
    Duration known_past;
    // In the node's file.
    Duration term;

    // The truth: what runs here, whatever anybody thinks.
    std::map<Resource, std::uint64_t> active;

    [[nodiscard]] Instant now() const;
    [[nodiscard]] base::Rng& rng() const;
    void arm(Thread& thread, Instant local, const Step& step);
    // From a thread of the core, in the order of its channel; nothing once guard knows that this core is
    // dead.
    void tell_guard(Channel& channel, const std::function<void(Guard&)>& what);
    void launch_core();
    void end_core();
};

struct Setup {
    std::string kind;
    unsigned nodes{3};
    unsigned resources{2};
    std::map<base::NodeId, unsigned> votes;
    base::NodeId tie_breaker;  // 0: none
    Duration token{base::seconds(1)};
    Duration interval{base::milliseconds(250)};  // of heartbeats
    bool moves{true};                            // now and then a resource is moved
    bool lenient{false};  // beyond what the lease covers: overlaps are counted, not forbidden
};

struct Tally {
    std::uint64_t starts{0}, overlaps{0}, outlived{0}, lapses{0}, takeovers{0}, views{0}, renewals{0};
    std::uint64_t by_lease{0}, by_proof{0}, void_facts{0};
    Duration slowest_takeover;
};

class Cluster {
  public:
    Cluster(Setup setup, std::uint64_t seed, bool trace);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster();

    World world;
    Setup setup;
    membership::LeaseTiming timing;
    Rings rings;
    Tally tally;
    std::map<base::NodeId, std::unique_ptr<Machine>> machines;
    bool slowest_drop{false};  // dropping takes as long as it may

    // What happens to machines.
    void power_on(base::NodeId node);
    void crash(base::NodeId node);
    void kill_core(base::NodeId node);
    // guard finds that the core makes no progress: drops, says so, and kills it, which may take a while.
    void abandon_core(base::NodeId node);
    void kill_guard(base::NodeId node);
    void stop_all(base::NodeId node, Duration length);       // suspend: the clock goes on
    void pause_machine(base::NodeId node, Duration length);  // a virtual machine: it does not
    void fence(base::NodeId victim, base::NodeId by);
    void confirm(base::NodeId victim);
    void run(Duration length);

    // The checker. Empty: nothing was broken so far.
    void started(Machine& machine, Resource resource, const base::RingId& ring, const base::NodeSet& view);
    void renewed(Machine& machine);
    void broken(const std::string& what);
    [[nodiscard]] const std::string& verdict() const { return verdict_; }
    [[nodiscard]] std::set<base::NodeId> where(Resource resource) const;

    [[nodiscard]] base::NodeSet roster() const;
    void note(base::NodeId node, const std::string& text) const;

  private:
    [[nodiscard]] bool excused(const Machine& machine) const;

    std::string verdict_;
};

}  // namespace sim

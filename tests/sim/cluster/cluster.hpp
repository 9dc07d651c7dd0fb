// A simulated cluster of whole nodes: the real ring, the real manager node, the real keeper and guard's
// lease, over the simulated network (tests/sim/ring), with simulated disks, heartbeats and agents. Everything
// random comes from the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manager/node/node.hpp"
#include "membership/lease/guard_lease.hpp"
#include "membership/lease/keeper.hpp"
#include "tests/sim/cluster/machines.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim {

// What is wired wrongly, on purpose (planted_cluster).
enum class ClusterBug {
    none,
    no_promises,    // a hello says that nothing was promised
    unnoticed_end,  // guard does not look whether its lease is out
    unasked_start,  // guard starts without asking its lease
};
inline constexpr std::pair<ClusterBug, const char*> kClusterBugs[] = {
    {ClusterBug::no_promises, "a hello says that nothing was promised"},
    {ClusterBug::unnoticed_end, "guard does not look whether its lease is out"},
    {ClusterBug::unasked_start, "guard starts without asking its lease"},
};

struct AgentMood {  // chances in 1/1000
    std::uint32_t start_fails{0}, stop_fails{0}, slow{0};
};

class Cluster final : public Observer {
  public:
    // Of the rules all but the votes count: each node has one. `spare`: so many nodes more that are none of
    // the cluster yet.
    Cluster(std::uint64_t seed, std::uint32_t nodes, std::uint32_t spare,
            const membership::QuorumRules& rules, bool trace);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster() override;

    World& world() { return *world_; }
    Machines& machines() { return machines_; }
    AgentMood mood;
    ClusterBug bug{ClusterBug::none};

    // With the node file that it has; a new node gets that of the others first.
    void start(NodeId node);
    // The list that counted last, as far as any disk or file knows.
    [[nodiscard]] membership::NodeList newest() const;
    // Begins a change at a node: `node` is added, or removed.
    void change_nodes(NodeId at, NodeId node, bool vouched);
    // The daemon dies, the machine and its services live on; or the whole machine goes down.
    void kill(NodeId node, bool machine);
    // The daemon dies, and the others hear of that at once.
    void kill_heard(NodeId node);
    // As the world's, for the heartbeats, too.
    void partition(const std::vector<base::NodeSet>& groups);
    void heal();
    // What guard holds itself; the lease covers it.
    [[nodiscard]] static bool native(const std::string& resource) {
        return resource == "r0" || resource == "r2";
    }
    void wipe_disk(NodeId node) { disks_.erase(node); }
    // No disk is blank, and none holds a state that was not yet caught up with.
    [[nodiscard]] bool all_vote() const;
    void shut_down(NodeId node);
    // A resource dies by itself where it runs; its monitor finds out.
    void break_resource(const std::string& resource);
    // A client at a node; `done` hears the answer unless the node dies before.
    void command(NodeId node, manager::Command command,
                 std::function<void(const manager::Answer&)> done = {});
    void wait(NodeId node, std::uint64_t version, std::function<void(const manager::Answer&)> done);

    [[nodiscard]] const manager::Node* node(NodeId id) const;
    // All running nodes are synchronised in one view, equal, with nothing left to do.
    [[nodiscard]] bool settled() const;
    // What went wrong, in words; empty: nothing. Checked after every step of `run`.
    [[nodiscard]] std::string violation() const { return violation_; }
    [[nodiscard]] std::string describe() const;

    // With the proof switched on nothing may ever be active twice.
    bool proof{true};
    std::uint64_t acknowledged{0}, refused{0}, operations{0}, moves{0};
    std::uint64_t added{0}, removed{0};  // nodes, in changes that were acknowledged
    std::uint64_t by_lease{0},
        drops{0};                // starts while a node was cleared by its lease alone; guards that dropped
    std::uint64_t log_lines{0};  // notes of all nodes above debug
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

    // Observer.
    void started(const Member& who, bool remembers) override;
    void ended(const Member& who) override;
    void happened(const Member& who, const totem::Event& event) override;
    void noted(const Member& who, base::Level level, const std::string& text) override;

  private:
    struct Process;
    // guard lives on when the core dies, and goes with its machine.
    struct Guard {
        membership::GuardLease lease{base::seconds(3600), false};
        std::uint64_t timer{0};
    };
    struct Beat {
        Member from, of;      // whose heartbeats were heard
        Instant sent, heard;  // when this one was; and the last of those that were heard
        std::uint32_t word{0};
        bool urgent{false};
    };
    struct Acknowledged {
        std::uint64_t version;
        manager::Digest hash;
    };

    [[nodiscard]] Process* process(const Member& who);
    [[nodiscard]] manager::Moment moment() const;
    void later(const Member& who, Duration wait, std::function<void(Process&)> action);
    void pump(Process& process);
    void operate(Process& process, const manager::OperationRequest& request);
    void finish(Process& process, const manager::OperationRequest& request);
    void watch(Process& process, const manager::OperationRequest& request, int last_code);
    // leases.cpp
    [[nodiscard]] static Duration lease_term();
    void follow_nodes(Process& process);
    void begin_lease(Process& process);
    [[nodiscard]] Duration hop() {
        return base::microseconds(100 + static_cast<std::int64_t>(rng_.below(900)));
    }
    void beat(Process& process, NodeId to, bool urgent);
    void hear(Process& process, const Beat& beat);
    void beat_on(const Member& who);
    void watch_keeper(Process& process);
    void follow_lease(Process& process);
    void lease_tick(Process& process);
    void tell_guard(NodeId node, std::function<void(Guard&)> what);
    void watch_guard(NodeId node);
    void drop(NodeId node);
    void start_native(const Member& who, const manager::OperationRequest& request, base::RingId ring,
                      Instant give_up);
    void check_start(const Process& process, const std::string& resource);
    void take_answer(Process& process, const manager::Answer& answer);
    void fail(const std::string& what);
    void check_doubles();
    void check_acknowledged(const Process& process);
    void check_epoch(const Process& process);
    void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }
    void say(const Member& who, const std::string& text) const;

    bool trace_;
    base::Rng rng_;
    membership::QuorumRules rules_;
    std::map<NodeId, std::string> names_;
    std::unique_ptr<World> world_;
    Machines machines_;
    std::map<NodeId, Guard> guards_;
    std::vector<base::NodeSet> groups_;             // of the partition; none: all hear each other
    std::map<NodeId, base::Bytes> disks_;           // what is durable
    membership::NodeList first_;                    // in all files at the beginning
    std::map<NodeId, membership::NodeList> files_;  // written since
    std::map<NodeId, std::unique_ptr<Process>> processes_;
    std::vector<Acknowledged> acknowledged_;
    std::map<std::uint64_t, std::pair<std::string, base::RingId>>
        adoptions_;  // epoch -> who saw it first, in which ring
    std::string violation_;
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

}  // namespace sim

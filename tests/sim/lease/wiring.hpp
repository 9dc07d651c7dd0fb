// A node's three threads and what they do with membership/lease: what the daemon's wiring has to be, with a
// manager so small that only the order of starts and stops is left of it. planted_lease puts bugs in here,
// too.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "membership/lease/clearing.hpp"
#include "membership/lease/granter.hpp"
#include "membership/lease/guard_lease.hpp"
#include "membership/lease/holder.hpp"
#include "tests/sim/lease/rings.hpp"
#include "tests/sim/lease/world.hpp"

namespace sim {

class Cluster;
struct Machine;

using Resource = unsigned;
using Holdings = std::map<Resource, std::uint64_t>;  // and the operation that started it

// What a heartbeat says as far as the lease is concerned.
struct Beat {
    totem::Member from;
    std::uint64_t number{0};
    base::Incarnation of;    // the receiver's process that `heard` and `term` are about
    std::uint64_t heard{0};  // its highest number
    Duration term;           // granted for it; zero: nothing
    std::uint16_t ring{0};   // in which it is granted
    bool ask{false};         // to be answered at once
};

class RingThread final : public RingUser {
  public:
    RingThread(Machine& machine, const totem::Member& self);
    void start();
    void receive(const Beat& beat);
    void declare(Instant at, const base::RingId& ring);
    void withdraw();
    void set_term(Duration term);
    void persisted(Duration term);
    void installed(const base::RingId& ring, const std::vector<totem::Member>& members) override;
    void delivered(const base::RingId& ring, const totem::Member& sender, const Payload& payload,
                   bool transitional) override;
    [[nodiscard]] const membership::Holder& holder() const { return holder_; }

  private:
    static constexpr std::size_t kKept = 64;
    struct Peer {
        std::uint64_t sent{0};
        std::array<Instant, kKept> sent_at{};
        base::Incarnation incarnation;
        std::uint64_t heard{0};
        Instant heard_at;
    };
    void take(const Beat& beat, Instant now);
    void beat(base::NodeId to, bool ask, Instant now);
    void beat_all(bool ask, Instant now);
    void step(Instant now);
    void arm(Instant now);
    void persist(Instant now);

    Machine& m_;
    totem::Member self_;
    membership::Holder holder_;
    membership::Granter granter_;
    std::map<base::NodeId, Peer> peers_;
    Instant next_beat_;
    std::uint64_t timer_{0};
};

struct Hello {
    base::RingId ring;
    std::vector<membership::Promise> promises;
    Holdings holds;
    std::vector<membership::ClearingFact> facts;
    base::NodeSet took_for_cleared;
};
struct Plan {
    base::RingId ring;
    Resource resource{0};
    base::NodeId target;
    std::uint64_t operation{0};
    bool start{false};
};
struct Stopped {
    Resource resource{0};
    std::uint64_t operation{0};
};
using ManagerMessage = std::variant<Hello, Plan, Stopped, membership::ClearingFact>;

class MainThread {
  public:
    MainThread(Machine& machine, const totem::Member& self, Holdings adopted);
    void start();
    void regular(const base::RingId& ring, const std::vector<totem::Member>& members,
                 const membership::Promises& promises);
    void delivered(const base::RingId& ring, const totem::Member& sender, const ManagerMessage& message);
    void gone(const Holdings& what);  // guard: stopped, dropped, or never started
    void statement(base::NodeId node, const membership::GuardStatement& statement);
    void fact(const membership::ClearingFact& fact);
    [[nodiscard]] const base::RingId& ring() const { return ring_; }
    [[nodiscard]] const base::NodeSet& members() const { return members_; }
    [[nodiscard]] bool acting() const;
    [[nodiscard]] const std::map<Resource, Holdings>& where() const { return where_; }
    [[nodiscard]] base::NodeSet uncleared() const;

  private:
    void take(base::NodeId sender, const Hello& hello);
    void take(base::NodeId sender, const Plan& plan);
    void take(base::NodeId sender, const Stopped& stopped);
    void take(base::NodeId sender, const membership::ClearingFact& fact);
    void synchronised();
    void send(const ManagerMessage& message, bool safe = false);
    void say_due();
    void say_dropped();
    void plan();
    void keep_declaring();
    void note_cleared();

    Machine& m_;
    totem::Member self_;
    base::RingId ring_;
    base::NodeSet members_;
    std::optional<membership::Clearing> clearing_;
    bool synced_{false};
    base::NodeSet said_out_, taken_for_cleared_, took_for_cleared_;
    std::map<Resource, Holdings> where_;  // node id -> operation
    Holdings mine_;
    std::set<Resource> planned_;
    std::vector<membership::ClearingFact> facts_;
    std::map<base::NodeId, base::RingId> dropped_;
    std::optional<base::RingId> declared_;
    std::uint64_t due_timer_{0}, declare_timer_{0};
    Channel to_guard_, to_ring_;
};

class Guard {
  public:
    Guard(Machine& machine, bool leftovers);
    void start();
    void entered(const base::RingId& ring);
    void start_resource(Resource resource, std::uint64_t operation, const base::RingId& ring,
                        const base::NodeSet& view);
    void stop_resource(Resource resource);
    void renew(const membership::Renewal& renewal);
    void give_up();
    void core_ended();
    void abandon_core();
    void rearm() { settle(); }
    [[nodiscard]] const Holdings& held() const { return held_; }
    [[nodiscard]] bool may_hold() const;
    [[nodiscard]] const membership::GuardLease& lease() const { return lease_; }

  private:
    void settle();  // after every input: drop, say, arm
    void tell(const Holdings& gone);
    void done();

    Machine& m_;
    membership::GuardLease lease_;
    Holdings held_;
    bool dropping_{false};
    std::uint64_t timer_{0};
    Channel to_main_;
};

// The votes, so that any two leasable sets share a node.
[[nodiscard]] membership::Leasable leasable(const Cluster& cluster);

}  // namespace sim

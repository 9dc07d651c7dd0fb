// Views as the ring gives them, without the ring: whoever holds the strings here knows everybody's state and
// may do all that totem/ring promises never to rule out. It forms rings of nodes that reach each other (or
// that it likes), takes each member through Commit before any of them sees the regular view, lets attempts
// fail at any point, delivers one order of which each member may have seen less, and brings those who move
// together to the same place first. Whoever was last to hold the token of a ring that the others have left
// may still give messages a place in its order.
#pragma once

#include <any>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/lease/world.hpp"
#include "totem/wire/message.hpp"

namespace sim {

using Payload = std::any;

// One process's end: what its ring thread is told, on that thread.
class RingUser {
  public:
    RingUser() = default;
    RingUser(const RingUser&) = delete;
    RingUser& operator=(const RingUser&) = delete;
    virtual ~RingUser() = default;
    virtual void installed(const base::RingId& ring, const std::vector<totem::Member>& members) = 0;
    virtual void delivered(const base::RingId& ring, const totem::Member& sender, const Payload& payload,
                           bool transitional) = 0;
};

struct RingMoods {
    Duration token{base::seconds(1)};
    Duration consensus{base::milliseconds(300)};
    std::uint32_t whims_per_mille{0};     // per tick: breaks a ring for nothing, or forms a strange one
    std::uint32_t failures_per_mille{0};  // of installing at one member
    std::uint32_t words_per_mille{500};   // a death that the ring learns of at once
};

class Rings {
  public:
    Rings(World& world, RingMoods moods) : world_(world), moods_(moods) {}

    // A process begins: the thread is its ring thread, and lives as long as it.
    void join(const totem::Member& self, Thread& thread, RingUser& user);
    void gone(base::NodeId node);
    // Ordered for all members, in the ring of the moment when it is its turn. Safe: delivered in the regular
    // view only after all its members have received it in there.
    void submit(base::NodeId sender, Payload payload, bool safe);
    void tick();  // every 10 ms
    // Whatever is wrong now is noticed at once.
    void suspect();
    // This node's heartbeats pass as before, its ring's frames do not, and it gathers on; {}: nobody is left
    // out.
    void shun(base::NodeId node) { shunned_ = node; }
    // The token of the ring that this node is in gets no further than to it; if it stands still now, it goes
    // on with that ring for a while. {}: no such node any more.
    void keep_token(base::NodeId node);
    [[nodiscard]] std::uint64_t views() const { return views_; }
    RingMoods& moods() { return moods_; }

  private:
    struct Message {
        totem::Member sender;
        Payload payload;
        bool safe{false};
    };
    struct Ring {
        base::RingId id;
        std::vector<totem::Member> members;
        std::vector<Message> log;
        std::map<base::NodeId, std::size_t> received;  // by each member, while it was in the ring
        base::NodeId token;                            // who has it
        [[nodiscard]] bool stable(std::size_t index) const;
        Instant bad_since{Instant::never()};
        Duration patience;
    };
    struct Attempt {
        base::RingId id;
        std::vector<totem::Member> members;
        std::set<base::NodeId> committed;
        Instant begun;
        std::map<Ring*, std::size_t> targets;  // of each old ring: up to where the movers get
        std::shared_ptr<Ring> ring;            // once all have committed
    };
    enum class Phase { gather, commit, operational };
    struct Node {
        totem::Member self;
        Thread* thread{nullptr};
        RingUser* user{nullptr};
        Phase phase{Phase::gather};
        Instant since;
        std::shared_ptr<Ring> ring;
        std::size_t seen{0};  // of its log
        std::shared_ptr<Attempt> attempt;
        std::vector<Message> waiting;
    };

    [[nodiscard]] bool reach(base::NodeId a, base::NodeId b) const;
    [[nodiscard]] bool healthy(const Ring& ring) const;
    void watch(Ring& ring);
    // With the token in its hands, it notices nothing else.
    [[nodiscard]] bool holds_on(base::NodeId id, const Node& node) const;
    void gather(Node& node);
    void form();
    void attempt(const std::vector<base::NodeId>& members);
    void commit(Node& node, const std::shared_ptr<Attempt>& attempt);
    void complete(const std::shared_ptr<Attempt>& attempt);
    void install(Node& node, const std::shared_ptr<Attempt>& attempt);
    void deliver(Node& node);
    void deliver_rest(Node& node, std::size_t upto);
    void pump(Node& node);
    void spread(base::NodeId from, const std::shared_ptr<Ring>& ring);
    // Not in the order of their addresses: a seed is the same run everywhere.
    [[nodiscard]] std::vector<Ring*> rings() const;
    [[nodiscard]] std::vector<base::NodeId> choose();

    World& world_;
    RingMoods moods_;
    std::map<base::NodeId, Node> nodes_;
    std::map<base::NodeId, std::uint64_t> highest_;  // on each node's disk
    base::NodeId shunned_, keeper_;
    std::uint64_t views_{0};
};

}  // namespace sim

// The node: ring events, quorum, replicated state, scheduler and executor composed into one value that is
// stepped. It does no IO: the daemon and the simulator run this same code and carry out its outbox.
//
// The way through a view: regular view -> every member says hello (ordered) -> with the last hello everybody
// knows whose state to follow -> that member sends a snapshot if any other differs -> the view is installed
// in the state, and adopted under a new epoch if it holds a majority -> messages that came meanwhile are
// applied -> the coordinator plans. What is delivered before the view is synchronised waits; if the view
// breaks before, it is dropped at all alike, and clients' commands are sent again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/coordinator/coordinator.hpp"
#include "manager/coordinator/executor.hpp"
#include "manager/model/operation.hpp"
#include "manager/state/state.hpp"
#include "membership/keys/rotation.hpp"
#include "membership/lease/granter.hpp"
#include "membership/lease/holder.hpp"
#include "membership/lease/policy.hpp"
#include "membership/quorum/quorum.hpp"
#include "totem/base/time.hpp"
#include "totem/base/trace.hpp"
#include "totem/ring/ring.hpp"

namespace manager {

struct NodeOptions {
    Sender self;
    std::map<base::NodeId, std::string> roster;  // configured nodes and their names, self included
    // As the node file gives them; the votes that count are those of the nodes in force.
    membership::QuorumRules rules;
    std::optional<base::Bytes> journal;     // payload of the journal's last record
    std::optional<totem::MasterKeys> keys;  // of the key file; none: keys are not this node's business
    // The nodes that the daemon begins with: starting_nodes(). Empty: made of `roster` and `rules`.
    membership::NodeList nodes{};
    // A change of the nodes counts when no lease of before can be left: after the longest term that a node
    // grants, by the slowest clock.
    base::Duration lease_wait{membership::stretched(base::seconds(1))};
};

// What a node begins with: the list in its journal, which counted, or that of its file where that has a
// higher version: who writes a file from what is in force gives it the version of that.
[[nodiscard]] membership::NodeList starting_nodes(const membership::NodeList& file,
                                                  const std::optional<membership::NodeList>& journal);

// A record for the journal; answer with persisted(token).
struct DiskWrite {
    std::uint64_t token{0};
    base::Bytes payload;
};
// A state that lost a merge: kept on disk, reported.
struct Archive {
    std::string name;
    base::Bytes payload;
};

// The answer to submit() or wait().
struct Answer {
    std::uint64_t client{0};  // as given to submit() or wait()
    base::Status status{base::ok()};
    std::uint64_t version{0};
    std::string remark;  // of a command: how far it is durable, when that is less than a quorum's disks
    std::vector<std::string> problems;  // of a wait: what could not be done
    bool waited{false};                 // the answer to wait()
    bool under_way{false};              // of a change of the nodes: it does not count yet; `remark` says why
};

// Ends the recurring operations of a resource.
struct CancelRecurring {
    std::string resource;
};
using AgentOrder = std::variant<OperationRequest, CancelRecurring>;

// To be submitted to the ring.
struct RingMessage {
    base::Bytes payload;
    totem::Guarantee guarantee{totem::Guarantee::agreed};
};

// What this node does about its lease.
struct NodeLease {
    bool enforced{true};  // it drops everything when its lease is out; as long as nothing else is known, too
    // The view that may act: what the other nodes grant counts for this. Said again and again while it is so.
    std::optional<base::RingId> declared;
    membership::LeasePolicy policy;
};

struct NodeOutbox {
    std::vector<DiskWrite> writes;
    std::vector<Archive> archives;
    std::vector<RingMessage> messages;  // in order
    std::vector<AgentOrder> agents;     // for the agents, in order
    std::vector<Answer> answers;
    // State::nodes or next_nodes have changed: ring, lease and node file follow, before `messages` are sent.
    bool nodes_changed{false};
    bool removed{false};  // this node is none of the cluster any more, and left in order
    // The members go by other nodes, votes or quorum options than this node, and had quorum: why it must end,
    // once that is on its disk. With `leave`.
    std::string refused;
    bool give_up{false};  // others took this node for cleared: its guard must drop everything
    // To be made durable in place of the key file, then used for the ring, then answered with keys_written().
    std::optional<totem::MasterKeys> keys;
    bool leave{false};  // everything is handed over: leave the ring and exit
};

// Wall clock and monotonic time of one input.
struct Moment {
    base::Instant now;
    base::WallTime wall;
};

class Node {
  public:
    // The tracer is borrowed. An error: the journal's record cannot be read.
    static base::Result<std::unique_ptr<Node>> create(NodeOptions options, base::Tracer& tracer);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node();

    // Inputs.
    void ring_event(Moment at, const totem::Event& event);
    void operation_finished(Moment at, const OperationResult& result);
    void persisted(Moment at, std::uint64_t token);
    // Client commands: answered once, after the command is durable or refused. `user`: "root via custos on
    // n1".
    void submit(Moment at, std::uint64_t client, std::string user, Command command);
    // Answered when configuration `version` has converged: nothing is left to do, or only what cannot be
    // done.
    void wait(Moment at, std::uint64_t client, std::uint64_t version);
    // The client is gone: it gets no answer.
    void forget(std::uint64_t client);
    // Hand over the resources, then leave (NodeOutbox::leave).
    void shut_down(Moment at);
    void advance(Moment at);
    // How many of the own links work (without a word: one is taken to).
    void links(Moment at, unsigned usable);
    // An administrator's word that nobody needs to be waited for any more: it holds in the present view, at
    // its delivery, and where the votes suffice. The client is answered once it has been delivered; an error:
    // the members changed before that, or there still is no quorum.
    void cancel_wait_for_all(Moment at, std::uint64_t client);
    // Changes the cluster's key to `fresh` (membership::KeyRotation::rotate). The client is answered when the
    // old key is gone everywhere, or when only an absent node is still waited for (then with a remark).
    void rotate_key(Moment at, std::uint64_t client, const totem::MasterKey& fresh, bool wait);
    void keys_written(Moment at, const base::Status& status);
    // The administrator changed the key file, and the ring uses it.
    void keys_replaced(Moment at, const totem::MasterKeys& keys);

    // A node that is ahead has shown its list, which counts; an older one is ignored.
    void learn_nodes(Moment at, const membership::NodeList& list);

    // Before each regular view: what this node has promised about the others (membership::Granter), as of
    // its installation. Without it none of them is cleared by its lease there.
    void promised(const membership::Promises& promises);
    // Whether this node's guard holds by a lease that ends, and not without one. Until this is called, it
    // does not.
    void guard_obeys(Moment at, bool obeys);
    // guard has dropped what the lease covers.
    void dropped(Moment at);

    // Outputs.
    [[nodiscard]] NodeOutbox drain();
    [[nodiscard]] base::Instant next_deadline() const;

    // For status and tests.
    [[nodiscard]] const State& state() const;
    [[nodiscard]] bool synchronised() const;
    [[nodiscard]] const totem::View& view() const;
    [[nodiscard]] membership::QuorumState quorum() const;  // of the view synchronised last
    [[nodiscard]] std::optional<base::NodeId> coordinator() const;
    [[nodiscard]] NodeLease lease() const;
    [[nodiscard]] std::optional<membership::KeyState> key_state() const;
    // Who may grant leases, by the nodes in force (and by those that are to be).
    [[nodiscard]] membership::Leasable leasable() const;
    // Whom the change of the nodes that is under way waits for, and what can be done about it; empty: for
    // nobody, only time is in its way.
    [[nodiscard]] std::string change_waits() const;
    // What an administrator should know beyond the state itself.
    [[nodiscard]] std::vector<std::string> warnings() const;

  private:
    struct Impl;
    explicit Node(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace manager

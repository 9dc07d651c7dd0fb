// The node's inside, shared by its files: views.cpp (hello, snapshot, adoption), leases.cpp (who is cleared),
// nodes.cpp (the configured nodes, and their change), keys.cpp (the change of the key), messages.cpp (what
// delivered messages do), clients.cpp (commands and waits), node.cpp (the public face).
#pragma once

#include "manager/node/node.hpp"
#include "membership/lease/clearing.hpp"

namespace manager {

struct Node::Impl {
    Impl(NodeOptions given, base::Tracer& trace, const membership::QuorumMemory& memory)
        : options(std::move(given)),
          tracer(trace),
          rules(options.rules),
          quorum(options.self.node, options.rules, memory),
          quorum_memory(memory),
          executor(options.self.node, options.roster[options.self.node]) {
        if (options.keys) keys.emplace(options.self.node, *options.keys, base::NodeSet{});
    }

    NodeOptions options;  // `roster` follows the nodes in force
    base::Tracer& tracer;

    // --- the configured nodes
    membership::QuorumRules rules;                  // by State::next_nodes, or by State::nodes
    std::optional<membership::QuorumRules> former;  // by State::nodes with next_nodes; by counted_before
    // Counted, says the journal, but the file has a higher version: its nodes count together with these only.
    std::optional<membership::NodeList> counted_before;
    std::optional<base::Instant> change_ready;  // since when only time is in the way of the change
    bool count_sent{false};                     // in this view

    // --- replicated and own parts
    State state;
    membership::Quorum quorum;
    membership::QuorumMemory quorum_memory;  // as it goes into every record of the journal
    Executor executor;
    std::optional<membership::KeyRotation> keys;
    NodeOutbox out;
    Moment at;  // of the current input

    // --- the view and how far it is synchronised
    enum class Phase { none, hellos, snapshot, done };
    struct Waiting {  // delivered before the view was synchronised
        Sender sender;
        Message message;
    };
    totem::View view;
    std::string cause;
    Phase phase{Phase::none};
    bool transitional{false};  // the old view is breaking up: states change, nothing is begun
    bool live{false};          // was synchronised at least once
    bool refusing{false};      // NodeOutbox::refused follows
    std::map<base::NodeId, Hello> hellos;
    base::NodeId authority;
    std::vector<Waiting> waiting;
    bool adopted{false};                   // under a new epoch in this view
    std::map<base::NodeId, Head> on_disk;  // what members said to have persisted

    // --- own disk
    std::uint64_t next_token{1};
    struct Record {
        Head head;
        membership::QuorumMemory quorum;
        bool operator==(const Record&) const = default;
    };
    std::map<std::uint64_t, Record> writing;
    Record last_written;
    Head last_on_disk;
    std::string lost_state;  // warning about a state that lost a merge

    // --- planning
    bool dirty{false};                   // something happened that no plan knows of
    bool plan_sent{false};               // and not yet delivered
    bool planned_around_running{false};  // the last plan left out what waits for running actions

    // --- the lease
    membership::Promises promises;                  // about the others, for the next hello
    std::map<base::NodeId, base::Instant> greeted;  // when each member's hello was delivered
    std::optional<membership::Clearing> clearing;   // of this view, once it is synchronised
    base::NodeSet took;                             // taken for cleared by lease since they were members last
    base::NodeSet said_out;                         // in this view
    bool lease_possible{false};                     // by the votes of the configured nodes
    bool guard_obeys{false};
    std::optional<bool> word_sent;         // of this view: that this node obeys
    std::optional<base::RingId> declared;  // NodeLease

    // --- clients
    struct Pending {
        std::uint64_t client{0};
        ClientCommand command;
        bool sent{false};
        bool applied{false};
        std::uint64_t version{0};  // of the configuration after it
        base::Instant give_up;
        base::Instant patience{base::Instant::never()};  // of a change of the nodes that was applied
    };
    std::vector<Pending> pending;  // in order of their numbers
    std::uint64_t next_number{1};
    struct Waiter {
        std::uint64_t client{0};
        std::uint64_t version{0};
        std::map<std::string, std::uint32_t> failures;  // of each resource, when the wait began
    };
    std::vector<Waiter> waiters;
    std::vector<std::uint64_t> cancelling;  // those who want to wait for nobody, in the present view
    struct KeyClient {
        std::uint64_t client{0};
        membership::KeyName key;  // that it is changed to
        bool wait{true};          // for absent nodes
        base::Instant patience;   // until then for nodes that are present
    };
    std::vector<KeyClient> key_clients;
    bool shutting_down{false};
    bool leaving_sent{false};
    base::Instant leave_at{base::Instant::never()};

    // views.cpp
    void start_view(const totem::Regular& event);
    void take_hello(const Sender& sender, const Hello& hello);
    [[nodiscard]] std::map<base::NodeId, membership::QuorumHello> quorum_hellos() const;
    [[nodiscard]] bool is_odd() const;  // RulesCheck
    void refuse();
    void end_refused();
    void take_snapshot(const Sender& sender, const Snapshot& snapshot);
    void synchronise();
    bool write_journal();  // whether there was something to write
    void disk_done(std::uint64_t token);
    void take_persisted(const Sender& sender, const Head& head);
    void take_fact(const Sender& sender, const QuorumFact& fact);
    void carry_out_quorum();  // what it wants said and written
    void follow_quorum();     // after each of its inputs: also what the state makes of it
    void cancel_wait_for_all(std::uint64_t client);
    void wait_for_all_cancelled();  // by this node's word
    [[nodiscard]] std::uint64_t epoch() const;
    [[nodiscard]] bool is_member(const Sender& sender) const;
    void set_state(State next);

    // keys.cpp
    void key_view();  // a synchronised view began
    void take_key(const Sender& sender, const Message& message);
    void follow_keys();  // after each input of it
    void answer_key_clients();
    [[nodiscard]] std::string key_trouble() const;
    [[nodiscard]] base::Instant key_deadline() const;
    void advance_keys();
    void break_off_key_clients();

    // messages.cpp
    void deliver(const Sender& sender, const base::Bytes& payload);
    void apply(const Sender& sender, const Message& message);
    void run(const std::vector<PlannedAction>& started);
    void take_orders(Executor::Orders orders);
    void send(const Message& message, totem::Guarantee guarantee = totem::Guarantee::agreed);
    void settle();  // after every input: promote, plan, answer
    void maybe_plan();

    // leases.cpp
    [[nodiscard]] bool may_lease(const base::NodeSet& nodes) const;
    [[nodiscard]] membership::LeasePolicy lease_policy() const;
    [[nodiscard]] bool word() const;  // of this node, as all know it
    [[nodiscard]] bool enforced() const;
    void begin_clearing();  // all hellos are there, and so is the state that they lead to
    void note_cleared();
    void take_lease_fact(const Sender& sender, const LeaseFact& fact);
    void follow_leases();  // what is to be said, and declared

    // nodes.cpp
    void use_nodes();  // the state has, or may have, others
    [[nodiscard]] base::Status check_change(const ChangeNodes& change) const;
    void take_nodes_fact(const Sender& sender, const NodesFact& fact);
    void follow_nodes();
    [[nodiscard]] base::NodeSet written() const;  // members whose disks have all that the state has
    [[nodiscard]] std::string change_waits() const;
    [[nodiscard]] bool change_may_count() const { return state.next_nodes && change_waits().empty(); }
    [[nodiscard]] std::string name_of(base::NodeId node) const;
    [[nodiscard]] base::Instant change_deadline() const;
    [[nodiscard]] bool removed() const;  // this node is in no list that counts

    // clients.cpp
    void send_pending();
    void refuse_pending(const std::string& why);
    void answer_error(std::uint64_t client, std::string why);
    void command_applied(const Sender& sender, const ClientCommand& command, const CommandOutcome& outcome);
    void answer_durable();
    void answer_impatient();
    void answer_converged();
    void give_up_on_loops();
    void continue_shutdown();
    void expire();
    [[nodiscard]] bool acting() const;
    [[nodiscard]] std::string no_quorum_text() const;

    void note(base::Level level, const std::string& text) { tracer.note(level, text); }
};

}  // namespace manager

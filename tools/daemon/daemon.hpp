// One running core: see core.hpp. Everything here runs on the main thread, except what is posted to it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agents/guard/guard_client.hpp"
#include "agents/runner/runner_client.hpp"
#include "manager/journal/store.hpp"
#include "manager/node/node.hpp"
#include "membership/config/config.hpp"
#include "membership/config/node_file.hpp"
#include "membership/lease/keeper.hpp"
#include "tools/daemon/attendance.hpp"
#include "tools/daemon/core.hpp"
#include "tools/daemon/group_service.hpp"
#include "tools/daemon/logging.hpp"
#include "tools/daemon/start_file.hpp"
#include "tools/ipc/server.hpp"
#include "totem/engine/engine.hpp"

namespace tools {

// The keys as guard last copied them to the descriptor. Errors: as of totem::MasterKeys::parse, with `name`.
[[nodiscard]] base::Result<totem::MasterKeys> read_keys(int fd, const std::string& name);
// Where the text of the node file is kept that this node last read or wrote.
[[nodiscard]] std::string node_file_copy(const CoreOptions& options);

class Daemon {
  public:
    Daemon(CoreOptions options, StartFile file, const totem::MasterKeys& keys, Log& log);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();
    [[nodiscard]] int run();

  private:
    // --- start
    void find_self();
    [[nodiscard]] base::Status start_node(base::NodeId self);
    void leave_last_words();
    [[nodiscard]] std::string group_socket() const;
    [[nodiscard]] std::string epoch_file() const;
    [[nodiscard]] totem::EngineConfig engine_config(base::NodeId self, base::Incarnation incarnation) const;
    void connect_agents();
    void watch_signals();

    // --- the key file (keys.cpp)
    void reload_keys();
    [[nodiscard]] bool use_keys(const totem::MasterKeys& keys);
    void write_keys(totem::MasterKeys keys);
    void keys_written(const std::string& trouble);
    [[nodiscard]] std::vector<std::string> key_warnings() const;
    void put_keys(RingReply& out) const;

    // --- the configured nodes (nodes.cpp)
    [[nodiscard]] base::Status begin_nodes();  // before find_self()
    void find_removed();                       // why this node is none of the cluster, if so
    void nodes_changed();
    void take_offer(const base::Bytes& list);
    [[nodiscard]] base::Result<membership::NodeList> checked(membership::NodeList list) const;
    [[nodiscard]] base::Result<membership::NodeList> with_node(const AddNode& add) const;
    [[nodiscard]] base::Result<membership::NodeList> without_node(const RemoveNode& remove) const;
    [[nodiscard]] base::Status check_fixed(const membership::NodeConfig& edited) const;
    [[nodiscard]] base::Status check_places(const membership::NodeList& list) const;
    [[nodiscard]] base::Result<membership::NodeList> edited_nodes(const std::string& text) const;
    void change_nodes(const std::string& user, const Request& request, const ControlServer::Respond& respond);
    void take_same_file(const std::string& text, const ControlServer::Respond& respond);
    [[nodiscard]] std::string change_under_way() const;
    [[nodiscard]] std::vector<std::string> node_warnings(const totem::EngineStatus& engine) const;
    [[nodiscard]] std::map<base::NodeId, std::string> node_names() const;
    void put_nodes(RingReply& out) const;

    // --- the node file (node_file.cpp)
    void write_node_file();
    void node_file_written(const agents::NodeFileWritten& written);
    void node_file_done(const std::string& trouble);
    void use_file(const std::string& text);  // which is what the file says: read, or written
    void when_file_is_written(std::function<void()> then);
    [[nodiscard]] std::vector<std::string> file_warnings() const;

    // --- the node's outbox, carried out
    void pump();
    void submit_backlog();
    void run_agent(const manager::AgentOrder& order);
    void answer(manager::Answer answer);
    void arm_timer();
    // `promises`: one for each regular view among the events.
    void ring_events(std::vector<totem::Event>& events, const std::vector<membership::Promises>& promises);
    void links_changed(unsigned usable);
    void finished(const manager::OperationResult& result);

    // --- the lease (lease.cpp)
    [[nodiscard]] base::Status start_lease(base::NodeId self);
    void follow_lease();  // what the node wants is told to guard and to the ring's thread
    void lease_tick();
    void keep_term(base::Duration term);
    [[nodiscard]] std::string lease_page() const;
    [[nodiscard]] LocalLease lease() const;

    // --- clients (requests.cpp)
    void request(const Credentials& client, Request request, ControlServer::Respond respond);
    [[nodiscard]] StatusReply status() const;
    [[nodiscard]] RingReply ring() const;  // requests_ring.cpp
    void put_quorum(RingReply& out) const;
    [[nodiscard]] std::vector<std::string> warnings(const totem::EngineStatus& engine) const;
    void begin_shutdown();

    void stop(int code, const std::string& why);
    [[nodiscard]] manager::Moment moment() const;

    CoreOptions options_;
    membership::NodeConfig config_;
    totem::MasterKeys keys_;                         // in force
    std::optional<totem::MasterKeys> writing_keys_;  // by the runner
    std::string key_trouble_;                        // why that failed last
    Log& log_;
    LogTracer tracer_;
    boost::asio::io_context io_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer node_timer_, retry_timer_, link_timer_, lease_timer_, file_timer_;
    std::unique_ptr<ControlServer> server_;
    std::unique_ptr<agents::RunnerClient> runner_;
    std::unique_ptr<agents::GuardClient> guard_;
    std::unique_ptr<manager::JournalStore> journal_;
    std::optional<base::Bytes> last_record_;  // of the journal, until the node has it
    membership::NodeConfig file_;             // as the file of this node says
    base::NodeSet moving_;                    // who gets another address by the change that is under way
    membership::NodeList nodes_;              // in force: `config_` has them
    base::Instant nodes_changed_at_;          // by this process; zero: not yet
    // What the file lists unless somebody has edited it: was in force when this node read or wrote it.
    membership::NodeList settled_;
    std::string start_text_;                        // of the file, until there is a node
    std::optional<std::string> writing_file_;       // by the runner
    bool write_file_again_{false};                  // the nodes have changed meanwhile
    std::vector<std::function<void()>> file_then_;  // when that is done
    // For status; empty: none. `broken_file_`: this process began with a copy of the file.
    std::string nodes_trouble_, file_trouble_, broken_file_;
    std::unique_ptr<manager::Node> node_;
    membership::LeaseTiming lease_timing_{};
    std::unique_ptr<agents::RenewalLine> renewals_;  // used by the keeper
    std::unique_ptr<membership::Keeper> keeper_;     // used on the ring's thread, by the engine
    std::unique_ptr<totem::Engine> engine_;
    bool enforced_{true};                   // as guard was told last
    std::optional<base::RingId> declared_;  // as the keeper was told last
    std::unique_ptr<GroupService> groups_;

    base::NodeId self_;
    std::string host_name_;
    std::string waiting_for_;                   // why there is no node yet, in words
    std::deque<manager::RingMessage> backlog_;  // messages that the ring has not taken yet
    std::map<std::uint64_t, ControlServer::Respond> clients_;
    std::uint64_t next_client_{1};
    std::vector<ControlServer::Respond> shutdown_clients_;
    Attendance attendance_;
    std::vector<totem::Member> announced_to_;  // members of the view in which addresses were last announced
    std::string journal_warning_;
    agents::GuardFacts facts_;
    int exit_code_{0};
    bool stopping_{false};
};

}  // namespace tools

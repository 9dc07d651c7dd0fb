// The local control protocol between `custos` and custosd: framed protobuf (tools/ipc/control.proto) over a
// Unix stream socket whose peers show their credentials (SO_PEERCRED). These are its values; codec.hpp has
// their bytes, server.hpp and client.hpp the two ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/model/command.hpp"
#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "totem/base/ids.hpp"

namespace tools {

// --- client -> daemon
struct GetStatus {};
// Run a command; the answer comes when it is durable (or refused).
struct RunCommand {
    manager::Command command;
};
// Answer when this configuration version (or a later one) has converged: nothing left to do, or only things
// that cannot be done.
struct WaitConverged {
    std::uint64_t version{0};
};
// Stop this daemon in order: hand over resources, leave the ring, exit.
struct Shutdown {};
using Request = std::variant<GetStatus, RunCommand, WaitConverged, Shutdown>;

// --- daemon -> client
// LocalFacts::phase of a node that has not started yet: there is no ring, and configuration and status are
// empty.
inline constexpr const char* kWaiting = "waiting";
struct LocalFacts {
    std::string node;  // name of the node that answers
    base::NodeId node_id;
    std::string cluster_name;
    std::string version;
    std::string coordinator;  // node name, empty without one
    std::string phase;        // ring phase
    std::string ring_id;
    std::vector<base::NodeId> members;  // of the last regular view
    bool synchronised{false};           // the members of this view agree on one state
    std::string quorum_reason;
    std::vector<std::string> warnings;  // lines that an administrator should see
    std::vector<std::string> notes;     // of the last schedule at the coordinator ("nothing starts: ...")
    std::uint64_t ring_tokens{0}, ring_delivered{0}, ring_retransmitted{0}, ring_views{0};
    std::uint64_t ring_refused{
        0};  // frames that were not opened: garbage, another key or cluster, corosync's
    std::int64_t rotation_us{0};
    std::string last_change;  // "Sun Nov 22 10:00:00 2026 by root via custos on n1"
};
struct StatusReply {
    LocalFacts local;
    manager::Configuration configuration;
    manager::ClusterStatus status;
};
struct CommandReply {
    std::uint64_t version{0};  // of the configuration that holds the change
    std::string remark;        // "on this node only: ..." ; empty: durable on a quorum's disks
};
struct Converged {
    std::uint64_t version{0};
    std::vector<std::string> problems;  // what could not be done and why; empty: all as wanted
};
struct ShutdownReply {};
struct Refused {
    std::string message;
};
using Reply = std::variant<StatusReply, CommandReply, Converged, ShutdownReply, Refused>;

inline constexpr const char* kDefaultSocket = "/run/custos/custos.sock";

}  // namespace tools

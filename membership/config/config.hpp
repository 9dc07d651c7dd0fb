// The node configuration file: corosync.conf's grammar and key names -> validated values. Parsing touches nothing but the
// text; names are resolved and the own node found by functions that are handed in, so that all of it runs in unit tests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace membership {

enum class Transport { multicast, unicast };

struct NodeEntry {
    base::NodeId id;
    std::string name;            // may be empty in the file; for the own node `uname -n` fills it
    std::string ring0_addr;      // as written: an IPv4 address or a name
    std::string address;         // IPv4 in dotted quads, after resolve()
    std::uint32_t votes{1};
    int line{0};                 // of ring0_addr, for messages
    bool operator==(const NodeEntry&) const = default;
};

struct TotemOptions {
    std::string cluster_name;
    Transport transport{Transport::unicast};
    base::Duration token{base::milliseconds(1000)};
    std::optional<base::Duration> consensus;   // as given; otherwise derived (docs/operating.md)
    base::Duration join{base::milliseconds(50)};
    std::string multicast_group{"239.192.77.1"};
    std::uint16_t port{5405};
    int ttl{1};
    std::uint32_t netmtu{1500};
    std::string key_file{"/etc/custos/authkey"};
};

struct QuorumOptions {
    bool two_node{false};
    std::optional<std::uint32_t> expected_votes;
    bool wait_for_all{false};
};

struct LoggingOptions {
    bool to_stderr{false}, to_syslog{true}, to_file{false};
    std::string file;
    bool debug{false};
    bool timestamp{false};
};

// A line the reader should know of, that is no error: "custos.conf:12: totem.rrp_mode is ignored: ...".
struct Notice {
    std::string text;
};

struct NodeConfig {
    TotemOptions totem;
    QuorumOptions quorum;
    LoggingOptions logging;
    std::vector<NodeEntry> nodes;    // sorted by id
    std::vector<Notice> notices;
    std::string file;                // name used in messages

    [[nodiscard]] base::NodeSet roster() const;
    [[nodiscard]] const NodeEntry* find(base::NodeId id) const;
};

// Text -> config. The error of a malformed file names file:line, what was expected and what was found, and for a file without
// nodelist the lines to add.
[[nodiscard]] base::Result<NodeConfig> parse_config(std::string_view text, std::string_view file_name);
[[nodiscard]] base::Result<NodeConfig> load_config(const std::string& path);

// Looks a name up once; returns dotted quads (none: not known). The default asks the system's resolver.
using Resolver = std::function<std::vector<std::string>(const std::string& name)>;
[[nodiscard]] std::vector<std::string> system_resolver(const std::string& name);

// Fills `address` of every node. Refuses names that resolve to loopback (Debian's 127.0.1.1), with the line.
[[nodiscard]] base::Status resolve_addresses(NodeConfig& config, const Resolver& resolver);

// The local IPv4 addresses of this machine at this moment, loopback left out.
[[nodiscard]] std::vector<std::string> local_addresses();

// Finds the own node: the one entry whose address is local. None yet: not_found (the daemon waits for the address to come);
// several: conflict. Both errors list the configured and the local addresses. An empty name becomes `host_name`.
[[nodiscard]] base::Result<base::NodeId> find_own_node(NodeConfig& config, const std::vector<std::string>& local,
                                                       const std::string& host_name);

}  // namespace membership

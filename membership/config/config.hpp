// The node configuration file: corosync.conf's grammar and key names -> validated values. Parsing touches
// nothing but the text; names are resolved and the own node found by functions that are handed in, so that
// all of it runs in unit tests.
//
// A key is honoured, ignored with a notice, or an error with file:line; which of them is the table in
// grammar/schema.cpp. docs/operating.md has the keys for the administrator, docs/decisions/0030 to 0035 the
// reasons.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "membership/quorum/quorum.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace membership {

inline constexpr const char* kDefaultConfigFile = "/etc/custos/custos.conf";
inline constexpr std::size_t kMaxNodes = 64;

enum class Transport { multicast, unicast };

struct NodeEntry {
    base::NodeId id;
    // As written. When the file has none: ring0_addr if that is a host name, else "node<ID>"; find_own_node
    // puts the host's own name there for the own node.
    std::string name;
    bool named{true};        // the file itself has the name, so that all nodes agree on it
    std::string ring0_addr;  // as written: an IPv4 address or a name
    std::string address;     // IPv4 in dotted quads, after resolve_addresses
    std::uint32_t votes{1};
    int line{0};  // of ring0_addr, for messages
    bool operator==(const NodeEntry&) const = default;
};

struct TotemOptions {
    std::string cluster_name;  // may be empty
    Transport transport{Transport::unicast};
    base::Duration token{
        base::milliseconds(1000)};            // in force: token_coefficient, when given, is already added
    std::optional<base::Duration> consensus;  // as given
    base::Duration join{base::milliseconds(50)};
    std::string multicast_group{
        "239.192.77.1"};  // without mcastaddr: made from cluster_name, so that clusters differ
    std::uint16_t port{5405};
    int ttl{1};
    std::uint32_t netmtu{1500};  // of the network: IP and UDP headers are inside it
    std::string key_file{"/etc/custos/authkey"};

    // How long gather waits for a silent node: `consensus` as given, else the larger of 6 x join and 3/10
    // token.
    [[nodiscard]] base::Duration consensus_timeout() const;
};

struct QuorumOptions {
    bool two_node{false};
    std::optional<std::uint32_t> expected_votes;
    bool wait_for_all{false};  // two_node implies it; alone it is not enforced yet, and a warning says so
};

struct LoggingOptions {
    bool to_stderr{false}, to_syslog{true}, to_file{false};
    std::string file;  // not empty when to_file
    bool debug{false};
    bool timestamp{false};  // of stderr; syslog and a file always have one
};

// A line the reader should know of, that is no error: "custos.conf:12: totem.rrp_mode is ignored: ...".
struct Notice {
    std::string text;
    bool warning{false};  // the file asks for something that the cluster will miss: belongs into status too
    bool operator==(const Notice&) const = default;
};

struct NodeConfig {
    TotemOptions totem;
    QuorumOptions quorum;
    LoggingOptions logging;
    std::vector<NodeEntry> nodes;  // sorted by id
    std::vector<Notice> notices;   // in the order of the file
    std::string file;              // name used in messages

    [[nodiscard]] base::NodeSet roster() const;
    [[nodiscard]] const NodeEntry* find(base::NodeId id) const;
};

// The local IPv4 address that an old file's `bindnetaddr` selects: that address itself or one in that
// network; empty: none.
using BindAddress = std::function<std::string(const std::string& bindnetaddr)>;
[[nodiscard]] std::string local_bind_address(const std::string& bindnetaddr);

// Text -> config. The error of a malformed file (invalid) names file:line, what was expected and what was
// found, and for a file without nodelist the lines to add; `bind_address` only serves to fill those in.
[[nodiscard]] base::Result<NodeConfig> parse_config(std::string_view text, std::string_view file_name,
                                                    const BindAddress& bind_address = {});
// The same from a file; not_found or io when it can't be read.
[[nodiscard]] base::Result<NodeConfig> load_config(const std::string& path);

// Looks a name up once; returns dotted quads (none: not known). The default asks the system's resolver.
using Resolver = std::function<std::vector<std::string>(const std::string& name)>;
[[nodiscard]] std::vector<std::string> system_resolver(const std::string& name);

// Fills `address` of every node. Refuses (invalid) names and addresses that are loopback (Debian's
// 127.0.1.1), names with several addresses, and two nodes with one address, with the line; not_found: a name
// is not known (perhaps not yet).
[[nodiscard]] base::Status resolve_addresses(NodeConfig& config, const Resolver& resolver);

// The local IPv4 addresses of this machine at this moment, loopback left out.
[[nodiscard]] std::vector<std::string> local_addresses();

// Finds the own node: the one entry whose address is local. None yet: not_found (the daemon waits for the
// address to come); several: conflict. Both errors list the configured and the local addresses. A name that
// the file does not have becomes `host_name`; invalid when another node has that name.
[[nodiscard]] base::Result<base::NodeId> find_own_node(NodeConfig& config,
                                                       const std::vector<std::string>& local,
                                                       const std::string& host_name);

// The vote rules that the file gives, for evaluate().
[[nodiscard]] QuorumRules quorum_rules(const NodeConfig& config);

// What will be used, line by line, and then the notices: what `custos config check` prints. Ends with a
// newline.
[[nodiscard]] std::string describe(const NodeConfig& config);

}  // namespace membership

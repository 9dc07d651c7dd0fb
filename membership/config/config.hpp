// The node configuration file: corosync.conf's grammar and key names -> validated values. Parsing touches
// nothing but the text; names are resolved and the own node found by functions that are handed in, so that
// all of it runs in unit tests.
//
// A key is honoured, ignored with a notice, or an error with file:line; which of them is the table in
// grammar/schema.cpp. docs/operating.md has the keys for the administrator, docs/decisions/0030 to 0034
// and 0090 to 0092 the reasons.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "membership/quorum/votes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace membership {

inline constexpr const char* kDefaultConfigFile = "/etc/custos/custos.conf";
inline constexpr std::size_t kMaxNodes = 64;

inline constexpr unsigned kMaxLinks = 8;

enum class Transport { multicast, unicast, broadcast };

// Where a node is reached in one network: a line ringN_addr.
struct NodeAddress {
    unsigned link{0};     // N
    std::string written;  // an IP address or a name
    std::string ip;       // as base::to_string() writes it; after resolve_addresses
    int line{0};
    bool operator==(const NodeAddress&) const = default;
};

inline constexpr std::uint32_t kMaxNodeId =
    2'147'483'647;  // ids are positive in 31 bits, as corosync has them

struct NodeEntry {
    base::NodeId id;
    // When the file has none: ring0_addr if that is a host name, else "node<ID>"; find_own_node
    // puts the host's own name there for the own node.
    std::string name;
    bool named{true};                    // the file itself has the name, so that all nodes agree on it
    std::vector<NodeAddress> addresses;  // ascending by link; link 0 is there, each node has the same links
    std::uint32_t votes{1};
    int line{0};  // of ring0_addr, for messages
    bool operator==(const NodeEntry&) const = default;
};

// What carries ringN_addr: totem.interface { } with that number, or the defaults.
struct LinkOptions {
    unsigned number{0};
    Transport transport{Transport::unicast};
    std::uint16_t port{5405};     // without mcastport: 5405 + number
    std::string multicast_group;  // as given; empty: multicast_group() makes one
    int ttl{1};
    unsigned priority{
        1};       // of the links that work the highest carries the frames, of equals the lowest number
    int line{0};  // of the section; 0: there is none
    bool operator==(const LinkOptions&) const = default;
};

// Which addresses a name may stand for.
enum class IpVersion { v4, v6, v4_first, v6_first };

struct TotemOptions {
    std::string cluster_name;         // may be empty
    std::uint64_t config_version{0};  // of the nodelist, as changes while the cluster runs count it; 0: none
    std::vector<LinkOptions> links;   // those of the nodelist, ascending
    IpVersion ip_version{IpVersion::v4_first};
    base::Duration token{
        base::milliseconds(1000)};            // in force: token_coefficient, when given, is already added
    std::optional<base::Duration> consensus;  // as given
    base::Duration join{base::milliseconds(50)};
    // No packet is larger, IP and UDP headers included. Empty: as large as the path to a node takes.
    std::optional<std::uint32_t> netmtu;
    std::string key_file{"/etc/custos/authkey"};

    // How long gather waits for a silent node: `consensus` as given, else the larger of 6 x join and 3/10
    // token.
    [[nodiscard]] base::Duration consensus_timeout() const;
};

struct QuorumOptions {
    bool two_node{false};
    std::optional<std::uint32_t> expected_votes;
    bool wait_for_all{false};  // as given; else two_node implies it
    bool wait_for_all_given{false};
    bool last_man_standing{false};
    base::Duration last_man_standing_window{base::seconds(10)};
    TieBreaker tie_breaker{TieBreaker::none};
    std::vector<base::NodeId> tie_breaker_nodes;  // `listed`: at least one, each with a vote
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

// A line of the file by its full name: "totem.interface.0.mcastport", "nodelist.node.1.name" (nodes count
// from 0, in the order of the file).
struct Setting {
    std::string key, value;
    bool operator==(const Setting&) const = default;
};

struct NodeConfig {
    TotemOptions totem;
    QuorumOptions quorum;
    LoggingOptions logging;
    std::vector<NodeEntry> nodes;  // sorted by id
    std::vector<Notice> notices;   // in the order of the file
    // As written, whatever became of it: totem, nodelist, quorum, logging, resources; without totem.key.
    std::vector<Setting> settings;
    std::string file;  // name used in messages

    [[nodiscard]] base::NodeSet roster() const;
    [[nodiscard]] const NodeEntry* find(base::NodeId id) const;
    // The group of a link, after resolve_addresses: as given, or made from cluster_name, so that clusters
    // differ.
    [[nodiscard]] std::string multicast_group(const LinkOptions& link) const;
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

// Looks a name up once; returns addresses of both IP versions (none: not known). The default asks the
// system's resolver.
using Resolver = std::function<std::vector<std::string>(const std::string& name)>;
[[nodiscard]] std::vector<std::string> system_resolver(const std::string& name);

// Fills in the ip of every address. Refuses (invalid) names and addresses that are loopback (Debian's
// 127.0.1.1), names with several addresses, two nodes with one address, and what a link can't be (IPv4 and
// IPv6 together, broadcast in IPv6), with the line; not_found: a name is not known (perhaps not yet).
[[nodiscard]] base::Status resolve_addresses(NodeConfig& config, const Resolver& resolver);

// The local addresses of this machine at this moment, loopback left out.
[[nodiscard]] std::vector<std::string> local_addresses();
// Those that reach all machines of a network that this one has an address in (IPv4).
[[nodiscard]] std::vector<std::string> broadcast_addresses();

// Finds the own node: the one entry of which an address is local. None yet: not_found (the daemon waits for
// the address to come); several: conflict. Both errors list the configured and the local addresses. A name
// that the file does not have becomes `host_name`; invalid when another node has that name.
[[nodiscard]] base::Result<base::NodeId> find_own_node(NodeConfig& config,
                                                       const std::vector<std::string>& local,
                                                       const std::string& host_name);

// The vote rules that the file gives.
[[nodiscard]] QuorumRules quorum_rules(const NodeConfig& config);

// What will be used, line by line, and then the notices: what `custos config check` prints. Ends with a
// newline.
[[nodiscard]] std::string describe(const NodeConfig& config);

}  // namespace membership

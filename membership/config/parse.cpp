// Checked tree -> NodeConfig.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "membership/config/config.hpp"
#include "membership/config/detail/ipv4.hpp"
#include "membership/config/detail/nodelist.hpp"
#include "membership/config/grammar/check.hpp"

namespace membership {

namespace {

using grammar::error_at;
using grammar::flag_of;
using grammar::line_of;
using grammar::Notices;
using grammar::number_of;
using grammar::quoted;
using grammar::Section;
using grammar::text_of;

base::Duration ms(std::int64_t n) {
    return base::milliseconds(n);
}

// A group of our own for each cluster name (FNV-1a, 32 bits), so that two clusters on one network do not hear
// each other.
std::string group_for(const std::string& cluster_name) {
    std::uint32_t hash = 2166136261u;
    for (const char c : cluster_name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return "239.192." + std::to_string((hash >> 8) & 255u) + "." + std::to_string(hash & 255u);
}

// The interface section of link 0: the one with that number or with none. Others are named once.
base::Result<const Section*> link_zero(const Section& totem, std::string_view file, Notices& notices) {
    const Section* chosen = nullptr;
    for (const Section& interface : totem.sections) {
        if (interface.name != "interface") continue;
        const auto link = number_of(&interface, "linknumber");
        const std::int64_t number = link ? *link : number_of(&interface, "ringnumber").value_or(0);
        if (number != 0) {
            notices.add(
                interface.line, "totem.interface { } of link " + std::to_string(number),
                "is ignored: several links are not there yet; link 0 (ring0_addr) alone carries the ring");
            continue;
        }
        if (chosen != nullptr) {
            return error_at(file, interface.line,
                            "totem.interface: expected one section for link 0, found a second one (the first "
                            "is in line " +
                                std::to_string(chosen->line) + "): give it \"linknumber: 1\" or remove it");
        }
        chosen = &interface;
    }
    return chosen;
}

base::Status read_interface(const Section* interface, bool knows_transport, std::string_view file,
                            Notices& notices, TotemOptions& out) {
    if (interface == nullptr) return base::ok();
    const bool multicast = out.transport == Transport::multicast;
    if (text_of(interface, "bindnetaddr")) {
        notices.add(line_of(interface, "bindnetaddr"), "totem.interface.bindnetaddr",
                    "is ignored: a node uses its own ring0_addr");
    }
    const auto group = text_of(interface, "mcastaddr");
    if (group && group->find(':') != std::string::npos) {
        return error_at(
            file, line_of(interface, "mcastaddr"),
            "totem.interface.mcastaddr: IPv6 is not there yet; expected an IPv4 multicast address, found " +
                quoted(*group));
    }
    if (group && !detail::is_multicast(*group)) {
        return error_at(
            file, line_of(interface, "mcastaddr"),
            "totem.interface.mcastaddr: expected an IPv4 multicast address (224.0.0.0 to 239.255.255.255), "
            "found " +
                quoted(*group));
    }
    if (group && multicast) out.multicast_group = *group;
    if (group && !multicast) {
        notices.add(line_of(interface, "mcastaddr"), "totem.interface.mcastaddr",
                    knows_transport
                        ? "is ignored: only \"transport: udp\" uses multicast"
                        : "is ignored: without a transport line, frames go to each node by unicast; write "
                          "\"transport: udp\" in totem { } for multicast");
    }
    if (const auto ttl = number_of(interface, "ttl")) {
        out.ttl = static_cast<int>(*ttl);
        if (!multicast) {
            notices.add(line_of(interface, "ttl"), "totem.interface.ttl",
                        "is ignored: only multicast has a limited range");
        }
    }
    if (const auto port = number_of(interface, "mcastport")) out.port = static_cast<std::uint16_t>(*port);
    if (flag_of(interface, "broadcast") == true) {
        out.transport = Transport::unicast;
        notices.add(line_of(interface, "broadcast"), "totem.interface.broadcast",
                    "is not there yet: frames go to each node by unicast, which reaches the same nodes");
    }
    return base::ok();
}

void read_mtu(const Section* totem, bool knet, Notices& notices, TotemOptions& out) {
    const auto netmtu = number_of(totem, "netmtu");
    const auto knet_mtu = number_of(totem, "knet_mtu").value_or(0);
    if (knet) {
        if (netmtu) {
            notices.add(line_of(totem, "netmtu"), "totem.netmtu",
                        "is ignored: under knet it is not the network's MTU, knet_mtu is; 1500 is assumed "
                        "without it");
        }
        if (knet_mtu > 0) out.netmtu = static_cast<std::uint32_t>(std::max<std::int64_t>(knet_mtu, 576));
        return;
    }
    if (netmtu) out.netmtu = static_cast<std::uint32_t>(*netmtu);
    if (knet_mtu > 0) {
        notices.add(line_of(totem, "knet_mtu"), "totem.knet_mtu",
                    "is ignored: only \"transport: knet\" has it");
    }
}

void note_sealing(const Section* totem, Notices& notices) {
    for (const char* key : {"crypto_cipher", "crypto_hash", "secauth"}) {
        const auto value = text_of(totem, key);
        if (!value) continue;
        if (*value == "none" || grammar::parse_flag(*value) == false) {
            notices.add(line_of(totem, key), std::string("totem.") + key + ": " + *value,
                        "is ignored: every frame is sealed with AES-256-GCM, which can't be switched off");
        }
    }
}

base::Status read_ip_version(const Section* totem, std::string_view file, Notices& notices) {
    const auto version = text_of(totem, "ip_version");
    if (version == "ipv6") {
        return error_at(file, line_of(totem, "ip_version"),
                        "totem.ip_version: IPv6 is not there yet; expected ipv4, found \"ipv6\"");
    }
    if (version && *version != "ipv4") {
        notices.add(line_of(totem, "ip_version"), "totem.ip_version: " + *version,
                    "is taken as ipv4: IPv6 is not there yet");
    }
    return base::ok();
}

base::Status read_timing(const Section* totem, std::size_t nodes, std::string_view file, TotemOptions& out) {
    if (const auto token = number_of(totem, "token")) out.token = ms(*token);
    if (const auto coefficient = number_of(totem, "token_coefficient"); coefficient && nodes > 2) {
        out.token = out.token + ms(*coefficient * static_cast<std::int64_t>(nodes - 2));
    }
    if (const auto join = number_of(totem, "join")) out.join = ms(*join);
    if (const auto consensus = number_of(totem, "consensus")) out.consensus = ms(*consensus);
    if (out.consensus && *out.consensus < out.join) {
        return error_at(file, line_of(totem, "consensus"),
                        "totem.consensus: expected at least the join interval of " +
                            std::to_string(out.join.ms()) + " ms, found " +
                            std::to_string(out.consensus->ms()) +
                            ": gather would give up before a node can answer");
    }
    return base::ok();
}

base::Status read_totem(const Section* totem, std::size_t nodes, std::string_view file, Notices& notices,
                        TotemOptions& out) {
    if (totem == nullptr) return base::ok();
    if (const auto name = text_of(totem, "cluster_name")) {
        constexpr std::size_t kLongestName = 255;
        if (name->size() > kLongestName) {
            return error_at(
                file, line_of(totem, "cluster_name"),
                "totem.cluster_name: expected at most 255 characters, found " + std::to_string(name->size()));
        }
        out.cluster_name = *name;
        out.multicast_group = group_for(*name);
    }
    const auto transport = text_of(totem, "transport");
    const bool knet = !transport || *transport == "knet";  // corosync's default too
    if (transport == "udp") out.transport = Transport::multicast;
    if (transport == "knet") {
        notices.add(line_of(totem, "transport"), "totem.transport: knet",
                    "is taken as udpu: plain UDP to each node");
    }
    if (const auto key = text_of(totem, "keyfile")) out.key_file = *key;
    note_sealing(totem, notices);
    read_mtu(totem, knet, notices, out);
    TRY_OK(read_ip_version(totem, file, notices));
    TRY_OK(read_timing(totem, nodes, file, out));
    TRY(const Section* interface, link_zero(*totem, file, notices));
    return read_interface(interface, transport.has_value(), file, notices, out);
}

base::Status check_two_node(const Section* quorum, const NodeConfig& config, std::uint64_t votes,
                            std::string_view file) {
    const auto voters = std::count_if(config.nodes.begin(), config.nodes.end(),
                                      [](const NodeEntry& n) { return n.votes > 0; });
    if (votes != 2 || voters != 2) {
        return error_at(file, line_of(quorum, "two_node"),
                        "quorum.two_node: expected two nodes with one vote each, found " +
                            std::to_string(voters) + (voters == 1 ? " node" : " nodes") + " with " +
                            std::to_string(votes) +
                            " votes together: remove two_node, or correct the nodelist");
    }
    if (config.quorum.expected_votes.value_or(2) > 2) {
        return error_at(file, line_of(quorum, "expected_votes"),
                        "quorum.expected_votes: expected 2 beside two_node, found " +
                            std::to_string(*config.quorum.expected_votes));
    }
    return base::ok();
}

base::Status read_quorum(const Section* quorum, std::string_view file, Notices& notices, NodeConfig& config) {
    std::uint64_t votes = 0;
    for (const NodeEntry& node : config.nodes) votes += node.votes;
    if (votes == 0) {
        return error_at(file, config.nodes.front().line,
                        "nodelist: expected at least one node with a vote, found quorum_votes: 0 everywhere");
    }
    QuorumOptions& out = config.quorum;
    if (const auto expected = number_of(quorum, "expected_votes")) {
        if (static_cast<std::uint64_t>(*expected) < votes) {
            notices.add(line_of(quorum, "expected_votes"),
                        "quorum.expected_votes: " + std::to_string(*expected),
                        "is ignored: the nodelist has " + std::to_string(votes) +
                            " votes, and fewer are never expected");
        } else {
            out.expected_votes = static_cast<std::uint32_t>(*expected);
        }
    }
    out.two_node = flag_of(quorum, "two_node").value_or(false);
    if (out.two_node) TRY_OK(check_two_node(quorum, config, votes, file));
    const auto wait = flag_of(quorum, "wait_for_all");
    out.wait_for_all = out.two_node || wait.value_or(false);
    if (out.two_node && wait == false) {
        notices.add(line_of(quorum, "wait_for_all"),
                    "quorum.wait_for_all: " + *text_of(quorum, "wait_for_all"),
                    "is ignored: with two_node, a node alone is quorate only after it has seen the other one "
                    "since its start");
    } else if (out.wait_for_all && !out.two_node) {
        notices.add(line_of(quorum, "wait_for_all"), "quorum.wait_for_all",
                    "is enforced with two_node only: after a start a majority is quorate before it has seen "
                    "all nodes (with "
                    "stonith-enabled=true nothing starts while one of them may still run something)",
                    true);
    }
    return base::ok();
}

base::Status read_logging(const Section* logging, std::string_view file, LoggingOptions& out) {
    out.to_stderr = flag_of(logging, "to_stderr").value_or(out.to_stderr);
    out.to_syslog = flag_of(logging, "to_syslog").value_or(out.to_syslog);
    const char* key =
        flag_of(logging, "to_logfile") ? "to_logfile" : "to_file";  // to_file: before corosync 1.2
    out.to_file = flag_of(logging, key).value_or(out.to_file);
    out.file = text_of(logging, "logfile").value_or("");
    if (out.to_file && out.file.empty()) {
        return error_at(file, line_of(logging, key),
                        std::string("logging.") + key +
                            ": expected a line \"logfile: /var/log/...\" beside it, found none");
    }
    const auto on = [&](const char* name) {
        const auto value = text_of(logging, name);
        return value && grammar::parse_flag(*value).value_or(true);  // "trace" and "hires" are more than on
    };
    out.debug = on("debug");
    out.timestamp = on("timestamp");
    return base::ok();
}

void note_watchdog(const Section* resources, Notices& notices) {
    const auto device = text_of(resources, "watchdog_device");
    if (!device || device->empty() || *device == "off") return;
    notices.add(line_of(resources, "watchdog_device"), "resources.watchdog_device",
                "is ignored: no watchdog is armed yet, so that nothing resets this node when it hangs", true);
}

}  // namespace

base::Result<NodeConfig> parse_config(std::string_view text, std::string_view file_name,
                                      const BindAddress& bind_address) {
    NodeConfig config;
    config.file = file_name;
    Notices notices(config.file);
    TRY(const Section raw, grammar::parse_tree(text, file_name));
    TRY(const Section tree, grammar::check_tree(raw, file_name, notices));
    TRY(config.nodes, detail::read_nodelist(tree, file_name, bind_address, notices));
    TRY_OK(read_totem(tree.section("totem"), config.nodes.size(), file_name, notices, config.totem));
    TRY_OK(read_quorum(tree.section("quorum"), file_name, notices, config));
    TRY_OK(read_logging(tree.section("logging"), file_name, config.logging));
    note_watchdog(tree.section("resources"), notices);
    config.notices = notices.take();
    return config;
}

}  // namespace membership

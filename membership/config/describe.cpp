// What `custos config check` prints.
#include <algorithm>

#include "membership/config/config.hpp"
#include "membership/quorum/votes.hpp"

namespace membership {

namespace {

std::string line(const std::string& name, const std::string& value) {
    constexpr std::size_t kColumn = 14;
    return name + std::string(name.size() < kColumn ? kColumn - name.size() : 1, ' ') + value + "\n";
}

std::string milliseconds(base::Duration d) {
    return std::to_string(d.ms()) + " ms";
}

std::string mtu(const TotemOptions& totem) {
    return totem.netmtu ? "at most " + std::to_string(*totem.netmtu) + " bytes, less where a path takes less"
                        : "what the path to a node takes";
}

std::string link(const NodeConfig& config, const LinkOptions& link) {
    std::string text;
    switch (link.transport) {
        case Transport::unicast:
            text = "unicast to each node";
            break;
        case Transport::multicast:
            text = "multicast to " + config.multicast_group(link) + ", ttl " + std::to_string(link.ttl);
            break;
        case Transport::broadcast:
            text = "broadcast to the network";
            break;
    }
    text += ", UDP port " + std::to_string(link.port);
    if (config.totem.links.size() > 1) text += ", priority " + std::to_string(link.priority);
    return text;
}

std::string timing(const TotemOptions& totem) {
    return "token " + milliseconds(totem.token) + ", consensus " + milliseconds(totem.consensus_timeout()) +
           (totem.consensus ? "" : " (derived)") + ", join " + milliseconds(totem.join) +
           ": a silent node is out within about " + milliseconds(totem.token + totem.consensus_timeout());
}

std::string node(const NodeEntry& entry) {
    std::string text = entry.name + (entry.named ? "" : " (not named in the file)");
    for (const NodeAddress& address : entry.addresses) {
        text += ", " + address.written;
        if (!address.ip.empty() && address.ip != address.written) text += " = " + address.ip;
    }
    return text + ", " + std::to_string(entry.votes) + (entry.votes == 1 ? " vote" : " votes");
}

std::string tie_breaker(const QuorumOptions& quorum) {
    switch (quorum.tie_breaker) {
        case TieBreaker::none:
            return "";
        case TieBreaker::lowest:
            return ", a tie is broken by the lowest node";
        case TieBreaker::highest:
            return ", a tie is broken by the highest node";
        case TieBreaker::listed:
            break;
    }
    std::string text = ", a tie is broken by node";
    for (const base::NodeId node : quorum.tie_breaker_nodes)
        text += (node == quorum.tie_breaker_nodes.front() ? " " : ", else ") + base::to_string(node);
    return text;
}

std::string quorum(const NodeConfig& config) {
    const QuorumState all = evaluate(quorum_rules(config), config.roster());
    std::string text = std::to_string(all.needed) + " of " + std::to_string(all.expected) + " votes needed";
    if (config.quorum.two_node) text += " (two_node)";
    if (config.quorum.wait_for_all) text += ", wait_for_all";
    if (config.quorum.last_man_standing)
        text += ", last_man_standing after " + milliseconds(config.quorum.last_man_standing_window);
    text += tie_breaker(config.quorum);
    if (!all.quorate) text += "; the nodes have only " + std::to_string(all.votes) + ": never quorate";
    return text;
}

std::string logging(const LoggingOptions& logging) {
    std::string to;
    if (logging.to_syslog) to += "syslog";
    if (logging.to_file) to += (to.empty() ? "" : ", ") + ("file " + logging.file);
    if (logging.to_stderr)
        to += (to.empty() ? "" : ", ") + std::string("stderr") + (logging.timestamp ? " with time" : "");
    if (to.empty()) to = "nowhere";
    return to + (logging.debug ? ", with debug" : "");
}

}  // namespace

QuorumRules quorum_rules(const NodeConfig& config) {
    QuorumRules rules;
    for (const NodeEntry& entry : config.nodes) rules.votes[entry.id] = entry.votes;
    rules.expected_votes = config.quorum.expected_votes.value_or(0);
    rules.two_node = config.quorum.two_node;
    rules.wait_for_all = config.quorum.wait_for_all;
    rules.wait_for_all_by_two_node = rules.wait_for_all && !config.quorum.wait_for_all_given;
    rules.last_man_standing = config.quorum.last_man_standing;
    rules.last_man_standing_window = config.quorum.last_man_standing_window;
    rules.tie_breaker = config.quorum.tie_breaker;
    rules.tie_breaker_nodes = config.quorum.tie_breaker_nodes;
    return rules;
}

std::string describe(const NodeConfig& config) {
    std::string out =
        line("cluster", config.totem.cluster_name.empty() ? "(no name)" : config.totem.cluster_name);
    if (config.totem.config_version != 0)
        out += line("version", std::to_string(config.totem.config_version) + " of the nodelist");
    for (const LinkOptions& of : config.totem.links)
        out += line("link " + std::to_string(of.number), link(config, of));
    out += line("MTU", mtu(config.totem));
    out += line("timing", timing(config.totem));
    out += line("key file", config.totem.key_file);
    out += line("quorum", quorum(config));
    for (const NodeEntry& entry : config.nodes) out += line("node " + base::to_string(entry.id), node(entry));
    out += line("logging", logging(config.logging));
    for (const Notice& notice : config.notices)
        out += (notice.warning ? "warning: " : "note: ") + notice.text + "\n";
    return out;
}

}  // namespace membership

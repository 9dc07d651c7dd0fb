#include "tools/view/members.hpp"

#include "tools/view/lookup.hpp"

namespace tools {
namespace {

using TimeText = std::function<std::string(base::WallTime)>;

std::string bullet(const std::string& name, const std::string& value) {
    return "  * " + name + ": " + value + "\n";
}

std::string name_of(const RingReply& reply, const RingNode& node) {
    return (node.name.empty() ? "node " + to_string(node.id) : node.name) +
           (node.id == reply.node_id ? ", this node" : "");
}

std::string page_head(const RingReply& reply) {
    std::string out =
        bullet("Cluster", reply.cluster_name) +
        bullet("This node",
               reply.node + (reply.node_id.value == 0 ? " (not yet known which one of the node file it is)"
                                                      : " (id " + to_string(reply.node_id) + ")"));
    if (!reply.waiting.empty()) out += bullet("WAITING", reply.waiting);
    return out;
}

std::string ring_line(const RingReply& reply) {
    return bullet("Ring", (reply.ring_id.empty() ? "none yet" : reply.ring_id) + ", " + reply.phase +
                              (reply.synchronised ? ", synchronised" : ", not synchronised"));
}

// "since Sun Nov 22 08:09:44 2026: node 3 did not answer for 300 ms"
std::string since_and_why(const RingNode& node, const TimeText& time_text) {
    std::string text;
    if (node.since.ms != 0) text += "since " + time_text(node.since);
    if (!node.why.empty()) text += (text.empty() ? "" : ": ") + node.why;
    return text.empty() ? "" : ", " + text;
}

// Nothing as long as each node goes by its own file.
std::string nodelist_line(const RingReply& reply) {
    std::string text;
    if (reply.nodes_version != 0 || reply.nodes_counted) {
        text = bullet("Nodelist", "version " + std::to_string(reply.nodes_version) +
                                      (reply.nodes_counted ? "" : " (of this node's file)"));
    }
    if (!reply.nodes_change.empty()) text += bullet("CHANGING", reply.nodes_change);
    return text;
}

std::string absence(const RingNode& node, const TimeText& time_text) {
    if (node.joins == 0) return "not seen since this daemon started";
    return (node.cause == "left" ? "left in order" : "LOST") + since_and_why(node, time_text);
}

std::string addresses(const RingNode& node) {
    std::string text;
    for (const RingAddress& address : node.addresses) {
        if (!address.address.empty()) text += (text.empty() ? "" : ", ") + address.address;
    }
    return text.empty() ? "no address yet" : text;
}

}  // namespace

std::string render_members(const RingReply& reply, const TimeText& time_text) {
    std::string here, absent;
    for (const RingNode& node : reply.nodes) {
        const bool member = is_member(reply, node.id);
        std::string& out = member ? here : absent;
        out += "  * " + name_of(reply, node) + " (id " + to_string(node.id) + "): " + addresses(node) + "; " +
               counted(node.votes, "vote") + "\n      ";
        if (!member) {
            out += absence(node, time_text);
        } else {
            out += "member" + since_and_why(node, time_text);
        }
        if (node.joins > 1) out += "; joined " + counted(node.joins, "time") + " since this daemon started";
        out += "\n";
    }
    return "Membership:\n" + page_head(reply) + ring_line(reply) + nodelist_line(reply) + "\nMembers:\n" +
           (here.empty() ? "  * none: this node is in no ring yet\n" : here) +
           (absent.empty() ? "" : "\nNOT HERE:\n" + absent);
}

std::string render_quorum(const RingReply& reply, const TimeText& time_text) {
    std::string out =
        "Quorum:\n" + page_head(reply) +
        bullet("Quorate", std::string(reply.quorate ? "yes" : "NO") +
                              (reply.quorum_reason.empty() ? "" : " (" + reply.quorum_reason + ")"));
    if (reply.expected != 0) {
        out += bullet("Votes", std::to_string(reply.votes) + " here, " + std::to_string(reply.needed) +
                                   " needed, " + std::to_string(reply.expected) + " expected");
    }
    std::uint64_t present = 0;
    for (const RingNode& node : reply.nodes) present += is_member(reply, node.id) ? node.votes : 0;
    if (present > reply.votes) {
        out += bullet("NOT COUNTED", counted(present - reply.votes, "vote") +
                                         " of members that have not caught up with the cluster's state yet");
    }
    if (!reply.nodes_change.empty()) out += bullet("CHANGING", reply.nodes_change);
    if (reply.two_node_ended) {
        out += bullet(
            "two_node",
            "off, because the cluster had other than two votes meanwhile: one node alone has no quorum; "
            "to change that, `custos node add` a third node, or write `auto_tie_breaker: 1` into the "
            "quorum section of both node files and restart custosd on both");
    }
    if (reply.quorate && !reply.majority)
        out += bullet("NO MAJORITY", "another set of nodes may find that it is quorate as well");
    std::string flags;
    for (const std::string& flag : reply.flags) flags += (flags.empty() ? "" : " ") + flag;
    if (reply.node_id.value != 0) out += bullet("Flags", flags.empty() ? "none" : flags);
    out += ring_line(reply) + "\nVotes:\n";
    for (const RingNode& node : reply.nodes) {
        out += "  * " + name_of(reply, node) + " (id " + to_string(node.id) +
               "): " + counted(node.votes, "vote") + ", " +
               (is_member(reply, node.id) ? "member" : absence(node, time_text)) + "\n";
    }
    return out;
}

}  // namespace tools

#include "membership/roster/node_list.hpp"

#include <algorithm>
#include <set>

namespace membership {

namespace {

constexpr std::size_t kMostLinks = 8, kLongestName = 253;
constexpr std::uint8_t kCounted = 1, kTwoNodeEnded = 2, kHighest = 4;

void write(base::ByteWriter& out, const ListedNode& node, bool whole) {
    out.u32(node.id.value);
    out.u32(node.votes);
    if (whole) out.text(node.name);
    out.u8(static_cast<std::uint8_t>(node.addresses.size()));
    for (const ListedAddress& address : node.addresses) {
        out.u8(static_cast<std::uint8_t>(address.link));
        if (whole) out.text(address.written);
        out.text(address.ip);
    }
}

std::string called(const ListedNode& node) {
    return node.name.empty() ? "node " + to_string(node.id) : node.name;
}

std::string places(const ListedNode& node) {
    std::string text;
    for (const ListedAddress& address : node.addresses) text += (text.empty() ? "" : ", ") + address.written;
    return text;
}

const ListedAddress* on_link(const ListedNode& node, unsigned link) {
    const auto at = std::find_if(node.addresses.begin(), node.addresses.end(),
                                 [&](const ListedAddress& a) { return a.link == link; });
    return at == node.addresses.end() ? nullptr : &*at;
}

void add(std::string& text, const std::string& more) {
    text += (text.empty() ? "" : "; ") + more;
}

std::string difference(const ListedNode& before, const ListedNode& after) {
    std::string text;
    if (before.name != after.name) add(text, "name " + called(before) + " -> " + called(after));
    if (before.votes != after.votes) {
        add(text, "quorum_votes " + std::to_string(before.votes) + " -> " + std::to_string(after.votes));
    }
    for (unsigned link = 0; link < kMostLinks; ++link) {
        const ListedAddress* const was = on_link(before, link);
        const ListedAddress* const is = on_link(after, link);
        if (was == nullptr && is == nullptr) continue;
        const std::string from = was == nullptr ? "none" : was->written;
        const std::string to = is == nullptr ? "none" : is->written;
        const bool known = was != nullptr && is != nullptr && !was->ip.empty() && !is->ip.empty();
        if (from != to || (known && was->ip != is->ip))
            add(text, "ring" + std::to_string(link) + "_addr " + from + " -> " + to);
    }
    return text;
}

base::Status check_node(const ListedNode& node, const ListedNode& first) {
    if (node.id.value == 0) return base::invalid("a node of the list has no nodeid");
    if (node.name.size() > kLongestName) return base::invalid("the name of a node is too long");
    if (node.addresses.empty() || node.addresses.size() > kMostLinks)
        return base::invalid(called(node) + " has no address, or more than 8");
    const auto same_link = [](const ListedAddress& a, const ListedAddress& b) { return a.link == b.link; };
    if (!std::equal(node.addresses.begin(), node.addresses.end(), first.addresses.begin(),
                    first.addresses.end(), same_link)) {
        return base::invalid(called(node) + " needs an address in each network that " + called(first) +
                             " has one in, and no other: a link joins all nodes");
    }
    for (std::size_t i = 0; i < node.addresses.size(); ++i) {
        const ListedAddress& address = node.addresses[i];
        if (address.link >= kMostLinks || (i > 0 && node.addresses[i - 1].link >= address.link))
            return base::invalid("the addresses of " + called(node) + " are out of order");
        if (address.written.empty() || address.written.size() > kLongestName)
            return base::invalid("an address of " + called(node) + " is empty or too long");
    }
    return base::ok();
}

}  // namespace

base::NodeId NodeList::next_id() const {
    const base::NodeId last = nodes.empty() ? base::NodeId{} : nodes.back().id;
    return {std::max(last, highest).value + 1};
}

void keep_highest(NodeList& list, const NodeList& former) {
    const base::NodeId highest{former.next_id().value - 1};
    list.highest = list.nodes.back().id < highest ? highest : base::NodeId{};
}

base::NodeSet NodeList::ids() const {
    base::NodeSet out;
    for (const ListedNode& node : nodes) out.insert(node.id);
    return out;
}

const ListedNode* NodeList::find(base::NodeId id) const {
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const ListedNode& n) { return n.id == id; });
    return at == nodes.end() ? nullptr : &*at;
}

const ListedNode* NodeList::find(const std::string& name) const {
    const auto at = std::find_if(nodes.begin(), nodes.end(),
                                 [&](const ListedNode& n) { return !name.empty() && n.name == name; });
    return at == nodes.end() ? nullptr : &*at;
}

base::Status check(const NodeList& list) {
    if (list.nodes.empty() || list.nodes.size() > kMostNodes) {
        return base::invalid("a cluster has 1 to " + std::to_string(kMostNodes) + " nodes, not " +
                             std::to_string(list.nodes.size()));
    }
    std::set<std::string> names, addresses;
    std::uint64_t votes = 0;
    for (std::size_t i = 0; i < list.nodes.size(); ++i) {
        const ListedNode& node = list.nodes[i];
        TRY_OK(check_node(node, list.nodes.front()));
        if (i > 0 && !(list.nodes[i - 1].id < node.id))
            return base::invalid("nodeid " + to_string(node.id) + " is there twice, or out of order");
        if (!node.name.empty() && !names.insert(node.name).second)
            return base::invalid("two nodes are called " + node.name);
        for (const ListedAddress& address : node.addresses) {
            if (!addresses.insert(address.ip.empty() ? address.written : address.ip).second)
                return base::invalid("two nodes have the address " + address.written);
        }
        votes += node.votes;
    }
    if (votes == 0) return base::invalid("none of the nodes has a vote");
    return base::ok();
}

base::Status check_addresses(const NodeList& before, const NodeList& after, base::NodeId self,
                             const std::vector<std::string>& local) {
    for (const ListedNode& node : after.nodes) {
        for (const ListedAddress& address : node.addresses) {
            const std::string what = "nothing was changed: " + address.ip + ", the address of " +
                                     called(node) + " on link " + std::to_string(address.link) + ", ";
            const auto held_by = [&](const ListedNode& n) {
                return std::any_of(n.addresses.begin(), n.addresses.end(),
                                   [&](const ListedAddress& a) { return a.ip == address.ip; });
            };
            const auto holder = std::find_if(before.nodes.begin(), before.nodes.end(), held_by);
            if (holder != before.nodes.end() && holder->id == node.id) continue;
            if (holder != before.nodes.end()) {
                const bool stays = after.find(holder->id) != nullptr;
                return base::Error{base::Errc::conflict,
                                   what + "is that of " + called(*holder) +
                                       " now, and the machine that has it would become " +
                                       "the other node. Do it in two changes: first " +
                                       (stays ? "give " + called(*holder) + " an address that no node has"
                                              : "remove " + called(*holder)) +
                                       ", then give this one to " + called(node)};
            }
            if (node.id != self || std::find(local.begin(), local.end(), address.ip) != local.end()) continue;
            return base::Error{base::Errc::conflict,
                               what +
                                   "is none of this machine's: it would be lost to the others. Give the "
                                   "machine the new address beside the old one, then repeat this"};
        }
    }
    return base::ok();
}

std::uint64_t mark_of(const NodeList& list) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    for (const ListedNode& node : list.nodes) write(out, node, false);
    return base::mark_of(bytes);
}

bool same_places(const NodeList& a, const NodeList& b) {
    return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(),
                      [](const ListedNode& x, const ListedNode& y) {
                          return x.id == y.id && x.name == y.name && x.votes == y.votes &&
                                 std::equal(x.addresses.begin(), x.addresses.end(), y.addresses.begin(),
                                            y.addresses.end(),
                                            [](const ListedAddress& p, const ListedAddress& q) {
                                                return p.link == q.link && p.written == q.written;
                                            });
                      });
}

std::string difference(const NodeList& before, const NodeList& after) {
    std::string text;
    for (const ListedNode& node : after.nodes) {
        if (before.find(node.id) == nullptr) add(text, "added: " + called(node) + " (" + places(node) + ")");
    }
    for (const ListedNode& node : before.nodes) {
        const ListedNode* const now = after.find(node.id);
        if (now == nullptr) {
            add(text, "removed: " + called(node));
        } else if (const std::string change = difference(node, *now); !change.empty()) {
            add(text, called(node) + ": " + change);
        }
    }
    return text;
}

std::uint64_t votes_of(const NodeList& list) {
    std::uint64_t votes = 0;
    for (const ListedNode& node : list.nodes) votes += node.votes;
    return votes;
}

QuorumRules rules_for(const QuorumRules& written, const NodeList& list) {
    QuorumRules rules = written;
    rules.votes.clear();
    for (const ListedNode& node : list.nodes) rules.votes[node.id] = node.votes;
    const base::NodeSet voters = voters_of(rules);
    if (rules.two_node && (list.two_node_ended || votes_of(list) != 2 || voters.size() != 2)) {
        rules.two_node = false;
        if (rules.wait_for_all_by_two_node) rules.wait_for_all = false;
    }
    std::erase_if(rules.tie_breaker_nodes, [&](base::NodeId n) { return !voters.contains(n); });
    return rules;
}

base::Bytes encode(const NodeList& list) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    // Said only where the nodes do not say it: so it was no part of the first form of these bytes.
    const bool highest = !list.nodes.empty() && list.nodes.back().id < list.highest;
    out.u64(list.version);
    out.u8(static_cast<std::uint8_t>((list.counted ? kCounted : 0) |
                                     (list.two_node_ended ? kTwoNodeEnded : 0) | (highest ? kHighest : 0)));
    if (highest) out.u32(list.highest.value);
    out.u8(static_cast<std::uint8_t>(list.nodes.size()));
    for (const ListedNode& node : list.nodes) write(out, node, true);
    return bytes;
}

base::Result<NodeList> decode_node_list(base::ByteView bytes) {
    base::ByteReader in(bytes);
    NodeList list;
    list.version = in.u64();
    const std::uint8_t flags = in.u8();
    list.counted = (flags & kCounted) != 0;
    list.two_node_ended = (flags & kTwoNodeEnded) != 0;
    if ((flags & kHighest) != 0) list.highest = {in.u32()};
    for (std::size_t nodes = in.u8(); nodes > 0 && in.ok(); --nodes) {
        ListedNode node;
        node.id = {in.u32()};
        node.votes = in.u32();
        node.name = in.text();
        for (std::size_t addresses = in.u8(); addresses > 0 && in.ok(); --addresses) {
            ListedAddress address;
            address.link = in.u8();
            address.written = in.text();
            address.ip = in.text();
            node.addresses.push_back(std::move(address));
        }
        list.nodes.push_back(std::move(node));
    }
    if (!in.done() || flags > (kCounted | kTwoNodeEnded | kHighest))
        return base::invalid("malformed list of nodes");
    TRY_OK(check(list));
    const bool said = list.nodes.back().id < list.highest;  // canonical: else the flag is not there
    if (((flags & kHighest) != 0) != said) return base::invalid("malformed list of nodes");
    return list;
}

}  // namespace membership

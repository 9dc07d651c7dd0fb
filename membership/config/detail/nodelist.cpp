#include "membership/config/detail/nodelist.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "totem/base/ip.hpp"

namespace membership::detail {

namespace {

using grammar::error_at;
using grammar::line_of;
using grammar::number_of;
using grammar::quoted;
using grammar::Section;
using grammar::text_of;

bool is_host_name(const std::string& text) {
    return !text.empty() && text.size() <= 253 && text.front() != '-' && text.front() != '.' &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
           });
}

bool is_digits_and_dots(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
}

// A ringN_addr is an IP address or a host name. What merely looks like an address is refused: a resolver
// would read "10.0.1" as 10.0.0.1.
base::Status check_address(const std::string& key, const std::string& text, int line, std::string_view file) {
    const std::string what = "nodelist.node." + key + ": ";
    if (const auto ip = base::parse_ip(text)) {
        if (ip->is_any() || ip->is_multicast() || text == "255.255.255.255") {
            return error_at(file, line,
                            what + "expected the address of one node, found " + quoted(text) +
                                ", which no single machine can have");
        }
        if (ip->is_link_local() && ip->scope[0] == 0) {
            return error_at(file, line,
                            what + "expected the interface behind a link-local address, as in " +
                                quoted(text + "%eth0") + " (the same name on every node), found " +
                                quoted(text));
        }
        return base::ok();
    }
    if (is_digits_and_dots(text) || !is_host_name(text)) {
        return error_at(file, line, what + "expected an IP address or a host name, found " + quoted(text));
    }
    return base::ok();
}

std::string key_of(unsigned link) {
    return "ring" + std::to_string(link) + "_addr";
}

// The skeleton for a file that names no nodes. What can be known is filled in: the members of an old udpu
// section, or the own address by bindnetaddr; the rest stands in capitals.
std::string nodelist_to_add(const Section& tree, const BindAddress& bind_address) {
    std::vector<std::string> addresses;
    const Section* totem = tree.section("totem");
    for (const Section& interface : totem == nullptr ? std::vector<Section>{} : totem->sections) {
        if (interface.name != "interface" || number_of(&interface, "ringnumber").value_or(0) != 0) continue;
        for (const Section& member : interface.sections) {
            if (const auto address = text_of(&member, "memberaddr")) addresses.push_back(*address);
        }
        const auto bind = text_of(&interface, "bindnetaddr");
        if (addresses.empty() && bind && bind_address) {
            if (const std::string own = bind_address(*bind); !own.empty()) addresses.push_back(own);
        }
    }
    const auto expected = number_of(tree.section("quorum"), "expected_votes").value_or(2);
    const std::size_t wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(expected, 1, kMaxNodes));
    const std::size_t count = std::max(addresses.size(), wanted);
    std::string out = "nodelist {\n";
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(i + 1);
        out += "    node {\n        nodeid: ";
        out += number;
        out += "\n        name: NAME-OF-NODE-";
        out += number;
        out += "\n        ring0_addr: ";
        out += i < addresses.size() ? addresses[i] : "ADDRESS-OF-NODE-" + number;
        out += "\n    }\n";
    }
    return out + "}";
}

base::Error no_nodelist(const Section& tree, int line, std::string_view file,
                        const BindAddress& bind_address) {
    return error_at(
        file, line,
        "expected a nodelist { } with a node { } for each node, found none. Custos does not find its nodes "
        "by "
        "multicast: it must know them all to count votes and to know who may still run something. Add these "
        "lines, the same on every node, with your values for what stands in capitals (a name is what "
        "\"uname -n\" prints there):\n" +
            nodelist_to_add(tree, bind_address));
}

base::Result<NodeEntry> read_node(const Section& node, std::string_view file) {
    NodeEntry out;
    for (unsigned link = 0; link < kMaxLinks; ++link) {
        const std::string key = key_of(link);
        const auto address = text_of(&node, key);
        if (!address) continue;
        const int line = line_of(&node, key);
        TRY_OK(check_address(key, *address, line, file));
        out.addresses.push_back({link, *address, "", line});
    }
    if (out.addresses.empty() || out.addresses.front().link != 0) {
        return error_at(file, node.line,
                        "nodelist.node: expected a line \"ring0_addr: ADDRESS\" in this section, found none");
    }
    out.line = out.addresses.front().line;
    out.id = {
        static_cast<std::uint32_t>(number_of(&node, "nodeid").value_or(0))};  // 0: none; judged by assign_ids
    out.votes = static_cast<std::uint32_t>(number_of(&node, "quorum_votes").value_or(1));
    const auto name = text_of(&node, "name");
    out.named = name.has_value();
    out.name = name.value_or("");
    if (name && !is_host_name(*name)) {
        return error_at(
            file, line_of(&node, "name"),
            "nodelist.node.name: expected letters, digits, \"-\", \"_\" and \".\", found " + quoted(*name));
    }
    return out;
}

// Ids are never made up: derived from the position they would shift when a node is removed, derived from the
// address they would change with it, and what the cluster remembers of a node hangs on its id.
base::Status check_ids(const std::vector<NodeEntry>& nodes, const std::vector<const Section*>& sections,
                       std::string_view file) {
    std::set<std::uint32_t> used;
    for (const NodeEntry& node : nodes) used.insert(node.id.value);
    std::string add;
    int first_line = 0;
    std::uint32_t next = 1;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].id.value != 0) continue;
        while (used.count(next) != 0) ++next;
        used.insert(next);
        if (first_line == 0) first_line = sections[i]->line;
        add += "\nin the node section of line " + std::to_string(sections[i]->line) + " (" +
               nodes[i].addresses.front().written + "):  nodeid: " + std::to_string(next);
    }
    if (add.empty()) return base::ok();
    return error_at(
        file, first_line,
        "nodelist.node: expected a nodeid in each node section, found none here. Ids are not made from "
        "addresses or positions, because they would change with them. Add, the same on every node:" +
            add);
}

template <typename Key, typename KeyOf, typename LineOf>
base::Status check_unique(const std::vector<NodeEntry>& nodes, const char* what, std::string_view file,
                          KeyOf key_of, LineOf line) {
    std::map<Key, std::size_t> seen;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto [at, inserted] = seen.emplace(key_of(nodes[i]), i);
        if (inserted) continue;
        std::string value;
        if constexpr (std::is_same_v<Key, std::string>) {
            value = at->first;
        } else {
            value = std::to_string(at->first);
        }
        return error_at(file, line(i),
                        std::string("nodelist.node.") + what +
                            ": expected a different one for each node, found " + quoted(value) +
                            " here and in line " + std::to_string(line(at->second)));
    }
    return base::ok();
}

// A node that is not in one of the networks would be lost to the others when that is the only one left.
base::Status check_links(const std::vector<NodeEntry>& nodes, const std::vector<const Section*>& sections,
                         std::string_view file) {
    for (unsigned link = 0; link < kMaxLinks; ++link) {
        std::map<std::string, int> seen;  // address -> line
        int missing = 0;                  // line of a node without one
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto at = std::find_if(nodes[i].addresses.begin(), nodes[i].addresses.end(),
                                         [&](const NodeAddress& a) { return a.link == link; });
            if (at == nodes[i].addresses.end()) {
                missing = sections[i]->line;
                continue;
            }
            const auto [first, inserted] = seen.emplace(at->written, at->line);
            if (inserted) continue;
            return error_at(file, at->line,
                            "nodelist.node." + key_of(link) +
                                ": expected a different one for each node, found " + quoted(at->written) +
                                " here and in line " + std::to_string(first->second));
        }
        if (missing != 0 && !seen.empty()) {
            return error_at(file, missing,
                            "nodelist.node: expected a line \"" + key_of(link) +
                                ": ADDRESS\" in this section as " +
                                "in the others, found none: a link joins all nodes");
        }
    }
    return base::ok();
}

void fill_names(std::vector<NodeEntry>& nodes, const std::vector<const Section*>& sections,
                grammar::Notices& notices) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        NodeEntry& node = nodes[i];
        if (node.named) continue;
        const std::string& address = node.addresses.front().written;
        node.name = base::parse_ip(address) ? "node" + base::to_string(node.id) : address;
        notices.add(sections[i]->line, "nodelist.node without a name:",
                    "the node is called what \"uname -n\" says there and tells the others in the ring; until "
                    "it was seen they "
                    "call it by its ring0_addr if that is a host name, else node<ID>");
    }
}

}  // namespace

base::Result<std::vector<NodeEntry>> read_nodelist(const Section& tree, std::string_view file,
                                                   const BindAddress& bind_address,
                                                   grammar::Notices& notices) {
    std::vector<NodeEntry> nodes;
    std::vector<const Section*> sections;
    const Section* list = tree.section("nodelist");
    if (list == nullptr || list->sections.empty()) {
        return no_nodelist(tree, list == nullptr ? 0 : list->line, file, bind_address);
    }
    for (const Section& section : list->sections) {
        if (nodes.size() == kMaxNodes) {
            return error_at(
                file, section.line,
                "nodelist: expected at most " + std::to_string(kMaxNodes) + " nodes, found one more");
        }
        TRY(NodeEntry node, read_node(section, file));
        nodes.push_back(std::move(node));
        sections.push_back(&section);
    }
    TRY_OK(check_ids(nodes, sections, file));
    fill_names(nodes, sections, notices);
    TRY_OK(check_unique<std::uint32_t>(
        nodes, "nodeid", file, [](const NodeEntry& n) { return n.id.value; },
        [&](std::size_t i) { return line_of(sections[i], "nodeid"); }));
    TRY_OK(check_unique<std::string>(
        nodes, "name", file, [](const NodeEntry& n) { return n.name; },
        [&](std::size_t i) { return line_of(sections[i], "name"); }));
    TRY_OK(check_links(nodes, sections, file));
    std::sort(nodes.begin(), nodes.end(), [](const NodeEntry& a, const NodeEntry& b) { return a.id < b.id; });
    return nodes;
}

}  // namespace membership::detail

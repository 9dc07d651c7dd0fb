// Our words in corosync's format against what corosync itself printed: golden/corosync_*.txt are captures of
// Debian's corosync 3.1.7, byte by byte (golden/README.md). The replies here describe the clusters of which
// they were taken.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "golden.hpp"
#include "membership/config/config.hpp"
#include "tools/view/corosync.hpp"
#include "tools/view/groups.hpp"

using tools::QuorumtoolStyle;
using tools::RingReply;

namespace {

std::string capture(const std::string& name) {
    const std::string path = std::string(GOLDEN_DIR) + "/corosync_" + name + ".txt";
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in.good(), path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void check_same(const std::string& name, const std::string& ours) {
    CHECK_MESSAGE(ours == capture(name), "in place of corosync_" << name << ":\n" << ours);
}

// When the capture was taken.
std::string date_of(const std::string& name) {
    const std::string text = capture(name), label = "Date:             ";
    const std::size_t from = text.find(label);
    REQUIRE(from != std::string::npos);
    return text.substr(from + label.size(), text.find('\n', from) - from - label.size());
}

void check_status(const std::string& name, const RingReply& reply, const QuorumtoolStyle& style = {}) {
    check_same(name, quorumtool_status(reply, style, date_of(name)));
}

// n1 is asked. `ids`: of n1, n2 ...; each node is a member and all links are up.
RingReply cluster(const std::vector<std::uint32_t>& ids, std::uint32_t links = 1) {
    RingReply reply;
    reply.cluster_name = "lab";
    reply.node = "n1";
    reply.node_id = {ids[0]};
    reply.phase = "operational";
    for (std::uint32_t number = 1; number <= ids.size(); ++number) {
        tools::RingNode node{{ids[number - 1]}, "n" + std::to_string(number), ""};
        node.votes = node.joins = 1;
        for (std::uint32_t link = 0; link < links; ++link) {
            const std::string network = "10." + std::to_string(77 + link) + ".0.";
            node.addresses.push_back({link, network + std::to_string(number)});
            if (number == 1) continue;
            tools::RingLink path;
            path.peer = node.id;
            path.number = link;
            path.local = network + "1";
            path.remote = network + std::to_string(number);
            path.state = "up";
            path.mtu = 1397;
            reply.links.push_back(path);
        }
        node.address = node.addresses.front().address;
        reply.nodes.push_back(node);
        reply.members.push_back(node.id);
    }
    std::sort(reply.members.begin(), reply.members.end());
    reply.representative = reply.members.front();
    reply.ring_sequence = 9;
    reply.ring_id = "9." + to_string(reply.representative);
    reply.votes = reply.expected = static_cast<std::uint32_t>(ids.size());
    reply.needed = reply.expected / 2 + 1;
    reply.quorate = true;
    reply.flags = {"Quorate"};
    return reply;
}

// Takes the ring from the capture: how often it was formed anew while it came up differs.
RingReply with_ring_of(const std::string& name, RingReply reply) {
    const std::string text = capture(name);
    const std::size_t dot = text.find('.', text.find("Ring ID:"));
    reply.ring_sequence = std::stoull(text.substr(dot + 1), nullptr, 16);
    return reply;
}

void lose(RingReply& reply, std::uint32_t id) {
    reply.members.erase(std::find(reply.members.begin(), reply.members.end(), base::NodeId{id}));
    for (tools::RingLink& link : reply.links) {
        if (link.peer.value == id) link.state = "down";
    }
    --reply.votes;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string key_of(const std::string& line) {
    return line.substr(0, line.find(' '));
}

std::string printed(const tools::Cmap& map, const std::vector<std::string>& prefixes = {""}) {
    std::string out;
    for (const std::string& prefix : prefixes) {
        for (const auto& [key, value] : map) {
            if (key.rfind(prefix, 0) == 0) out += cmap_line(key, value);
        }
    }
    return out;
}

// Every line of ours whose key corosync has is the same there. The keys that only one of the two has.
struct Difference {
    std::set<std::string> corosync_only, ours_only;
};
Difference check_map(const std::string& name, const std::string& ours, bool values = true) {
    std::map<std::string, std::string> theirs;
    for (const std::string& line : lines_of(capture(name))) theirs[key_of(line)] = line;
    Difference difference;
    for (const std::string& line : lines_of(ours)) {
        const auto found = theirs.find(key_of(line));
        if (found == theirs.end()) {
            difference.ours_only.insert(key_of(line));
            continue;
        }
        const auto shape = [&](const std::string& text) {
            return values ? text : text.substr(0, text.find(" = "));
        };
        CHECK(shape(line) == shape(found->second));
        theirs.erase(found);
    }
    for (const auto& [key, line] : theirs) difference.corosync_only.insert(key);
    return difference;
}

std::vector<tools::RingSetting> settings_of(const std::string& file) {
    const auto config = membership::parse_config(file, "corosync.conf");
    REQUIRE_MESSAGE(config, config.error().message);
    std::vector<tools::RingSetting> out;
    for (const membership::Setting& setting : config->settings) out.push_back({setting.key, setting.value});
    return out;
}

std::string file_of(const RingReply& reply) {
    std::string text =
        "totem {\nversion: 2\ncluster_name: lab\ntoken: 1000\ntransport: knet\ncrypto_cipher: aes256\n"
        "crypto_hash: sha256\n}\nnodelist {\n";
    for (const tools::RingNode& node : reply.nodes) {
        text += "node {\nname: " + node.name + "\nnodeid: " + to_string(node.id) + "\n";
        for (const tools::RingAddress& address : node.addresses)
            text += "ring" + std::to_string(address.link) + "_addr: " + address.address + "\n";
        text += "}\n";
    }
    return text +
           "}\nquorum {\nprovider: corosync_votequorum\n}\nlogging {\nto_stderr: no\nto_syslog: no\n"
           "to_logfile: yes\nlogfile: /var/log/corosync/corosync.log\ntimestamp: hires\n}\n";
}

}  // namespace

TEST_CASE("corosync-quorumtool: three members") {
    const RingReply reply = with_ring_of("three_quorum_status", cluster({1, 2, 3}));
    check_status("three_quorum_status", reply);
    check_same("three_quorum_members", quorumtool_members(reply, {}));
    check_same("three_quorum_members_p", quorumtool_members(reply, {.device_column = true}));
    check_same("three_quorum_members_H", quorumtool_members(reply, {.hexadecimal = true}));
    check_same("three_quorum_members_i", quorumtool_members(reply, {.addresses = true}));
}

TEST_CASE("corosync-quorumtool: one lost, and then alone") {
    RingReply reply = with_ring_of("lost_quorum_status", cluster({1, 2, 3}));
    lose(reply, 3);
    check_status("lost_quorum_status", reply);
    reply = with_ring_of("alone_quorum_status", reply);
    lose(reply, 2);
    reply.quorate = false;
    reply.flags.clear();
    check_status("alone_quorum_status", reply);
}

TEST_CASE("corosync-quorumtool: wide ids, two networks") {
    const RingReply reply = with_ring_of("networks_quorum_status", cluster({300, 20, 65000}, 2));
    check_status("networks_quorum_status", reply);
    check_status("networks_quorum_H", reply, {.hexadecimal = true});
    check_same("networks_quorum_name", quorumtool_members(reply, {.by_name = true}));
    check_same("networks_quorum_ia", quorumtool_members(reply, {.addresses = true, .all_addresses = true}));
    // Names of further addresses would be the resolver's: the addresses themselves stand there.
    CHECK(quorumtool_members(reply, {.all_addresses = true}).find(" n1, 10.78.0.1 (local)\n") !=
          std::string::npos);
}

TEST_CASE("corosync-quorumtool: flags in their order") {
    RingReply pair = with_ring_of("pair_quorum_status", cluster({1, 2}));
    pair.needed = 1;
    pair.flags = {"2Node", "Quorate", "WaitForAll"};
    check_status("pair_quorum_status", pair);
    RingReply waiting = with_ring_of("waiting_quorum_status", pair);
    lose(waiting, 2);
    waiting.quorate = false;
    waiting.flags = {"2Node", "WaitForAll"};
    check_status("waiting_quorum_status", waiting);
    RingReply four = with_ring_of("flags_quorum_status", cluster({1, 2, 3, 4}));
    four.flags = {"Quorate", "WaitForAll", "LastManStanding", "AutoTieBreaker"};
    check_status("flags_quorum_status", four);
}

TEST_CASE("corosync-cfgtool: links that are up, a node that is gone, a link that is cut") {
    RingReply three = cluster({1, 2, 3});
    check_same("three_links_status", cfgtool_status(three, false));
    check_same("three_links_brief", cfgtool_status(three, true));
    check_same("three_links_nodes", cfgtool_nodes(three));
    check_same("three_links_addresses", *cfgtool_addresses(three, {2}));
    CHECK(!cfgtool_addresses(three, {9}));
    lose(three, 3);
    check_same("lost_links_status", cfgtool_status(three, false));
    check_same("lost_links_nodes", cfgtool_nodes(three));

    RingReply networks = cluster({300, 20, 65000}, 2);
    std::sort(networks.links.begin(), networks.links.end(), [](const auto& a, const auto& b) {
        return std::tie(a.peer, a.number) < std::tie(b.peer, b.number);
    });
    check_same("networks_links_status", cfgtool_status(networks, false));
    check_same("networks_links_brief", cfgtool_status(networks, true));
    check_same("networks_links_nodes", cfgtool_nodes(networks));
    check_same("networks_links_addresses", *cfgtool_addresses(networks, {20}));
    networks.links.back().state = "blocked_out";
    check_same("cut_links_status", cfgtool_status(networks, false));
    check_same("cut_links_brief", cfgtool_status(networks, true));
    check_same("cut_links_nodes", cfgtool_nodes(networks));
}

TEST_CASE("corosync-cmapctl: the node file's keys have corosync's names, types and values") {
    RingReply reply = cluster({1, 2}, 2);
    reply.settings = settings_of(capture("typed_file"));
    check_same("typed_cmap", printed(cmap_settings(reply), {"totem.", "nodelist.", "quorum.", "logging."}));
    reply.settings = {{"quorum.two_node", "yes"}, {"quorum.wait_for_all", "off"}};
    CHECK(printed(cmap_settings(reply), {"quorum."}) ==
          "quorum.two_node (u8) = 1\nquorum.wait_for_all (u8) = 0\n");
    for (const char* line :
         {"totem.knet_mtu (u32) = 1", "totem.rrp_mode (str) = 1", "quorum.device.votes (u32) = 1",
          "quorum.device.net.port (str) = 1", "totem.interface.3.ttl (u8) = 1"}) {
        reply.settings = {{key_of(line), "1"}};
        const std::string key = key_of(line);
        CHECK(cmap_line(key, cmap_settings(reply).at(key)) == std::string(line) + "\n");
    }
}

TEST_CASE("corosync-cmapctl: members and quorum at run time") {
    RingReply reply = cluster({1, 2, 3});
    const std::vector<std::string> runtime = {"runtime.members", "runtime.votequorum"};
    const auto no_versions = [](const std::set<std::string>& keys) {
        return std::all_of(keys.begin(), keys.end(), [](const std::string& key) {
            return key.find(".config_version") != std::string::npos;  // nodes do not tell it each other
        });
    };
    lose(reply, 3);
    Difference lost = check_map("lost_cmap", printed(cmap_settings(reply), runtime));
    CHECK(lost.ours_only.empty());
    CHECK(no_versions(lost.corosync_only));

    RingReply networks = cluster({300, 20, 65000}, 2);
    networks.settings = settings_of(file_of(networks));
    Difference wide =
        check_map("networks_cmap",
                  printed(cmap_settings(networks), {"runtime.members", "runtime.votequorum", "nodelist."}));
    CHECK(wide.ours_only.empty());
    CHECK(no_versions(wide.corosync_only));

    RingReply waiting = cluster({1, 2});
    lose(waiting, 2);
    waiting.quorate = false;
    waiting.flags = {"2Node", "WaitForAll"};
    waiting.settings = {{"quorum.provider", "corosync_votequorum"}, {"quorum.two_node", "1"}};
    Difference pair =
        check_map("waiting_cmap", printed(cmap_settings(waiting), {"runtime.votequorum", "quorum."}));
    CHECK(pair.corosync_only.empty());
    CHECK(pair.ours_only ==
          std::set<std::string>{"runtime.votequorum.highest_node_id", "runtime.votequorum.lowest_node_id"});
}

TEST_CASE("corosync-cmapctl: of all that corosync has, what is not there is of these kinds") {
    RingReply reply = cluster({1, 2, 3});
    reply.settings = settings_of(file_of(reply));
    reply.token_us = 1'650'000;
    reply.consensus_us = 1'980'000;
    reply.join_us = 50'000;
    Difference all = check_map("three_cmap", printed(cmap_settings(reply)));
    CHECK(all.ours_only.empty());
    for (const std::string& key : all.corosync_only) {
        const std::vector<std::string> starts = {"internal_configuration.", "resources.",
                                                 "runtime.blackbox.",       "runtime.config.totem.",
                                                 "runtime.force_gather",    "runtime.services."};
        const bool known = std::any_of(starts.begin(), starts.end(),
                                       [&](const std::string& start) { return key.rfind(start, 0) == 0; }) ||
                           key.find(".config_version") != std::string::npos;
        CHECK_MESSAGE(known, key << " is missing");
    }
    const tools::Cmap map = cmap_settings(reply);
    CHECK(map.at("runtime.config.totem.token") == tools::CmapValue{"u32", "1650"});
}

TEST_CASE("corosync-cmapctl: figures have corosync's names and types") {
    RingReply reply = cluster({1, 2});
    reply.views = 3;
    reply.tokens = 133;
    reply.sent = 16;
    reply.rotation_us = 17'400;
    reply.links[0].srtt_us = 226;
    reply.links[0].went_down = 2;
    reply.links[0].sent = 6;
    const std::string ours = printed(cmap_statistics(reply));
    CHECK(check_map("three_statistics", ours, false).ours_only.empty());
    const tools::Cmap map = cmap_statistics(reply);
    const auto number = [&](const std::string& key) { return map.at("stats." + key).text; };
    CHECK(number("srp.operational_entered") == "3");
    CHECK(number("srp.orf_token_rx") == "133");
    CHECK(number("srp.mcast_tx") == "16");
    CHECK(number("srp.mtt_rx_token") == "17");
    CHECK(number("knet.node2.link0.latency_ave") == "226");
    CHECK(number("knet.node2.link0.connected") == "1");
    CHECK(number("knet.node2.link0.up_count") == "3");
    CHECK(number("knet.node2.link0.down_count") == "2");
    reply.links[0].state = "down";
    CHECK(cmap_statistics(reply).at("stats.knet.node2.link0.up_count").text == "2");
    CHECK(cmap_statistics(reply).at("stats.knet.node2.link0.connected").text == "0");
}

TEST_CASE("corosync-cmapctl: who would set a key is told how it is done here") {
    for (const auto& refused : std::vector<std::pair<std::string, std::string>>{
             {"totem.token", "custos config check"},
             {"nodelist.node.0.ring0_addr", "/etc/custos/custos.conf"},
             {"uidgid.gid.189", "haclient"},
             {"stats.clear.knet", "since the daemon started"},
             {"quorum.cancel_wait_for_all", "custos quorum unblock"},
             {"quorum.two_node", "custos config check"},
             {"x", "custos configure"}}) {
        CHECK_MESSAGE(tools::cmap_instead(refused.first).find(refused.second) != std::string::npos,
                      refused.first);
    }
}

TEST_CASE("corosync-cpgtool: groups, their members and names that cannot be printed") {
    RingReply reply = cluster({1, 2, 3});
    check_same("three_groups_none", cpgtool_members(reply, {}));
    CHECK(cpgtool_names(reply, {}).empty());
    // In the order and with the process numbers of the capture.
    std::map<std::string, std::string> names;
    for (const std::string& name :
         {std::string("a b"), std::string("n\0ul\0", 5), std::string("we\x01ird\\g"), std::string("crmd")}) {
        RingReply one = reply;
        one.groups = {{name, {}}};
        const std::string shown = cpgtool_names(one, {});
        names[shown.substr(0, shown.size() - 1)] = name;
    }
    for (const std::string& line : lines_of(capture("three_groups_fields"))) {
        const std::size_t second = line.rfind(','), first = line.rfind(',', second - 1);
        if (line.rfind("GRP_NAME", 0) == 0) continue;
        const std::string name = names.at(line.substr(0, first));
        if (reply.groups.empty() || reply.groups.back().name != name) reply.groups.push_back({name, {}});
        reply.groups.back().members.push_back(
            {{static_cast<std::uint32_t>(std::stoul(line.substr(second + 1)))},
             static_cast<std::uint32_t>(std::stoul(line.substr(first + 1, second - first - 1)))});
    }
    REQUIRE(reply.groups.size() == 4);
    check_same("three_groups_fields", cpgtool_members(reply, {.delimiter = ','}));
    check_same("three_groups_table", cpgtool_members(reply, {}));
    check_same("three_groups_names", cpgtool_names(reply, {}));
    check_same("three_groups_names_d", cpgtool_names(reply, {.delimiter = ','}));
    // Corosync's own hands on control characters, too.
    std::string raw;
    for (const std::string& line : lines_of(capture("three_groups_raw")))
        raw += tools::shown_text(line) + "\n";
    CHECK(cpgtool_names(reply, {.raw = true}) == raw);
    CHECK(raw == "a b\nn\\x00ul\\x00\nwe\\x01ird\\g\ncrmd\n");
}

// corosync-cmapctl.
#include <algorithm>
#include <array>

#include "tools/view/corosync.hpp"
#include "tools/view/lookup.hpp"

namespace tools {
namespace {

bool begins(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// As corosync types the keys of its file; the rest is text, also where it looks like a number.
constexpr std::array<std::string_view, 6> kFlags = {"two_node",          "wait_for_all",
                                                    "last_man_standing", "auto_tie_breaker",
                                                    "allow_downscale",   "expected_votes_tracking"};
constexpr std::array<std::string_view, 4> kQuorumNumbers = {"expected_votes", "votes",
                                                            "last_man_standing_window", "leaving_timeout"};
constexpr std::array<std::string_view, 3> kDeviceNumbers = {"timeout", "sync_timeout", "votes"};
constexpr std::array<std::string_view, 2> kNodeNumbers = {"nodeid", "quorum_votes"};
constexpr std::array<std::string_view, 2> kSmallInterfaceNumbers = {"ttl", "knet_link_priority"};
constexpr std::array<std::string_view, 4> kInterfaceNumbers = {"knet_ping_interval", "knet_ping_timeout",
                                                               "knet_ping_precision", "knet_pong_count"};
constexpr std::array<std::string_view, 25> kTotemNumbers = {"version",
                                                            "token",
                                                            "token_coefficient",
                                                            "token_warning",
                                                            "token_retransmit",
                                                            "token_retransmits_before_loss_const",
                                                            "hold",
                                                            "join",
                                                            "send_join",
                                                            "consensus",
                                                            "merge",
                                                            "downcheck",
                                                            "fail_recv_const",
                                                            "seqno_unchanged_const",
                                                            "miss_count_const",
                                                            "heartbeat_failures_allowed",
                                                            "max_network_delay",
                                                            "window_size",
                                                            "max_messages",
                                                            "netmtu",
                                                            "knet_mtu",
                                                            "knet_pmtud_interval",
                                                            "knet_compression_threshold",
                                                            "nodeid",
                                                            "threads"};

std::string_view type_of(std::string_view key) {
    const std::string_view last = key.substr(key.rfind('.') + 1);
    if (begins(key, "nodelist.")) return is_one_of(last, kNodeNumbers) ? "u32" : "str";
    if (begins(key, "quorum.device.")) {
        const bool direct =
            key.find('.', std::string_view("quorum.device.").size()) == std::string_view::npos;
        return direct && is_one_of(last, kDeviceNumbers) ? "u32" : "str";
    }
    if (begins(key, "quorum."))
        return is_one_of(last, kFlags) ? "u8" : is_one_of(last, kQuorumNumbers) ? "u32" : "str";
    if (begins(key, "totem.interface.")) {
        if (last == "mcastport") return "u16";
        if (is_one_of(last, kSmallInterfaceNumbers)) return "u8";
        return is_one_of(last, kInterfaceNumbers) ? "u32" : "str";
    }
    if (begins(key, "totem.")) {
        if (last == "config_version") return "u64";
        if (last == "knet_compression_level") return "i32";
        return is_one_of(last, kTotemNumbers) ? "u32" : "str";
    }
    return "str";
}

class Map {
  public:
    void text(const std::string& key, const std::string& value) { map_[key] = {"str", value}; }
    void number(const std::string& key, std::string_view type, std::uint64_t value) {
        map_[key] = {type, std::to_string(value)};
    }
    void flag(const std::string& key, bool value) { number(key, "u8", value ? 1 : 0); }
    // A line of the node file.
    void setting(const RingSetting& setting) {
        const std::string_view type = type_of(setting.key);
        std::string value = setting.value;
        if (type == "u8" && (value == "yes" || value == "on" || value == "true")) value = "1";
        if (type == "u8" && (value == "no" || value == "off" || value == "false")) value = "0";
        map_[setting.key] = {type, value};
    }
    Cmap take() { return std::move(map_); }

  private:
    Cmap map_;
};

std::uint64_t ms(std::int64_t us) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)) / 1000;
}

bool has_flag(const RingReply& reply, std::string_view flag) {
    return std::find(reply.flags.begin(), reply.flags.end(), flag) != reply.flags.end();
}

// nodelist.local_node_pos and totem.interface.N.bindnetaddr: corosync puts them there itself.
void put_own_place(Map& map, const RingReply& reply) {
    constexpr std::string_view kStart = "nodelist.node.", kEnd = ".nodeid";
    for (const RingSetting& setting : reply.settings) {
        const std::string_view key = setting.key;
        if (!begins(key, kStart) || key.size() <= kStart.size() + kEnd.size()) continue;
        if (key.substr(key.size() - kEnd.size()) != kEnd || setting.value != to_string(reply.node_id))
            continue;
        const std::string_view place = key.substr(kStart.size(), key.size() - kStart.size() - kEnd.size());
        map.number("nodelist.local_node_pos", "u32", std::stoul(std::string(place)));
    }
    for (const RingNode& node : reply.nodes) {
        if (node.id != reply.node_id) continue;
        for (const RingAddress& address : node.addresses)
            map.text("totem.interface." + std::to_string(address.link) + ".bindnetaddr", address.address);
    }
}

void put_members(Map& map, const RingReply& reply) {
    for (const RingNode& node : reply.nodes) {
        const bool here = is_member(reply, node.id);
        if (!here && node.joins == 0) continue;
        const std::string path = "runtime.members." + to_string(node.id) + ".";
        std::string addresses;
        for (const RingAddress& address : node.addresses)
            addresses += "r(" + std::to_string(address.link) + ") ip(" + address.address + ") ";
        map.text(path + "ip", addresses);
        map.number(path + "join_count", "u32", node.joins);
        map.text(path + "status", here ? "joined" : "left");
    }
}

void put_quorum(Map& map, const RingReply& reply) {
    const std::string path = "runtime.votequorum.";
    map.number(path + "this_node_id", "u32", reply.node_id.value);
    map.number(path + "ev_barrier", "u32", reply.expected);
    map.flag(path + "two_node", has_flag(reply, "2Node"));
    if (has_flag(reply, "WaitForAll")) map.flag(path + "wait_for_all_status", !reply.quorate);
    if (reply.members.empty()) return;
    const auto [lowest, highest] = std::minmax_element(reply.members.begin(), reply.members.end());
    map.number(path + "lowest_node_id", "u32", lowest->value);
    map.number(path + "highest_node_id", "u32", highest->value);
}

}  // namespace

Cmap cmap_settings(const RingReply& reply) {
    Map map;
    for (const RingSetting& setting : reply.settings) map.setting(setting);
    put_own_place(map, reply);
    map.number("runtime.config.totem.token", "u32", ms(reply.token_us));
    map.number("runtime.config.totem.consensus", "u32", ms(reply.consensus_us));
    map.number("runtime.config.totem.join", "u32", ms(reply.join_us));
    put_members(map, reply);
    put_quorum(map, reply);
    return map.take();
}

Cmap cmap_statistics(const RingReply& reply) {
    Map map;
    const std::string srp = "stats.srp.";
    map.number(srp + "operational_entered", "u64", reply.views);
    map.number(srp + "orf_token_rx", "u64", reply.tokens);
    map.number(srp + "mcast_tx", "u64", reply.sent);
    map.number(srp + "mcast_retx", "u64", reply.retransmitted);
    map.number(srp + "mtt_rx_token", "u32", ms(reply.rotation_us));
    for (const RingLink& link : reply.links) {
        const std::string path =
            "stats.knet.node" + to_string(link.peer) + ".link" + std::to_string(link.number) + ".";
        const bool up = link.state == "up";
        map.flag(path + "enabled", true);
        map.flag(path + "connected", up);
        map.number(path + "mtu", "u32", link.mtu);
        map.number(path + "latency_ave", "u32",
                   static_cast<std::uint64_t>(std::max<std::int64_t>(link.srtt_us, 0)));
        map.number(path + "down_count", "u32", link.went_down);
        // Each time that it went down it had come up before.
        map.number(path + "up_count", "u32", link.went_down + (up ? 1 : 0));
        map.number(path + "tx_ping_packets", "u64", link.sent);
    }
    return map.take();
}

std::string cmap_line(const std::string& key, const CmapValue& value) {
    return key + " (" + std::string(value.type) + ") = " + value.text + "\n";
}

std::string cmap_instead(std::string_view key) {
    constexpr const char* kRights =
        "who may use the cluster is a matter of the groups custos and haclient: usermod -aG custos USER";
    constexpr const char* kFile =
        "write it into /etc/custos/custos.conf on all nodes, try it with custos config check, and restart "
        "custosd";
    constexpr const char* kOther =
        "the cluster's own settings are changed with custos configure, a node's in /etc/custos/custos.conf";
    if (begins(key, "uidgid.")) return kRights;
    if (begins(key, "stats.")) return "counters run since the daemon started: custos ring status";
    if (key == "quorum.cancel_wait_for_all")
        return "custos quorum unblock, once the nodes that are waited for surely serve nothing";
    for (const std::string_view section : {"totem.", "nodelist.", "quorum.", "logging.", "resources."}) {
        if (begins(key, section)) return kFile;
    }
    return kOther;
}

}  // namespace tools

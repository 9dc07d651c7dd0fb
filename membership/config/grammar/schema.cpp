#include "membership/config/grammar/schema.hpp"

#include <algorithm>
#include <string>

#include "membership/config/config.hpp"

namespace membership::grammar {

namespace {

constexpr std::int64_t kAny = 4294967295;
constexpr std::int64_t kLongest =
    600'000;  // ms: ten minutes; more is seconds taken for milliseconds, or a slip

// Reasons that several keys share.
constexpr std::string_view kOwnTiming = "the ring measures its rotation and sets this by itself";
constexpr std::string_view kOwnFlow = "the ring has a flow control of its own";
constexpr std::string_view kOwnHeartbeats = "links are watched by heartbeats whose pace follows token";
constexpr std::string_view kNoKnet = "knet is not part of Custos; it sends plain UDP to each node";
constexpr std::string_view kSealed = "every frame is sealed with AES-256-GCM, whatever is written here";
constexpr std::string_view kUnlisted = "frames of nodes that are not in the nodelist are never accepted";
constexpr std::string_view kLevels = "info and above are logged, with \"debug: on\" everything";

KeyRule number(std::string_view key, std::int64_t min, std::int64_t max, std::string_view unit = {}) {
    return {key, Use::honoured, Kind::number, unit, min, max, {}};
}
KeyRule flag(std::string_view key) {
    return {key, Use::honoured, Kind::flag};
}
KeyRule word(std::string_view key, std::string_view choices) {
    return {key, Use::honoured, Kind::word, choices};
}
KeyRule text(std::string_view key) {
    return {key, Use::honoured, Kind::text};
}
KeyRule path(std::string_view key) {
    return {key, Use::honoured, Kind::path};
}

KeyRule ignored(KeyRule rule, std::string_view why) {
    rule.use = Use::ignored;
    rule.why = why;
    return rule;
}
KeyRule warned(KeyRule rule, std::string_view why) {
    rule.use = Use::warned;
    rule.why = why;
    return rule;
}
KeyRule covered(KeyRule rule) {
    rule.use = Use::covered;
    return rule;
}
KeyRule any_number(std::string_view key) {
    return number(key, 0, kAny);
}

std::vector<KeyRule> totem_keys() {
    return {
        number("version", 2, 2),
        text("cluster_name"),
        word("transport", "udp|udpu|knet"),
        number("token", 30, kLongest, "milliseconds"),
        number("token_coefficient", 0, 60'000, "milliseconds"),
        number("consensus", 30, kLongest, "milliseconds"),
        number("join", 30, kLongest, "milliseconds"),
        path("keyfile"),
        number("netmtu", 576, 65'536, "bytes"),
        number("knet_mtu", 0, 65'536, "bytes"),
        word("ip_version", "ipv4|ipv6|ipv4-6|ipv6-4"),
        word("secauth", "on|off|yes|no|1|0"),
        word("crypto_cipher", "none|aes256|aes192|aes128|3des"),
        word("crypto_hash", "none|md5|sha1|sha256|sha384|sha512"),
        ignored(text("key"),
                "a key in this file can be read by whoever reads the file; it belongs in the key file that "
                "\"custos key generate\" writes"),
        ignored(text("crypto_model"), kSealed),
        ignored(text("crypto_type"), kSealed),
        ignored(text("crypto_accept"), kSealed),
        any_number("config_version"),
        ignored(text("cluster_uuid"), "nothing here depends on it"),
        word("link_mode", "passive|active|rr"),
        ignored(any_number("nodeid"), "the node's id is the one in the nodelist"),
        ignored(flag("clear_node_high_bit"), "node ids are never made from addresses"),
        ignored(number("token_warning", 0, 100, "percent"), "a late token is not warned of"),
        ignored(any_number("token_retransmit"), kOwnTiming),
        ignored(any_number("token_retransmits_before_loss_const"), kOwnTiming),
        ignored(any_number("hold"), kOwnTiming),
        ignored(any_number("merge"), kOwnTiming),
        ignored(any_number("send_join"), kOwnTiming),
        ignored(any_number("downcheck"), kOwnTiming),
        ignored(any_number("fail_recv_const"), kOwnTiming),
        ignored(any_number("fail_to_recv_const"), kOwnTiming),
        ignored(any_number("seqno_unchanged_const"), kOwnTiming),
        ignored(any_number("miss_count_const"), kOwnTiming),
        ignored(any_number("heartbeat_failures_allowed"), kOwnTiming),
        ignored(any_number("max_network_delay"), kOwnTiming),
        ignored(flag("cancel_token_hold_on_retransmit"), kOwnTiming),
        ignored(any_number("window_size"), kOwnFlow),
        ignored(any_number("max_messages"), kOwnFlow),
        ignored(flag("block_unlisted_ips"), kUnlisted),
        ignored(text("knet_compression_model"), kNoKnet),
        ignored(any_number("knet_compression_threshold"), kNoKnet),
        ignored(any_number("knet_compression_level"), kNoKnet),
        ignored(any_number("knet_pmtud_interval"), kOwnHeartbeats),
        ignored(text("ip_dscp"), "packets are not marked"),
        ignored(any_number("threads"), "sending has a thread of its own"),
        ignored(text("vsftype"), "quorum is a majority of votes"),
        word("rrp_mode", "none|active|passive"),
        ignored(any_number("rrp_problem_count_timeout"), kOwnHeartbeats),
        ignored(any_number("rrp_problem_count_threshold"), kOwnHeartbeats),
        ignored(any_number("rrp_problem_count_mcast_threshold"), kOwnHeartbeats),
        ignored(any_number("rrp_token_expired_timeout"), kOwnHeartbeats),
        ignored(any_number("rrp_autorecovery_check_timeout"), kOwnHeartbeats),
    };
}

std::vector<KeyRule> interface_keys() {
    return {
        number("ringnumber", 0, 7),
        number("linknumber", 0, 7),
        text("bindnetaddr"),
        text("mcastaddr"),
        number("mcastport", 1, 65'535),
        number("ttl", 1, 255),
        flag("broadcast"),
        number("knet_link_priority", 0, 255),
        ignored(any_number("knet_ping_interval"), kOwnHeartbeats),
        ignored(any_number("knet_ping_timeout"), kOwnHeartbeats),
        ignored(any_number("knet_ping_precision"), kOwnHeartbeats),
        ignored(any_number("knet_pong_count"), kOwnHeartbeats),
        ignored(word("knet_transport", "udp|sctp"), kNoKnet),
    };
}

std::vector<KeyRule> node_keys() {
    return {
        number("nodeid", 1, kMaxNodeId),
        text("name"),
        number("quorum_votes", 0, 1000),
        text("ring0_addr"),
        text("ring1_addr"),
        text("ring2_addr"),
        text("ring3_addr"),
        text("ring4_addr"),
        text("ring5_addr"),
        text("ring6_addr"),
        text("ring7_addr"),
    };
}

std::vector<KeyRule> quorum_keys() {
    return {
        word("provider", "corosync_votequorum"),
        number("expected_votes", 0, 100'000),
        flag("two_node"),
        flag("wait_for_all"),
        ignored(any_number("votes"),
                "votes are given to each node in the nodelist: quorum_votes, 1 without it"),
        flag("auto_tie_breaker"),
        text("auto_tie_breaker_node"),
        flag("last_man_standing"),
        number("last_man_standing_window", 0, kLongest, "milliseconds"),
        warned(flag("allow_downscale"),
               "corosync calls it incomplete and unsupported, and it is not supported here: a node that "
               "leaves in order is expected all the same (last_man_standing does without it after a while)"),
        ignored(flag("expected_votes_tracking"), "the nodelist alone says how many votes there are"),
        ignored(any_number("leaving_timeout"), "a node that leaves says so in order"),
    };
}

std::vector<KeyRule> log_keys(bool top) {
    std::vector<KeyRule> keys{
        flag("to_stderr"),
        flag("to_syslog"),
        flag("to_logfile"),
        flag("to_file"),
        path("logfile"),
        word("debug", "on|off|yes|no|1|0|trace"),
        ignored(text("logfile_priority"), kLevels),
        ignored(text("syslog_priority"), kLevels),
        ignored(text("syslog_level"), kLevels),
        ignored(text("syslog_facility"), "syslog gets everything as facility \"daemon\""),
        ignored(text("tags"), "messages have no tags"),
    };
    if (top) {
        keys.push_back(word("timestamp", "on|off|yes|no|1|0|hires"));
        keys.push_back(
            ignored(flag("fileline"), "messages say what happened and why, not where in the program"));
        keys.push_back(
            ignored(flag("function_name"), "messages say what happened and why, not where in the program"));
        keys.push_back(ignored(flag("blackbox"), "there is no blackbox"));
    } else {
        for (KeyRule& key : keys) key = covered(key);
        keys.push_back(covered(text("subsys")));
        keys.push_back(covered(text("name")));
    }
    return keys;
}

SectionRule ignored_section(std::string_view path, std::string_view why, std::vector<KeyRule> keys) {
    for (KeyRule& key : keys) key = covered(key);
    return {path, true, Use::ignored, why, std::move(keys)};
}

// A part of a section that is itself ignored or warned about.
SectionRule covered_section(std::string_view path, std::vector<KeyRule> keys) {
    for (KeyRule& key : keys) key = covered(key);
    return {path, true, Use::covered, {}, std::move(keys)};
}

void add_quorum_device(std::vector<SectionRule>& rules) {
    SectionRule device =
        covered_section("quorum.device", {text("model"), any_number("timeout"), any_number("sync_timeout"),
                                          any_number("votes"), flag("master_wins")});
    device.repeats = false;
    device.use = Use::warned;
    device.why =
        "a quorum device is not there yet: it has no vote, quorum needs a majority of the nodes' own votes";
    rules.push_back(std::move(device));
    rules.push_back(covered_section(
        "quorum.device.net", {text("host"), any_number("port"), text("tls"), text("algorithm"),
                              text("tie_breaker"), any_number("connect_timeout"),
                              any_number("force_ip_version"), flag("keep_active_partition_tie_breaker")}));
    rules.push_back(covered_section("quorum.device.disk", {text("device"), text("*")}));
    rules.push_back(covered_section("quorum.device.heuristics",
                                    {text("mode"), any_number("interval"), any_number("timeout"),
                                     any_number("sync_timeout"), text("exec_*")}));
}

// Sections that configure parts of corosync which have no counterpart here.
void add_ignored_sections(std::vector<SectionRule>& rules) {
    rules.push_back(ignored_section(
        "uidgid", "custosd takes commands over its own socket and asks the kernel who is calling",
        {text("uid"), text("gid")}));
    rules.push_back(ignored_section("qb", "libqb is not used", {text("ipc_type")}));
    rules.push_back(ignored_section("nozzle", "there is no tunnel device",
                                    {text("name"), text("ipaddr"), text("ipprefix"), text("macaddr")}));
    rules.push_back(
        ignored_section("system",
                        "custosd asks for real-time priority and locked memory by itself, and status "
                        "says when they were refused",
                        {text("qb_ipc_type"), text("sched_rr"), text("priority"), text("move_to_root_cgroup"),
                         text("allow_knet_handle_fallback"), text("state_dir")}));
    rules.push_back(ignored_section("amf", "the availability management framework is not part of Custos",
                                    {text("mode")}));
    rules.push_back(ignored_section("service",
                                    "there are no plug-ins: the resource manager is part of custosd",
                                    {text("name"), text("ver"), text("use_mgmtd"), text("use_logd")}));
    rules.push_back(
        ignored_section("aisexec", "custosd chooses its own users", {text("user"), text("group")}));
    rules.push_back(
        ignored_section("pload", "there is no load generator", {any_number("count"), any_number("size")}));
    rules.push_back(
        ignored_section("resources.system", "memory and load of the machine are not watched", {}));
    for (const std::string_view path : {"resources.system.memory_used", "resources.system.load_15min"}) {
        rules.push_back(covered_section(path, {text("max"), any_number("poll_period"), text("recovery")}));
    }
}

std::vector<SectionRule> build_schema() {
    std::vector<SectionRule> rules;
    rules.push_back({"",
                     false,
                     Use::honoured,
                     {},
                     {ignored(text("compatibility"), "it names old plug-ins of corosync")}});
    rules.push_back({"totem", false, Use::honoured, {}, totem_keys()});
    rules.push_back({"totem.interface", true, Use::honoured, {}, interface_keys()});
    rules.push_back({"totem.interface.member",
                     true,
                     Use::ignored,
                     "the nodes are those of the nodelist",
                     {covered(text("memberaddr"))}});
    rules.push_back({"nodelist", false, Use::honoured, {}, {}});
    rules.push_back({"nodelist.node", true, Use::honoured, {}, node_keys()});
    rules.push_back({"quorum", false, Use::honoured, {}, quorum_keys()});
    add_quorum_device(rules);
    rules.push_back({"logging", false, Use::honoured, {}, log_keys(true)});
    for (const std::string_view path : {"logging.logger_subsys", "logging.logging_daemon"}) {
        rules.push_back({path, true, Use::ignored,
                         "there are no sub-systems; the settings of logging { } hold for all",
                         log_keys(false)});
    }
    rules.push_back({"resources", false, Use::honoured, {}, {text("watchdog_device")}});
    add_ignored_sections(rules);
    return rules;
}

}  // namespace

const std::vector<SectionRule>& schema() {
    static const std::vector<SectionRule> rules = build_schema();
    return rules;
}

const SectionRule* find_section(std::string_view path) {
    const auto& rules = schema();
    const auto at =
        std::find_if(rules.begin(), rules.end(), [&](const SectionRule& r) { return r.path == path; });
    return at == rules.end() ? nullptr : &*at;
}

const KeyRule* find_key(const SectionRule& section, std::string_view key) {
    const auto matches = [&](const KeyRule& rule) {
        if (rule.key.empty() || rule.key.back() != '*') return rule.key == key;
        const std::string_view beginning = rule.key.substr(0, rule.key.size() - 1);
        return key.size() > beginning.size() && key.substr(0, beginning.size()) == beginning;
    };
    const auto at = std::find_if(section.keys.begin(), section.keys.end(), matches);
    return at == section.keys.end() ? nullptr : &*at;
}

}  // namespace membership::grammar

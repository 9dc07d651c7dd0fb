// Checked tree -> NodeConfig.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "membership/config/config.hpp"
#include "membership/config/detail/nodelist.hpp"
#include "membership/config/detail/settings.hpp"
#include "membership/config/detail/totem.hpp"
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
    TRY_OK(detail::read_totem(tree.section("totem"), config.nodes, file_name, notices, config.totem));
    TRY_OK(read_quorum(tree.section("quorum"), file_name, notices, config));
    TRY_OK(read_logging(tree.section("logging"), file_name, config.logging));
    note_watchdog(tree.section("resources"), notices);
    config.notices = notices.take();
    config.settings = detail::list_settings(tree);
    return config;
}

}  // namespace membership

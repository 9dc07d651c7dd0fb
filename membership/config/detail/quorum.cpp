#include "membership/config/detail/quorum.hpp"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>

namespace membership::detail {

namespace {

using grammar::error_at;
using grammar::flag_of;
using grammar::line_of;
using grammar::Notices;
using grammar::number_of;
using grammar::quoted;
using grammar::Section;
using grammar::text_of;

std::uint64_t votes_of(const std::vector<NodeEntry>& nodes) {
    std::uint64_t votes = 0;
    for (const NodeEntry& node : nodes) votes += node.votes;
    return votes;
}

base::Status read_expected(const Section* quorum, std::uint64_t votes, Notices& notices, QuorumOptions& out) {
    const auto expected = number_of(quorum, "expected_votes");
    if (!expected) return base::ok();
    if (static_cast<std::uint64_t>(*expected) >= votes) {
        out.expected_votes = static_cast<std::uint32_t>(*expected);
        return base::ok();
    }
    notices.add(
        line_of(quorum, "expected_votes"), "quorum.expected_votes: " + std::to_string(*expected),
        "is ignored: the nodelist has " + std::to_string(votes) + " votes, and fewer are never expected");
    return base::ok();
}

// What two_node can't stand beside: it lets either node go on alone, the others take turns to forbid that.
base::Status check_two_node(const Section* quorum, const std::vector<NodeEntry>& nodes, std::string_view file,
                            const QuorumOptions& options) {
    const std::uint64_t votes = votes_of(nodes);
    const auto voters =
        std::count_if(nodes.begin(), nodes.end(), [](const NodeEntry& n) { return n.votes > 0; });
    if (votes != 2 || voters != 2) {
        return error_at(file, line_of(quorum, "two_node"),
                        "quorum.two_node: expected two nodes with one vote each, found " +
                            std::to_string(voters) + (voters == 1 ? " node" : " nodes") + " with " +
                            std::to_string(votes) +
                            " votes together: remove two_node, or correct the nodelist");
    }
    if (options.expected_votes.value_or(2) > 2) {
        return error_at(file, line_of(quorum, "expected_votes"),
                        "quorum.expected_votes: expected 2 beside two_node, found " +
                            std::to_string(*options.expected_votes));
    }
    if (options.tie_breaker != TieBreaker::none) {
        return error_at(file, line_of(quorum, "auto_tie_breaker"),
                        "quorum.auto_tie_breaker: expected it or two_node, found both: with two_node either "
                        "node goes on alone, with auto_tie_breaker only the one that breaks the tie; remove "
                        "one of them");
    }
    if (options.last_man_standing) {
        return error_at(file, line_of(quorum, "last_man_standing"),
                        "quorum.last_man_standing: expected it or two_node, found both: with two_node one "
                        "vote is enough already; remove one of them");
    }
    return base::ok();
}

base::Result<base::NodeId> read_breaker(const std::string& word, int line,
                                        const std::vector<NodeEntry>& nodes, std::string_view file) {
    const std::string what = "quorum.auto_tie_breaker_node: expected ";
    const auto id = grammar::parse_number(word);
    if (!id) {
        return error_at(
            file, line,
            what + "lowest, highest, or ids of nodes with spaces between them, found " + quoted(word));
    }
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const NodeEntry& n) {
        return static_cast<std::int64_t>(n.id.value) == *id;
    });
    if (at == nodes.end())
        return error_at(file, line, what + "a nodeid of the nodelist, found " + quoted(word));
    if (at->votes == 0) {
        return error_at(
            file, line,
            what + "nodes that have a vote, found " + quoted(word) + " (" + at->name + ", quorum_votes: 0)");
    }
    return at->id;
}

base::Status read_breakers(const Section* quorum, const std::vector<NodeEntry>& nodes, std::string_view file,
                           QuorumOptions& out) {
    out.tie_breaker = TieBreaker::lowest;
    const std::string given = text_of(quorum, "auto_tie_breaker_node").value_or("lowest");
    if (given == "lowest") return base::ok();
    if (given == "highest") {
        out.tie_breaker = TieBreaker::highest;
        return base::ok();
    }
    out.tie_breaker = TieBreaker::listed;
    const int line = line_of(quorum, "auto_tie_breaker_node");
    std::istringstream words(given);
    for (std::string word; words >> word;) {
        TRY(const base::NodeId node, read_breaker(word, line, nodes, file));
        const auto& so_far = out.tie_breaker_nodes;
        if (std::find(so_far.begin(), so_far.end(), node) != so_far.end()) {
            return error_at(
                file, line,
                "quorum.auto_tie_breaker_node: expected each node once, found " + quoted(word) + " twice");
        }
        out.tie_breaker_nodes.push_back(node);
    }
    return base::ok();
}

void note_tie_breaker(const Section* quorum, std::uint64_t votes, Notices& notices,
                      const QuorumOptions& options) {
    const int line = line_of(quorum, "auto_tie_breaker");
    const std::uint64_t expected = std::max<std::uint64_t>(votes, options.expected_votes.value_or(0));
    if (expected % 2 == 1 && !options.last_man_standing) {
        notices.add(line, "quorum.auto_tie_breaker",
                    "has no effect: " + std::to_string(expected) + " votes have no halves");
    } else if (!options.wait_for_all) {
        notices.add(line, "quorum.auto_tie_breaker",
                    "without wait_for_all: after a start the half with the tie-breaker goes on before it has "
                    "seen the others");
    }
    if (options.tie_breaker_nodes.size() > 1 && !options.last_man_standing) {
        notices.add(line_of(quorum, "auto_tie_breaker_node"), "quorum.auto_tie_breaker_node",
                    "after the first, node " + base::to_string(options.tie_breaker_nodes.front()) +
                        ", has an effect with last_man_standing only: without it nobody knows for certain "
                        "that the first was away before a split");
    }
}

void note_without_effect(const Section* quorum, Notices& notices, const QuorumOptions& options) {
    if (text_of(quorum, "auto_tie_breaker_node") && options.tie_breaker == TieBreaker::none) {
        notices.add(line_of(quorum, "auto_tie_breaker_node"), "quorum.auto_tie_breaker_node",
                    "is ignored: auto_tie_breaker is not on");
    }
    if (number_of(quorum, "last_man_standing_window") && !options.last_man_standing &&
        !options.wait_for_all) {
        notices.add(line_of(quorum, "last_man_standing_window"), "quorum.last_man_standing_window",
                    "is ignored: neither last_man_standing nor wait_for_all is on");
    }
    if (options.two_node && !options.wait_for_all) {
        notices.add(line_of(quorum, "wait_for_all"),
                    "quorum.wait_for_all: " + *text_of(quorum, "wait_for_all"),
                    "beside two_node: after a common outage two nodes that can't reach each other both go "
                    "on, each as if the other were dead",
                    true);
    }
}

}  // namespace

base::Status read_quorum(const Section* quorum, const std::vector<NodeEntry>& nodes, std::string_view file,
                         Notices& notices, QuorumOptions& out) {
    const std::uint64_t votes = votes_of(nodes);
    if (votes == 0) {
        return error_at(file, nodes.front().line,
                        "nodelist: expected at least one node with a vote, found quorum_votes: 0 everywhere");
    }
    TRY_OK(read_expected(quorum, votes, notices, out));
    out.two_node = flag_of(quorum, "two_node").value_or(false);
    out.wait_for_all = flag_of(quorum, "wait_for_all").value_or(out.two_node);
    out.wait_for_all_given = flag_of(quorum, "wait_for_all").has_value();
    out.last_man_standing = flag_of(quorum, "last_man_standing").value_or(false);
    if (const auto window = number_of(quorum, "last_man_standing_window"))
        out.last_man_standing_window = base::milliseconds(*window);
    if (flag_of(quorum, "auto_tie_breaker").value_or(false)) {
        TRY_OK(read_breakers(quorum, nodes, file, out));
        note_tie_breaker(quorum, votes, notices, out);
    }
    if (out.two_node) TRY_OK(check_two_node(quorum, nodes, file, out));
    note_without_effect(quorum, notices, out);
    return base::ok();
}

}  // namespace membership::detail

// What corosync's own commands would print of this cluster, in their format, for the monitoring and the
// habits that read it: corosync-quorumtool, corosync-cfgtool, corosync-cmapctl and corosync-cpgtool of
// corosync 3.1. Pure functions of the daemon's reply. What is shown and what is not: docs/decisions/0116 and
// 0117.
//
// All texts end with a line end unless they are empty. A reply without a ring (RingReply::waiting) has
// nothing to show: the caller says so.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/ipc/control.hpp"
#include "totem/base/ids.hpp"

namespace tools {

// --- corosync-quorumtool

struct QuorumtoolStyle {
    bool addresses{false};      // -i: in place of names
    bool all_addresses{false};  // -a: those of all links
    bool device_column{false};  // -p: what a quorum device says of the node
    bool hexadecimal{false};    // -H: node ids
    bool by_name{false};        // -o n; otherwise ascending by id
};
// -s. `date`: "Sun Nov 22 08:09:44 2026".
[[nodiscard]] std::string quorumtool_status(const RingReply& reply, const QuorumtoolStyle& style,
                                            const std::string& date);
// -l: the table of the members alone.
[[nodiscard]] std::string quorumtool_members(const RingReply& reply, const QuorumtoolStyle& style);

// --- corosync-cfgtool

// -s: each link and whether it reaches each configured node; `brief` (-b): a character for each node.
[[nodiscard]] std::string cfgtool_status(const RingReply& reply, bool brief);
// -n: each other node that is reached, and the links to it.
[[nodiscard]] std::string cfgtool_nodes(const RingReply& reply);
// -a: a node's addresses. Nullopt: no such node.
[[nodiscard]] std::optional<std::string> cfgtool_addresses(const RingReply& reply, base::NodeId node);

// --- corosync-cmapctl

struct CmapValue {
    std::string_view type;  // "u32"
    std::string text;
    bool operator==(const CmapValue&) const = default;
};
using Cmap = std::map<std::string, CmapValue>;
// The map icmap: the node file as it is written, what is in force, and the members.
[[nodiscard]] Cmap cmap_settings(const RingReply& reply);
// The map stats: those figures that are counted here and mean what corosync's mean.
[[nodiscard]] Cmap cmap_statistics(const RingReply& reply);
// "totem.version (u32) = 2"
[[nodiscard]] std::string cmap_line(const std::string& key, const CmapValue& value);
// How that is changed which corosync sets by this key, in words.
[[nodiscard]] std::string cmap_instead(std::string_view key);

// --- corosync-cpgtool

struct CpgtoolStyle {
    char delimiter{0};  // -d; 0: columns for people
    bool raw{false};    // -e: names of groups as shown_text() has them
};
[[nodiscard]] std::string cpgtool_members(const RingReply& reply, const CpgtoolStyle& style);
// -n
[[nodiscard]] std::string cpgtool_names(const RingReply& reply, const CpgtoolStyle& style);

}  // namespace tools

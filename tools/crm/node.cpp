// The level "node".
#include <algorithm>
#include <utility>

#include "tools/crm/levels.hpp"

namespace tools {
namespace {

std::string state_of(const manager::NodeStatus& node) {
    if (node.leaving) return "leaving";
    switch (node.clearance) {
        case manager::Clearance::member:
            return "member";
        case manager::Clearance::joining:
            return "joining";
        case manager::Clearance::clean:
            return "offline";
        case manager::Clearance::uncleared:
            return "offline, not cleared";
    }
    return "unknown";
}

base::Status show_nodes(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    if (words.size() == 2) {
        TRY([[maybe_unused]] const auto* node, need_node(*seen, words[1]));
    }
    for (const auto& [id, node] : seen->status.nodes) {
        if (words.size() == 2 && node.name != words[1]) continue;
        shell.out() << node.name << "(" << id.value << "): " << state_of(node) << "\n";
        if (const auto* object = seen->configuration.node(node.name)) {
            for (const auto& [name, value] : object->attributes)
                shell.out() << "\t" << name << "=" << value << "\n";
        }
    }
    return base::ok();
}

// The nodes that the words name: none is this node, --all is all of them.
base::Result<Words> nodes_of(const StatusReply& seen, const Words& words) {
    Words names;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        if (*word == "forever") continue;
        if (*word == "reboot")
            return base::invalid("not yet supported: " + words[0] + " until the next reboot");
        if (*word == "--all") {
            for (const auto& [id, node] : seen.status.nodes) names.push_back(node.name);
            continue;
        }
        TRY(const auto* node, need_node(seen, *word));
        names.push_back(node->name);
    }
    if (names.empty()) names.push_back(seen.local.node);
    return names;
}

base::Status set_attribute(Shell& shell, const Words& words, const std::string& name,
                           const std::string& value) {
    TRY(const StatusReply* seen, shell.seen());
    TRY(const Words nodes, nodes_of(*seen, words));
    std::vector<manager::Edit> edits;
    for (const std::string& node : nodes) edits.emplace_back(manager::SetNodeAttribute{node, name, value});
    TRY_OK(shell.edit(std::move(edits)));
    for (const std::string& node : nodes) shell.info_when_done(words[0] + " node " + node);
    return base::ok();
}

base::Status standby(Shell& shell, const Words& words) {
    return set_attribute(shell, words, "standby", "on");
}
base::Status online(Shell& shell, const Words& words) {
    return set_attribute(shell, words, "standby", "off");
}
base::Status maintenance(Shell& shell, const Words& words) {
    return set_attribute(shell, words, "maintenance", "on");
}
base::Status ready(Shell& shell, const Words& words) {
    return set_attribute(shell, words, "maintenance", "off");
}

bool is_present(const manager::NodeStatus& node) {
    return node.clearance == manager::Clearance::member || node.clearance == manager::Clearance::joining;
}

base::Status clearstate(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    TRY(const manager::NodeStatus* node, need_node(*seen, words[1]));
    if (is_present(*node)) {
        return base::Error{base::Errc::conflict,
                           "node " + words[1] + " is a member of the cluster: there is nothing to clear"};
    }
    if (!shell.confirm("Is node " + words[1] + " switched off, so that it surely runs nothing?")) {
        return base::Error{base::Errc::conflict,
                           "node " + words[1] +
                               " stays as it is: its resources may start elsewhere once you vouch that it is "
                               "switched off with `" +
                               shell.options().program + " -F node clearstate " + words[1] + "`"};
    }
    shell.forget_edits();
    return shell.command(manager::ConfirmNode{words[1]});
}

base::Status delete_node(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    const auto known = need_node(*seen, words[1]);
    const bool configured = seen->configuration.node(words[1]) != nullptr;
    if (!known && !configured) return known.error();
    if (known && is_present(**known)) {
        return base::Error{base::Errc::conflict, "node " + words[1] +
                                                     " is active: stop it there first with `" +
                                                     shell.options().program + " cluster stop`"};
    }
    shell.forget_edits();
    TRY_OK(shell.change({manager::Delete{words[1]}}));
    shell.info("node " + words[1] +
               " deleted; `custos node remove` takes it out of the cluster and of all node files");
    return base::ok();
}

// attribute NODE set NAME VALUE | show NAME | delete NAME
base::Status attribute(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    const std::string& node = words[1];
    if (seen->configuration.node(node) == nullptr) {
        TRY([[maybe_unused]] const auto* found, need_node(*seen, node));
    }
    const manager::NodeObject* object = seen->configuration.node(node);
    const bool has = object != nullptr && object->attributes.count(words[3]) > 0;
    if (words[2] == "set" && words.size() == 5)
        return shell.edit({manager::SetNodeAttribute{node, words[3], words[4]}});
    if (words.size() == 4 && (words[2] == "show" || words[2] == "delete")) {
        if (!has) return base::Error{base::Errc::not_found, "node " + node + " has no attribute " + words[3]};
        if (words[2] == "delete") return shell.edit({manager::SetNodeAttribute{node, words[3], ""}});
        shell.out() << "scope=nodes  name=" << words[3] << " value=" << object->attributes.at(words[3])
                    << "\n";
        return base::ok();
    }
    return base::invalid("usage: " + shell.options().program +
                         " node attribute NODE set NAME VALUE | show NAME | delete NAME");
}

}  // namespace

Level node_level() {
    Level level{"node", "", "the nodes of the cluster", {}};
    level.commands = {
        {"show", "list status", "[NODE]", "nodes, their state and lasting attributes", 0, 1, show_nodes},
        {"standby", "", "[NODE...|--all]", "runs nothing there (this node when none is named)", 0, kAny,
         standby},
        {"online", "", "[NODE...|--all]", "may run resources again", 0, kAny, online},
        {"maintenance", "", "[NODE...|--all]", "keeps hands off what runs there", 0, kAny, maintenance},
        {"ready", "", "[NODE...|--all]", "ends maintenance", 0, kAny, ready},
        {"clearstate", "", "NODE", "you vouch that the node is switched off and runs nothing", 1, 1,
         clearstate},
        {"delete", "", "NODE", "forgets a node that has left", 1, 1, delete_node},
        {"attribute", "", "NODE set|show|delete NAME [VALUE]", "a lasting attribute of a node", 3, 4,
         attribute},
    };
    add_unsupported(level, {"fence", "utilization", "status-attr", "server"});
    return level;
}

}  // namespace tools

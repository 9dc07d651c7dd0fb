// The level "resource": what is done to resources while they are configured. Everything that lasts is a
// change of the configuration, as in Pacemaker: start and stop set the meta attribute target-role, move adds
// a location.
#include <algorithm>
#include <utility>

#include "tools/crm/levels.hpp"
#include "tools/crm/statement.hpp"
#include "tools/view/status.hpp"

namespace tools {
namespace {

// name = value of that meta attribute at each resource that is named.
base::Status set_meta(Shell& shell, const Words& words, const std::string& name, const std::string& value) {
    TRY(const manager::Configuration* config, shell.working());
    std::vector<manager::Edit> edits;
    for (auto id = words.begin() + 1; id != words.end(); ++id) {
        TRY_OK(need_resource(*config, *id));
        edits.emplace_back(manager::SetMeta{*id, name, value});
    }
    return shell.edit(std::move(edits));
}

base::Status start(Shell& shell, const Words& words) {
    return set_meta(shell, words, "target-role", "Started");
}
base::Status stop(Shell& shell, const Words& words) {
    return set_meta(shell, words, "target-role", "Stopped");
}
base::Status manage(Shell& shell, const Words& words) {
    return set_meta(shell, words, "is-managed", "true");
}
base::Status unmanage(Shell& shell, const Words& words) {
    return set_meta(shell, words, "is-managed", "false");
}

base::Status restart(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    std::vector<manager::Edit> stops, starts;
    for (auto id = words.begin() + 1; id != words.end(); ++id) {
        TRY_OK(need_resource(seen->configuration, *id));
        const manager::Primitive& primitive = *seen->configuration.primitive(*id);
        if (active_nodes(*seen, *id).empty()) {
            return base::Error{base::Errc::conflict,
                               "resource " + *id + " is not running: nothing was restarted"};
        }
        const auto before = primitive.meta.find("target-role");
        stops.emplace_back(manager::SetMeta{*id, "target-role", "Stopped"});
        starts.emplace_back(
            manager::SetMeta{*id, "target-role", before == primitive.meta.end() ? "" : before->second});
    }
    shell.forget_edits();
    const auto stopped = shell.change_and_wait(std::move(stops));
    // Whatever came of the stop, the configuration is put back as it was.
    const auto started = shell.change_and_wait(std::move(starts));
    return stopped ? started : stopped;
}

base::Status cleanup(Shell& shell, const Words& words) {
    Words args(words.begin() + 1, words.end());
    args.erase(std::remove(args.begin(), args.end(), "force"), args.end());
    if (args.size() > 2)
        return base::invalid("usage: " + shell.options().program + " resource cleanup [RESOURCE [NODE]]");
    TRY(const StatusReply* seen, shell.seen());
    manager::Cleanup cleanup;
    if (!args.empty()) cleanup.resource = args[0];
    if (args.size() > 1) cleanup.node = args[1];
    if (!cleanup.resource.empty()) TRY_OK(need_resource(seen->configuration, cleanup.resource));
    if (!cleanup.node.empty()) {
        TRY([[maybe_unused]] const auto* node, need_node(*seen, cleanup.node));
    }
    std::vector<std::string> lines;
    for (const auto& primitive : seen->configuration.primitives) {
        for (const auto& [id, node] : seen->status.nodes) {
            const bool named = (cleanup.resource.empty() || cleanup.resource == primitive.id) &&
                               (cleanup.node.empty() || cleanup.node == node.name);
            if (named) lines.push_back("Cleaned up " + primitive.id + " on " + node.name);
        }
    }
    shell.forget_edits();
    TRY_OK(shell.command(std::move(cleanup)));
    for (const std::string& line : lines) shell.out() << line << "\n";
    return base::ok();
}

base::Status show_resources(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    if (words.size() == 1) {
        for (const auto& primitive : seen->configuration.primitives) {
            shell.out() << "  * " << primitive.id << "\t(" << to_string(primitive.agent) << "):\t "
                        << resource_state(*seen, primitive) << "\n";
        }
        if (seen->configuration.primitives.empty()) shell.out() << "  * No resources\n";
        return base::ok();
    }
    for (auto id = words.begin() + 1; id != words.end(); ++id) {
        TRY_OK(need_resource(seen->configuration, *id));
        const auto nodes = active_nodes(*seen, *id);
        shell.out() << "resource " << *id
                    << (nodes.empty() ? " is NOT running" : " is running on: " + joined(nodes)) << "\n";
    }
    return base::ok();
}

// --- move, ban, clear: locations whose names tell where they come from

// Drops the words of a lifetime and "force"; a lifetime is not supported.
base::Result<Words> target_words(const Shell& shell, const Words& words, bool& force) {
    Words args;
    force = shell.options().force;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        if (*word == "force") {
            force = true;
        } else {
            args.push_back(*word);
        }
    }
    if (args.empty() || args.size() > 2) {
        return base::invalid("usage: " + shell.options().program + " resource " + words[0] +
                             " RESOURCE [NODE] [force]");
    }
    return args;
}

base::Result<std::string> only_node_of(const StatusReply& seen, const std::string& id) {
    const auto nodes = active_nodes(seen, id);
    if (nodes.size() == 1) return nodes[0];
    return base::Error{base::Errc::conflict,
                       "resource " + id +
                           (nodes.empty() ? " is not running" : " is running on " + joined(nodes, ", ")) +
                           ": name the node"};
}

base::Status ban_from(Shell& shell, const std::string& id, const std::string& node) {
    manager::Location ban{"cli-ban-" + id + "-on-" + node, id, node, manager::Score::minus_infinity()};
    shell.info_when_done("resource " + id + " stays away from " + node + " until `" +
                         shell.options().program + " resource clear " + id + "`");
    return shell.edit({manager::PutLocation{std::move(ban), true}});
}

base::Status move(Shell& shell, const Words& words) {
    bool force = false;
    TRY(const Words args, target_words(shell, words, force));
    TRY(const StatusReply* seen, shell.seen());
    TRY_OK(need_resource(seen->configuration, args[0]));
    if (args.size() == 1) {
        if (!force) {
            return base::invalid("name the node to move " + args[0] +
                                 " to, or add `force` to ban it from where it runs");
        }
        TRY(const std::string from, only_node_of(*seen, args[0]));
        return ban_from(shell, args[0], from);
    }
    TRY([[maybe_unused]] const auto* node, need_node(*seen, args[1]));
    manager::Location prefer{"cli-prefer-" + args[0], args[0], args[1], manager::Score::infinity()};
    std::vector<manager::Edit> edits;
    const std::string ban = "cli-ban-" + args[0] + "-on-" + args[1];
    if (seen->configuration.kind_of(ban) == "location") edits.emplace_back(manager::Delete{ban});
    edits.emplace_back(manager::PutLocation{std::move(prefer), true});
    TRY_OK(shell.edit(std::move(edits)));
    shell.info_when_done("Move constraint created for " + args[0] + " to " + args[1]);
    shell.info_when_done("Use `" + shell.options().program + " resource clear " + args[0] +
                         "` to remove this constraint.");
    return base::ok();
}

base::Status ban(Shell& shell, const Words& words) {
    bool force = false;
    TRY(const Words args, target_words(shell, words, force));
    TRY(const StatusReply* seen, shell.seen());
    TRY_OK(need_resource(seen->configuration, args[0]));
    std::string node;
    if (args.size() == 2) {
        TRY(const auto* found, need_node(*seen, args[1]));
        node = found->name;
    } else {
        TRY(node, only_node_of(*seen, args[0]));
    }
    return ban_from(shell, args[0], node);
}

base::Status clear(Shell& shell, const Words& words) {
    TRY(const manager::Configuration* config, shell.working());
    TRY_OK(need_resource(*config, words[1]));
    std::vector<manager::Edit> edits;
    for (const manager::Location& location : config->locations) {
        const bool prefer = location.id == "cli-prefer-" + words[1];
        const bool banned = location.id == "cli-ban-" + words[1] + "-on-" + location.node;
        const bool here = words.size() == 2 || location.node == words[2];
        if (location.resource != words[1] || !here || !(prefer || banned)) continue;
        shell.info_when_done("Removed migration constraint " + location.id);
        edits.emplace_back(manager::Delete{location.id});
    }
    return edits.empty() ? base::ok() : shell.edit(std::move(edits));
}

// --- param, meta: show, set, delete one attribute

base::Status attribute(Shell& shell, const Words& words, manager::Attributes manager::Primitive::*which) {
    const std::string usage = "usage: " + shell.options().program + " resource " + words[0] +
                              " RESOURCE set NAME VALUE | show NAME | delete NAME";
    TRY(const manager::Configuration* config, shell.working());
    TRY_OK(need_resource(*config, words[1]));
    manager::Primitive primitive = *config->primitive(words[1]);
    manager::Attributes& attributes = primitive.*which;
    const auto found = attributes.find(words[3]);
    if (words[2] == "show" && words.size() == 4) {
        if (found == attributes.end()) {
            return base::Error{base::Errc::not_found,
                               words[1] + " has no " + words[0] + " " + words[3] + " of its own"};
        }
        shell.out() << found->second << "\n";
        return base::ok();
    }
    if (words[2] == "set" && words.size() == 5) {
        attributes[words[3]] = words[4];
    } else if (words[2] == "delete" && words.size() == 4) {
        if (found == attributes.end()) {
            return base::Error{base::Errc::not_found,
                               words[1] + " has no " + words[0] + " " + words[3] + " of its own"};
        }
        attributes.erase(found);
    } else {
        return base::invalid(usage);
    }
    std::vector<std::string> advice;
    TRY_OK(check_agent(shell.agents(), primitive, advice));
    return shell.edit({manager::PutPrimitive{std::move(primitive), true}});
}
base::Status param(Shell& shell, const Words& words) {
    return attribute(shell, words, &manager::Primitive::params);
}
base::Status meta(Shell& shell, const Words& words) {
    return attribute(shell, words, &manager::Primitive::meta);
}

base::Status constraints(Shell& shell, const Words& words) {
    TRY(const manager::Configuration* config, shell.working());
    TRY_OK(need_resource(*config, words[1]));
    const std::string& id = words[1];
    for (const auto& each : config->locations) {
        if (each.resource == id) shell.out() << show_object(*config, each.id, {});
    }
    for (const auto& each : config->colocations) {
        if (each.resource == id || each.with == id) shell.out() << show_object(*config, each.id, {});
    }
    for (const auto& each : config->orders) {
        if (each.first == id || each.then == id) shell.out() << show_object(*config, each.id, {});
    }
    return base::ok();
}

// failcount RESOURCE show|delete NODE
base::Status failcount(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    TRY_OK(need_resource(seen->configuration, words[1]));
    TRY(const manager::NodeStatus* node, need_node(*seen, words[3]));
    if (words[2] == "delete") return cleanup(shell, {"cleanup", words[1], words[3]});
    if (words[2] != "show") {
        return base::invalid("usage: " + shell.options().program +
                             " resource failcount RESOURCE show|delete NODE");
    }
    const auto found = node->resources.find(words[1]);
    const std::uint32_t count = found == node->resources.end() ? 0 : found->second.fail_count;
    const bool banned = count >= static_cast<std::uint32_t>(manager::Score::kInfinity);
    shell.out() << "scope=status  name=fail-count-" << words[1]
                << " value=" << (banned ? "INFINITY" : std::to_string(count)) << "\n";
    return base::ok();
}

}  // namespace

Level resource_level() {
    Level level{"resource", "", "starts, stops and moves resources", {}};
    level.commands = {
        {"status", "show list", "[RESOURCE...]", "where resources run", 0, kAny, show_resources},
        {"start", "", "RESOURCE...", "starts resources (target-role=Started)", 1, kAny, start},
        {"stop", "", "RESOURCE...", "stops resources (target-role=Stopped)", 1, kAny, stop},
        {"restart", "", "RESOURCE...", "stops resources, waits, and starts them again", 1, kAny, restart},
        {"move", "migrate", "RESOURCE [NODE] [force]", "moves a resource by a location (undo: clear)", 1, 3,
         move},
        {"ban", "", "RESOURCE [NODE]", "keeps a resource away from a node (undo: clear)", 1, 3, ban},
        {"clear", "unmove unban unmigrate", "RESOURCE [NODE]", "removes what move and ban added", 1, 2,
         clear},
        {"cleanup", "", "[RESOURCE [NODE]]", "forgets failures and looks again", 0, 3, cleanup},
        {"refresh", "reprobe", "[RESOURCE [NODE]]", "the same as cleanup", 0, 3, cleanup},
        {"locate", "", "RESOURCE...", "where resources run", 1, kAny, show_resources},
        {"manage", "", "RESOURCE...", "the cluster starts and stops them again", 1, kAny, manage},
        {"unmanage", "", "RESOURCE...", "the cluster keeps its hands off them", 1, kAny, unmanage},
        {"meta", "", "RESOURCE set|show|delete NAME [VALUE]", "a meta attribute of a resource", 3, 4, meta},
        {"param", "", "RESOURCE set|show|delete NAME [VALUE]", "a parameter of a resource", 3, 4, param},
        {"failcount", "", "RESOURCE show|delete NODE", "failures that count against a node", 3, 3, failcount},
        {"constraints", "", "RESOURCE", "constraints that name a resource", 1, 1, constraints},
    };
    add_unsupported(level, {"promote", "demote", "scores", "operations", "utilization", "secret",
                            "maintenance", "trace", "untrace"});
    return level;
}

}  // namespace tools

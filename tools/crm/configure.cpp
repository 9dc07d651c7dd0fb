// The level "configure": statements of the configuration language, and commands on the configuration as a
// whole.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "manager/cib/configure.hpp"
#include "manager/cib/import.hpp"
#include "manager/model/idle.hpp"
#include "manager/model/options.hpp"
#include "tools/crm/levels.hpp"
#include "tools/crm/statement.hpp"

namespace tools {
namespace {

// Agents that the edits bring in: missing ones and wrong parameters are errors (with -F: warnings).
base::Status check_agents(Shell& shell, const std::vector<manager::Edit>& edits) {
    for (const manager::Edit& edit : edits) {
        const auto* put = std::get_if<manager::PutPrimitive>(&edit);
        if (put == nullptr) continue;
        std::vector<std::string> advice;
        if (const auto checked = check_agent(shell.agents(), put->value, advice); !checked) {
            if (!shell.options().force) return checked.error();
            shell.warn(checked.error().message);
        }
        for (const std::string& line : advice) shell.warn(line);
    }
    return base::ok();
}

// Names that this version does not know are kept, as Pacemaker keeps them; most are misspelt.
void warn_of_unknown(Shell& shell, const std::vector<manager::Edit>& edits) {
    const auto warn = [&shell](const std::string& what, const std::string& name) {
        shell.warn(what + " " + name + " is unknown to this version: it is kept, and has no effect");
    };
    for (const manager::Edit& edit : edits) {
        if (const auto* set = std::get_if<manager::SetOption>(&edit)) {
            const bool property = set->section == manager::Section::properties;
            const bool known = property ? manager::find_property(set->name) != nullptr
                               : set->section == manager::Section::op_defaults
                                   ? manager::find_operation_attribute(set->name) != nullptr
                                   : manager::find_meta(set->name) != nullptr;
            if (!known) warn(property ? "property" : "default", set->name);
        }
        if (const auto* put = std::get_if<manager::PutPrimitive>(&edit)) {
            for (const auto& [name, value] : put->value.meta) {
                if (manager::find_meta(name) == nullptr) warn("primitive " + put->value.id + ": meta", name);
            }
        }
    }
}

// The configuration with an entry for each node that the daemon knows: people look for them there.
manager::Configuration with_nodes(const StatusReply& seen, manager::Configuration config) {
    if (seen.local.node_id.value == 0) return config;
    for (const auto& [id, node] : seen.status.nodes) {
        const auto at = std::find_if(config.nodes.begin(), config.nodes.end(),
                                     [&name = node.name](const auto& object) { return object.name == name; });
        if (at == config.nodes.end()) {
            config.nodes.push_back({node.name, id.value, {}});
        } else {
            at->id = id.value;
        }
    }
    return config;
}

StatementContext context_for(Shell& shell, const manager::Configuration& current, bool replace) {
    return {current, [&shell](const std::string& text) { return resolve_agent(shell.agents(), text); },
            replace};
}

base::Status statement(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    TRY(const manager::Configuration* working, shell.working());
    const manager::Configuration current = with_nodes(*seen, *working);
    TRY(auto edits, parse_statement(words, context_for(shell, current, false)));
    TRY_OK(check_agents(shell, edits));
    warn_of_unknown(shell, edits);
    return shell.edit(std::move(edits));
}

base::Status show(Shell& shell, const Words& words) {
    TRY(const StatusReply* seen, shell.seen());
    TRY(const manager::Configuration* working, shell.working());
    const manager::Configuration config = with_nodes(*seen, *working);
    if (words.size() == 1) {
        shell.out() << show_configuration(config, {});
        return base::ok();
    }
    if (words[1] == "xml" || words[1] == "changed")
        return base::invalid("not yet supported: configure show " + words[1]);
    std::string text;
    for (auto id = words.begin() + 1; id != words.end(); ++id) {
        const std::string one = show_object(config, *id, {});
        if (one.empty())
            return base::Error{base::Errc::not_found, "there is no object " + *id + " in the configuration"};
        text += one;
    }
    shell.out() << text;
    return base::ok();
}

base::Status save(Shell& shell, const Words& words) {
    TRY(const manager::Configuration* config, shell.working());
    const std::string text = show_configuration(*config, {true});
    if (words[1] == "-") {
        shell.out() << text;
        return base::ok();
    }
    // Passwords are in it: nobody else may read it, from the first moment.
    const mode_t before = umask(077);
    std::ofstream file(words[1], std::ios::binary | std::ios::trunc);
    umask(before);
    file << text;
    file.close();
    if (!file) return base::Error{base::Errc::io, "cannot write " + words[1]};
    return base::ok();
}

base::Result<std::string> read_all(const std::string& name) {
    std::ostringstream text;
    if (name == "-") {
        text << std::cin.rdbuf();
        return text.str();
    }
    std::ifstream file(name, std::ios::binary);
    if (!file) return base::Error{base::Errc::not_found, "cannot read " + name};
    std::error_code trouble;
    if (!std::filesystem::is_regular_file(name, trouble) && !std::filesystem::is_fifo(name, trouble))
        return base::invalid("cannot load " + name + ": it is no file");
    text << file.rdbuf();
    if (file.bad()) return base::Error{base::Errc::io, "cannot read " + name};
    return text.str();
}

base::Result<std::vector<manager::Edit>> edits_of_xml(Shell& shell, const std::string& text,
                                                      const std::string& name) {
    const auto document = manager::cib::import_cib(text);
    if (!document) return document.error().with(name);
    auto edits = manager::cib::edits_of(*document);
    if (!edits) {
        return base::invalid(name + ": nothing was loaded, because not all of it can be:\n" +
                             edits.error().message);
    }
    TRY_OK(check_agents(shell, *edits));
    return edits;
}

// load [xml] [update|replace] FILE|-: all of the file, or nothing.
base::Status load(Shell& shell, const Words& words) {
    const bool xml = words[1] == "xml" && words.size() > 2;
    const std::string how = words.size() - (xml ? 1 : 0) == 3 ? words[words.size() - 2] : "update";
    if (how != "update" && how != "replace") return base::invalid("not yet supported: configure load " + how);
    if (words.size() == 4 && !xml) return base::invalid("not yet supported: configure load " + words[1]);
    const std::string& name = words.back();
    TRY(const std::string text, read_all(name));
    TRY(const manager::Configuration* current, shell.working());
    TRY(auto all, xml ? edits_of_xml(shell, text, name)
                      : parse_script(text, name, context_for(shell, *current, true),
                                     [&shell](const auto& edits) { return check_agents(shell, edits); }));
    if (how == "replace" && all.empty()) {
        return base::invalid(name +
                             " holds no statement: nothing was replaced. To empty the configuration: `" +
                             shell.options().program + " configure erase`");
    }
    warn_of_unknown(shell, all);
    if (how == "replace") all.insert(all.begin(), manager::Erase{});
    if (const auto done = shell.edit(std::move(all)); !done) return done.error().with(name);
    return base::ok();
}

// The edit that deletes `name`: an object, or a property or default of that name, or a whole section by its
// id.
base::Result<std::vector<manager::Edit>> deletion(const manager::Configuration& config,
                                                  const std::string& name) {
    if (!config.kind_of(name).empty()) return std::vector<manager::Edit>{manager::Delete{name}};
    struct Part {
        manager::Section section;
        const manager::Attributes* options;
        std::string_view id;
    };
    const Part parts[] = {{manager::Section::properties, &config.properties, "cib-bootstrap-options"},
                          {manager::Section::rsc_defaults, &config.rsc_defaults, "rsc-options"},
                          {manager::Section::op_defaults, &config.op_defaults, "op-options"}};
    std::vector<manager::Edit> edits;
    for (const Part& part : parts) {
        for (const auto& [option, value] : *part.options) {
            if (name == part.id || name == option)
                edits.emplace_back(manager::SetOption{part.section, option, ""});
        }
        if (!edits.empty()) return edits;
    }
    return base::Error{base::Errc::not_found, "there is no object " + name + " in the configuration"};
}

void tell_hanging(Shell& shell, const manager::Configuration& config, const std::string& id) {
    const auto tell = [&shell](const char* kind, const std::string& constraint) {
        shell.info_when_done(std::string(kind) + " " + constraint + " went with it");
    };
    for (const auto& each : config.locations) {
        if (each.resource == id) tell("location", each.id);
    }
    for (const auto& each : config.colocations) {
        if (each.resource == id || each.with == id) tell("colocation", each.id);
    }
    for (const auto& each : config.orders) {
        if (each.first == id || each.then == id) tell("order", each.id);
    }
}

// A running managed resource is not deleted behind its back: with -F it is stopped first, otherwise the
// change is refused.
base::Status stop_before_delete(Shell& shell, const Words& ids, bool force) {
    TRY(const StatusReply* seen, shell.seen());
    std::vector<manager::Edit> stops;
    for (const std::string& id : ids) {
        const manager::Primitive* primitive = seen->configuration.primitive(id);
        if (primitive == nullptr || !is_managed(seen->configuration, *primitive) ||
            active_nodes(*seen, id).empty())
            continue;
        if (!force) {
            return base::Error{base::Errc::conflict,
                               "resource " + id + " is running, can't delete it: stop it first with `" +
                                   shell.options().program + " -w resource stop " + id + "`"};
        }
        stops.emplace_back(manager::SetMeta{id, "target-role", "Stopped"});
    }
    if (stops.empty()) return base::ok();
    if (shell.has_edits())
        return base::Error{base::Errc::conflict, "commit the changes so far before deleting what runs"};
    shell.forget_edits();
    return shell.change_and_wait(std::move(stops));
}

base::Status remove(Shell& shell, const Words& words) {
    Words ids;
    bool force = shell.options().force;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        if (*word == "--force" || *word == "-f") {
            force = true;
        } else {
            ids.push_back(*word);
        }
    }
    if (ids.empty())
        return base::invalid("an id is missing: " + shell.options().program + " configure delete ID...");
    TRY_OK(stop_before_delete(shell, ids, force));
    TRY(const manager::Configuration* config, shell.working());
    std::vector<manager::Edit> all;
    for (const std::string& id : ids) {
        TRY(auto edits, deletion(*config, id));
        std::move(edits.begin(), edits.end(), std::back_inserter(all));
        tell_hanging(shell, *config, id);
    }
    return shell.edit(std::move(all));
}

base::Status erase(Shell& shell, const Words& words) {
    if (words.size() == 2) return base::invalid("not yet supported: configure erase " + words[1]);
    TRY(const StatusReply* seen, shell.seen());
    for (const manager::Primitive& primitive : seen->configuration.primitives) {
        const auto nodes = active_nodes(*seen, primitive.id);
        if (nodes.empty() || !is_managed(seen->configuration, primitive)) continue;
        return base::Error{base::Errc::conflict,
                           "resource " + primitive.id + " is running on " + joined(nodes, ", ") +
                               ", nothing was erased: stop all with `" + shell.options().program +
                               " -w configure property stop-all-resources=true` first"};
    }
    return shell.edit({manager::Erase{}});
}

base::Status commit(Shell& shell, const Words& words) {
    if (words.size() == 2 && words[1] != "force")
        return base::invalid("not yet supported: configure commit " + words[1]);
    return shell.commit();
}

base::Status refresh(Shell& shell, const Words& /*words*/) {
    shell.forget_edits();
    return base::ok();
}

base::Status get_property(Shell& shell, const Words& words) {
    TRY(const manager::Configuration* config, shell.working());
    const std::string value = manager::property_value(*config, words[1]);
    if (value.empty())
        return base::Error{base::Errc::not_found, "property " + words[1] + " is not set and has no default"};
    shell.out() << value << "\n";
    return base::ok();
}

}  // namespace

base::Status verify(Shell& shell, const Words& /*words*/) {
    TRY(const manager::Configuration* config, shell.working());
    TRY_OK(manager::apply_edits(*config, {}));
    std::vector<std::string> reasons;
    for (const manager::Primitive& primitive : config->primitives) {
        std::vector<std::string> advice;
        const auto checked = check_agent(shell.agents(), primitive, advice);
        if (!checked) reasons.push_back(checked.error().message);
        for (const std::string& line : advice) shell.warn(line);
    }
    for (const std::string& line : manager::idle_options(*config)) shell.warn(line);
    if (!reasons.empty()) return base::invalid(joined(reasons, "\n"));
    return base::ok();
}

Level configure_level() {
    Level level{"configure", "", "the configuration of the cluster", {}};
    level.commands = {
        {"primitive", "", "ID AGENT [params N=V...] [meta N=V...] [op NAME N=V...]...", "a resource", 0, kAny,
         statement},
        {"location", "", "ID RESOURCE SCORE: NODE", "how much a resource likes a node", 0, kAny, statement},
        {"colocation", "collocation", "ID SCORE: RESOURCE WITH", "a resource runs where another one runs", 0,
         kAny, statement},
        {"order", "", "ID [KIND:] FIRST THEN", "a resource starts after another one", 0, kAny, statement},
        {"property", "", "NAME=VALUE...", "options of the cluster", 0, kAny, statement},
        {"rsc_defaults", "", "NAME=VALUE...", "meta attributes of all resources", 0, kAny, statement},
        {"op_defaults", "", "NAME=VALUE...", "attributes of all operations", 0, kAny, statement},
        {"node", "", "[ID:] NAME [attributes N=V...]", "a node and its lasting attributes", 0, kAny,
         statement},
        {"monitor", "", "RESOURCE INTERVAL[:TIMEOUT]", "adds a monitor to a resource", 0, kAny, statement},
        {"show", "", "[ID...]", "prints the configuration, or objects of it", 0, kAny, show},
        {"delete", "rm remove", "ID...", "deletes objects, properties or defaults", 1, kAny, remove},
        {"erase", "", "", "deletes all but the nodes", 0, 1, erase},
        {"load", "", "[xml] [update|replace] FILE|-",
         "takes statements from a file, or a Pacemaker CIB, all or none", 1, 3, load},
        {"save", "", "FILE|-", "writes the configuration with its passwords", 1, 1, save},
        {"verify", "", "", "checks the configuration and its agents, names options without effect", 0, 0,
         verify},
        {"commit", "", "", "makes the changes of this level take effect", 0, 1, commit},
        {"refresh", "", "", "forgets the changes of this level", 0, 0, refresh},
        {"get_property", "get-property", "NAME", "prints a property or its default", 1, 1, get_property},
    };
    add_unsupported(level, {"group",
                            "clone",
                            "ms",
                            "master",
                            "bundle",
                            "rsc_template",
                            "rsc_ticket",
                            "fencing_topology",
                            "tag",
                            "alert",
                            "role",
                            "user",
                            "acl_target",
                            "acl_group",
                            "xml",
                            "modgroup",
                            "rename",
                            "edit",
                            "filter",
                            "set",
                            "validate-all",
                            "ptest",
                            "simulate",
                            "graph",
                            "default-timeouts",
                            "rsctest",
                            "schema",
                            "upgrade",
                            "template",
                            "assist",
                            "cib",
                            "cibstatus",
                            "history"});
    return level;
}

}  // namespace tools

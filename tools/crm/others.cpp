// The top of the crm language, and its small levels: ra, cluster, corosync, maintenance.
#include <algorithm>
#include <utility>

#include "tools/crm/levels.hpp"
#include "tools/crm/statement.hpp"
#include "tools/view/ring.hpp"
#include "tools/view/status.hpp"

namespace tools {

namespace {

// status [inactive] [bynode] [-r] [-n] [-V] [-1] [--json]
base::Status status(Shell& shell, const Words& words) {
    StatusStyle style;
    bool json = false;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        if (*word == "--json" || *word == "json") {
            json = true;
        } else if (*word == "bynode" || *word == "-n" || *word == "--group-by-node") {
            style.by_node = true;
        } else if (*word == "verbose" || *word == "-V" || *word == "full") {
            style.verbose = true;
        } else if (*word != "inactive" && *word != "-r" && *word != "--inactive" && *word != "-1" &&
                   *word != "--one-shot") {
            return base::invalid("status does not know '" + *word +
                                 "': it takes -n (by node), -V (more) and --json");
        }
    }
    TRY(const StatusReply reply, shell.status());
    if (json) {
        shell.out() << status_json(reply);
        return base::ok();
    }
    style.colour = shell.options().colour;
    style.now = shell.streams().now();
    style.time_text = shell.streams().time_text;
    shell.out() << render_status(reply, style);
    return base::ok();
}

// --- ra

base::Status ra_classes(Shell& shell, const Words& /*words*/) {
    for (const auto& each : shell.agents().classes()) {
        shell.out() << each.standard << (each.providers.empty() ? "" : " / " + joined(each.providers))
                    << "\n";
    }
    return base::ok();
}

base::Result<::agents::AgentClass> need_class(Shell& shell, const std::string& standard) {
    std::vector<std::string> names;
    for (const auto& each : shell.agents().classes()) {
        if (each.standard == standard) return each;
        names.push_back(each.standard);
    }
    return base::Error{base::Errc::not_found,
                       "there is no class of resource agents " + standard + ": " + alternatives(names)};
}

base::Status ra_list(Shell& shell, const Words& words) {
    const std::string provider = words.size() == 3 ? words[2] : "";
    TRY(const auto found, need_class(shell, words[1]));
    const auto& providers = found.providers;
    if (!provider.empty() && std::find(providers.begin(), providers.end(), provider) == providers.end()) {
        return base::Error{base::Errc::not_found,
                           "class " + words[1] + " has no provider " + provider +
                               (providers.empty() ? "" : ": " + alternatives(providers))};
    }
    for (const std::string& type : shell.agents().types(words[1], provider)) shell.out() << type << "\n";
    return base::ok();
}

base::Status ra_providers(Shell& shell, const Words& words) {
    if (words.size() == 3 && words[2] != "ocf")
        return base::invalid("only agents of class ocf have providers");
    const auto providers = shell.agents().providers(words[1]);
    if (providers.empty()) return base::Error{base::Errc::not_found, "no provider has an agent " + words[1]};
    shell.out() << joined(providers) << "\n";
    return base::ok();
}

// Each line of the text with four blanks before it.
std::string indented(const std::string& text) {
    std::string out = text.empty() ? "" : "    ";
    for (const char c : text) {
        out += c;
        if (c == '\n') out += "    ";
    }
    return out;
}

base::Status ra_info(Shell& shell, const Words& words) {
    TRY(const manager::AgentName agent, resolve_agent(shell.agents(), words[1]));
    TRY(const ::agents::Metadata about, shell.agents().metadata(agent, {}));
    std::ostream& out = shell.out();
    out << about.short_text << " (" << to_string(agent) << ")\n\n"
        << about.long_text << "\n\nParameters (*: required, []: default):\n\n";
    for (const auto& parameter : about.parameters) {
        out << parameter.name << (parameter.required ? "*" : "") << " ("
            << (parameter.type.empty() ? "string" : parameter.type)
            << (parameter.default_value ? ", [" + *parameter.default_value + "]" : "")
            << "): " << parameter.short_text << "\n"
            << indented(parameter.long_text) << "\n\n";
    }
    out << "Operations' advised timeouts:\n\n";
    for (const auto& action : about.actions) {
        out << "    " << action.name << " timeout=" << action.timeout;
        if (!action.interval.empty()) out << " interval=" << action.interval;
        if (!action.role.empty()) out << " role=" << action.role;
        out << "\n";
    }
    return base::ok();
}

// --- cluster, corosync, maintenance

base::Status start_daemon(Shell& /*shell*/, const Words& /*words*/) {
    return base::invalid("custosd is started by the system: systemctl start custos");
}

base::Status maintenance_on(Shell& shell, const Words& /*words*/) {
    return shell.edit({manager::SetOption{manager::Section::properties, "maintenance-mode", "true"}});
}
base::Status maintenance_off(Shell& shell, const Words& /*words*/) {
    return shell.edit({manager::SetOption{manager::Section::properties, "maintenance-mode", "false"}});
}

}  // namespace

// status [--json]
base::Status ring_status(Shell& shell, const Words& words) {
    const bool json = words.size() > 1;
    if (json && words[1] != "--json" && words[1] != "json")
        return base::invalid("the ring's status does not know '" + words[1] + "': it takes --json");
    TRY(const Reply reply, shell.ask(GetRing{}));
    const auto* ring = std::get_if<RingReply>(&reply);
    if (ring == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    shell.out() << (json ? ring_json(*ring) : render_ring(*ring, shell.streams().time_text));
    return base::ok();
}

base::Status stop_daemon(Shell& shell, const Words& words) {
    if (words.size() > 1) return base::invalid("not yet supported: stopping other nodes: run it there");
    if (const auto reply = shell.ask(Shutdown{}); !reply) return reply.error();
    shell.info("custosd handed over what ran here, left the ring and ended");
    return base::ok();
}

Level top_level() {
    Level level{"", "", "", {}};
    level.commands = {
        {"status", "", "[-n] [-V] [--json]", "nodes, resources, failures", 0, kAny, status},
        {"verify", "", "", "checks the configuration and its agents, names options without effect", 0, 0,
         verify},
    };
    add_unsupported(level, {"report", "cib", "cibstatus", "history", "options", "script", "site", "sbd"});
    return level;
}

Level ra_level() {
    Level level{"ra", "", "the resource agents of this node", {}};
    level.commands = {
        {"classes", "", "", "classes and providers", 0, 0, ra_classes},
        {"list", "", "CLASS [PROVIDER]", "agents of a class", 1, 2, ra_list},
        {"providers", "", "TYPE [CLASS]", "who provides an agent", 1, 2, ra_providers},
        {"info", "meta", "[CLASS:[PROVIDER:]]TYPE", "parameters and operations of an agent", 1, 1, ra_info},
    };
    add_unsupported(level, {"validate"});
    return level;
}

Level cluster_level() {
    Level level{"cluster", "", "the daemon of this node", {}};
    level.commands = {
        {"status", "", "[--json]", "ring, links and membership changes", 0, 1, ring_status},
        {"stop", "", "", "hands over what runs here and stops the daemon", 0, kAny, stop_daemon},
        {"start", "", "", "says how the daemon is started", 0, kAny, start_daemon},
    };
    add_unsupported(level, {"init", "join", "remove", "delete", "restart", "enable", "disable", "health",
                            "rename", "copy", "diff", "run", "wait_for_startup", "crash_test", "geo_init",
                            "geo_join", "geo_init_arbitrator"});
    return level;
}

Level corosync_level() {
    Level level{"corosync", "", "the ring", {}};
    level.commands = {{"status", "", "[--json]", "ring, links and membership changes", 0, 1, ring_status}};
    add_unsupported(level, {"reload", "push", "pull", "diff", "edit", "show", "log", "get", "set"});
    return level;
}

Level maintenance_level() {
    Level level{"maintenance", "", "hands off all resources", {}};
    level.commands = {
        {"on", "", "", "the cluster starts and stops nothing", 0, 0, maintenance_on},
        {"off", "", "", "the cluster works again", 0, 0, maintenance_off},
    };
    add_unsupported(level, {"action"});
    return level;
}

}  // namespace tools

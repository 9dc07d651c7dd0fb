#include "agents/ocf/discovery.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>

namespace agents {

namespace fs = std::filesystem;

namespace {

constexpr const char* kServiceSuffix = ".service";
constexpr const char* kFencePrefix = "fence_";

// One component of a path, not hidden: names come from the configuration.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

std::vector<fs::directory_entry> entries(const fs::path& directory) {
    std::vector<fs::directory_entry> found;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (is_plain_name(at->path().filename())) found.push_back(*at);
    }
    return found;
}

bool is_program(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

void add_programs(const fs::path& directory, std::set<std::string>& into) {
    for (const auto& entry : entries(directory)) {
        if (is_program(entry.path())) into.insert(entry.path().filename());
    }
}

std::set<std::string> providers(const AgentDirectories& directories) {
    std::set<std::string> found;
    for (const auto& root : directories.ocf) {
        for (const auto& entry : entries(root)) {
            std::error_code error;
            if (entry.is_directory(error)) found.insert(entry.path().filename());
        }
    }
    return found;
}

std::set<std::string> units(const AgentDirectories& directories) {
    std::set<std::string> found;
    for (const auto& directory : directories.systemd_units) {
        for (const auto& entry : entries(directory)) {
            if (entry.path().extension() == kServiceSuffix) found.insert(entry.path().stem());
        }
    }
    return found;
}

std::set<std::string> fence_agents(const AgentDirectories& directories) {
    std::set<std::string> all;
    std::set<std::string> found;
    add_programs(directories.fence_agents, all);
    for (const auto& name : all) {
        if (name.rfind(kFencePrefix, 0) == 0) found.insert(name);
    }
    return found;
}

base::Error missing(const manager::AgentName& agent, const std::string& where) {
    std::string name = agent.standard + ":" + agent.type;
    if (!agent.provider.empty()) name = agent.standard + ":" + agent.provider + ":" + agent.type;
    return {base::Errc::not_found,
            "agent " + name + " is not installed on this node (looked for " + where + ")"};
}

base::Result<AgentProgram> find_ocf(const AgentDirectories& directories, const manager::AgentName& agent) {
    std::string where;
    for (const auto& root : directories.ocf) {
        const fs::path path = root / agent.provider / agent.type;
        if (is_program(path)) return AgentProgram{"ocf", path};
        where += (where.empty() ? "" : ", ") + path.string();
    }
    return missing(agent, where);
}

base::Result<AgentProgram> find_unit(const AgentDirectories& directories, const manager::AgentName& agent) {
    std::error_code error;
    if (!fs::exists(directories.systemd_running, error)) {
        return base::Error{base::Errc::not_found, "systemd does not run on this node: " + agent.type +
                                                      " cannot be managed as a systemd unit here"};
    }
    const std::string unit = unit_name(agent.type);
    std::vector<std::string> names{unit};
    // foo@bar.service is served by the template foo@.service
    if (const auto at = unit.find('@'); at != std::string::npos) {
        names.push_back(unit.substr(0, at + 1) + unit.substr(unit.rfind('.')));
    }
    for (const auto& directory : directories.systemd_units) {
        for (const auto& name : names) {
            if (fs::exists(directory / name, error)) return AgentProgram{"systemd", directory / name};
        }
    }
    return missing(agent, "the unit " + unit);
}

}  // namespace

AgentDirectories default_directories(const fs::path& own) {
    AgentDirectories directories;
    directories.ocf = {"/usr/lib/ocf/resource.d", own.empty() ? fs::path(CUSTOS_OCF_DIRECTORY) : own};
    return directories;
}

std::vector<AgentClass> list_classes(const AgentDirectories& directories) {
    const auto found = providers(directories);
    return {{"lsb", {}},
            {"ocf", {found.begin(), found.end()}},
            {"service", {}},
            {"stonith", {}},
            {"systemd", {}}};
}

std::vector<std::string> list_types(const AgentDirectories& directories, const std::string& standard,
                                    const std::string& provider) {
    std::set<std::string> found;
    if (standard == "ocf" && (provider.empty() || is_plain_name(provider))) {
        const auto wanted = provider.empty() ? providers(directories) : std::set<std::string>{provider};
        for (const auto& root : directories.ocf) {
            for (const auto& name : wanted) add_programs(root / name, found);
        }
    }
    if (standard == "lsb" || standard == "service") add_programs(directories.init_scripts, found);
    if (standard == "systemd" || standard == "service") found.merge(units(directories));
    if (standard == "stonith") found = fence_agents(directories);
    return {found.begin(), found.end()};
}

std::vector<std::string> list_providers(const AgentDirectories& directories, const std::string& type) {
    std::vector<std::string> found;
    for (const auto& provider : providers(directories)) {
        if (find_agent(directories, {"ocf", provider, type})) found.push_back(provider);
    }
    return found;
}

std::string unit_name(const std::string& type) {
    for (const char* suffix : {kServiceSuffix, ".socket", ".mount", ".timer", ".path", ".target"}) {
        if (type.ends_with(suffix)) return type;
    }
    return type + kServiceSuffix;
}

base::Result<AgentProgram> find_agent(const AgentDirectories& directories, const manager::AgentName& agent) {
    if (!is_plain_name(agent.type) || (agent.standard == "ocf" && !is_plain_name(agent.provider))) {
        return missing(agent, "a plain name");
    }
    if (agent.standard == "ocf") return find_ocf(directories, agent);
    if (agent.standard == "systemd") return find_unit(directories, agent);
    if (agent.standard == "service") {
        auto unit = find_unit(directories, agent);
        if (unit) return unit;
    }
    const bool fence = agent.standard == "stonith";
    if (!fence && agent.standard != "lsb" && agent.standard != "service") {
        return base::Error{base::Errc::not_found, "unknown class " + agent.standard +
                                                      ": expected ocf, systemd, lsb, service or stonith"};
    }
    const fs::path path = (fence ? directories.fence_agents : directories.init_scripts) / agent.type;
    if (is_program(path)) return AgentProgram{fence ? "stonith" : "lsb", path};
    return missing(agent, path.string());
}

}  // namespace agents

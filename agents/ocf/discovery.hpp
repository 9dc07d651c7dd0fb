// Which agents this machine has: an edge that reads directories, nothing else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "manager/model/operation.hpp"
#include "totem/base/result.hpp"

namespace agents {

// Where agents live. The defaults are Debian's places and our own; tests and an uninstalled build tree name
// others.
struct AgentDirectories {
    // Each holds PROVIDER/TYPE executables. The first one that has an agent wins.
    std::vector<std::filesystem::path> ocf;
    std::filesystem::path init_scripts{"/etc/init.d"};
    std::vector<std::filesystem::path> systemd_units{"/etc/systemd/system", "/run/systemd/system",
                                                     "/usr/local/lib/systemd/system",
                                                     "/usr/lib/systemd/system", "/lib/systemd/system"};
    std::filesystem::path fence_agents{"/usr/sbin"};
    std::filesystem::path systemd_running{"/run/systemd/system"};  // exists only where systemd is process 1
};
// The system's directories, then ours as installed. `own` (if not empty) replaces the latter: the source
// tree's agents/ocf/resource.d.
[[nodiscard]] AgentDirectories default_directories(const std::filesystem::path& own = {});

struct AgentClass {
    std::string standard;                // lsb, ocf, service, stonith, systemd
    std::vector<std::string> providers;  // sorted; of ocf only
};
[[nodiscard]] std::vector<AgentClass> list_classes(const AgentDirectories& directories);
// The types of a class, sorted, without doubles; `provider` empty means all of them. An unknown class or
// provider has none.
[[nodiscard]] std::vector<std::string> list_types(const AgentDirectories& directories,
                                                  const std::string& standard,
                                                  const std::string& provider = {});
// Providers that have this type ("crm ra providers TYPE").
[[nodiscard]] std::vector<std::string> list_providers(const AgentDirectories& directories,
                                                      const std::string& type);

// What serves an agent's name on this machine. `standard` is ocf, lsb, systemd or stonith: "service" is
// resolved to one of them.
struct AgentProgram {
    std::string standard;
    std::filesystem::path path;  // systemd: the unit file
};
// Error not_found: says where it was looked for and what would help.
[[nodiscard]] base::Result<AgentProgram> find_agent(const AgentDirectories& directories,
                                                    const manager::AgentName& agent);

// "nginx" -> "nginx.service"; a name with a unit suffix stays.
[[nodiscard]] std::string unit_name(const std::string& type);

}  // namespace agents

#include "tools/crm/offline.hpp"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "tools/crm/statement.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/files.hpp"

namespace tools {
namespace {

base::Result<manager::Configuration> read_configuration(const std::string& path, Agents& agents) {
    if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return manager::Configuration{};
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
    if (file.bad() || !file.is_open()) return base::Error{base::Errc::io, "cannot read " + path};
    const manager::Configuration empty;
    const auto resolve = [&agents](const std::string& name) { return resolve_agent(agents, name); };
    TRY(const auto edits, parse_script(text.str(), path, {empty, resolve, true},
                                       [](const auto& /*edits*/) { return base::ok(); }));
    auto config = manager::apply_edits(empty, edits);
    if (!config) return config.error().with(path);
    return config;
}

// A reader sees the old file or the new one, also when the machine stops in between.
base::Status write_configuration(const std::string& path, const manager::Configuration& config) {
    const std::string text = show_configuration(config, {true});
    return base::replace_file(path, base::as_bytes(text));
}

StatusReply status_of(manager::Configuration config) {
    StatusReply reply;
    reply.local.node = "offline";
    reply.local.phase = kOffline;
    for (const manager::NodeObject& node : config.nodes) {
        manager::NodeStatus status;
        status.name = node.name;
        status.clearance = manager::Clearance::clean;
        status.why = "offline";
        // Nodes without an id get the next free one, for display only.
        std::uint32_t id = node.id != 0 ? node.id : 1;
        while (reply.status.nodes.count({id}) > 0) ++id;
        reply.status.nodes[{id}] = std::move(status);
    }
    reply.configuration = std::move(config);
    return reply;
}

base::Result<Reply> answer(const std::string& path, Agents& agents, const Request& request) {
    if (std::holds_alternative<WaitConverged>(request)) return Reply{Converged{}};
    TRY(manager::Configuration config, read_configuration(path, agents));
    if (std::holds_alternative<GetStatus>(request)) return Reply{status_of(std::move(config))};
    const auto* run = std::get_if<RunCommand>(&request);
    const auto* change = run == nullptr ? nullptr : std::get_if<manager::ChangeConfiguration>(&run->command);
    if (change == nullptr)
        return base::Error{base::Errc::unavailable, "that needs a running cluster, not a file"};
    TRY(const manager::Configuration next, manager::apply_edits(std::move(config), change->edits));
    TRY_OK(write_configuration(path, next));
    return Reply{CommandReply{}};
}

}  // namespace

Ask ask_file(std::string path, Agents& agents) {
    return
        [path = std::move(path), &agents](const Request& request) { return answer(path, agents, request); };
}

}  // namespace tools

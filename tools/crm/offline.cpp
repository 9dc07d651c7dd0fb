#include "tools/crm/offline.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "tools/crm/statement.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"

namespace tools {
namespace {

base::Error io_error(const std::string& what) {
    return {base::Errc::io, what + ": " + std::strerror(errno)};
}

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
    const std::string next = path + ".new";
    const base::Fd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.valid()) return io_error("cannot write " + next);
    base::ByteView left = base::as_bytes(text);
    while (!left.empty()) {
        const ssize_t n = write(fd.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error("cannot write " + next);
        left = left.subspan(static_cast<std::size_t>(n));
    }
    if (fsync(fd.get()) != 0 || rename(next.c_str(), path.c_str()) != 0)
        return io_error("cannot write " + path);
    return base::ok();
}

StatusReply status_of(manager::Configuration config) {
    StatusReply reply;
    reply.local.node = "offline";
    reply.local.phase = "offline";
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

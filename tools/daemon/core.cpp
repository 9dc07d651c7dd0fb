#include "tools/daemon/core.hpp"

#include <unistd.h>

#include <cstdio>

#include "agents/guard/supervisor.hpp"
#include "tools/daemon/daemon.hpp"
#include "tools/daemon/logging.hpp"
#include "totem/base/fd.hpp"

namespace tools {

namespace {

int refuse(const base::Error& error) {
    std::fprintf(stderr, "custosd: %s\n", error.message.c_str());
    return agents::kExitRefused;
}

}  // namespace

base::Result<totem::MasterKeys> read_keys(int fd, const std::string& name) {
    std::string text;
    char chunk[512];
    ssize_t n = 0;
    // Read before, and by a former core: from its start.
    while ((n = ::pread(fd, chunk, sizeof chunk, static_cast<off_t>(text.size()))) > 0) {
        text.append(chunk, static_cast<std::size_t>(n));
        if (text.size() > 65536) break;
    }
    if (n < 0) return base::system_error("cannot read " + name);
    return totem::MasterKeys::parse(text, name);
}

std::string node_file_copy(const CoreOptions& options) {
    return options.state_directory + "/node-file";
}

int run_core(const CoreOptions& options) {
    base::Result<StartFile> file =
        read_start_file(options.config_file, node_file_copy(options), options.restarted);
    if (!file) return refuse(file.error());
    base::Result<totem::MasterKeys> keys = read_keys(options.key_fd, file->config.totem.key_file);
    if (!keys) return refuse(keys.error());
    base::Result<std::unique_ptr<Log>> log = Log::open(file->config.logging);
    if (!log) return refuse(log.error());
    Daemon daemon(options, *std::move(file), *std::move(keys), **log);
    return daemon.run();
}

}  // namespace tools

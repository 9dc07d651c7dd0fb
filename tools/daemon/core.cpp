#include "tools/daemon/core.hpp"

#include <unistd.h>

#include <cstdio>

#include "agents/guard/supervisor.hpp"
#include "membership/config/config.hpp"
#include "tools/daemon/daemon.hpp"
#include "tools/daemon/logging.hpp"
#include "totem/base/fd.hpp"
#include "totem/seal/seal.hpp"

namespace tools {

namespace {

int refuse(const base::Error& error) {
    std::fprintf(stderr, "custosd: %s\n", error.message.c_str());
    return agents::kExitRefused;
}

base::Result<totem::MasterKey> read_key(int fd, const std::string& name) {
    std::string text;
    char chunk[512];
    ssize_t n = 0;
    // guard restarts this process with the same open file: read from its start, whoever read before.
    while ((n = ::pread(fd, chunk, sizeof chunk, static_cast<off_t>(text.size()))) > 0) {
        text.append(chunk, static_cast<std::size_t>(n));
        if (text.size() > 65536) break;
    }
    if (n < 0) return base::system_error("cannot read " + name);
    ::close(fd);
    return totem::MasterKey::parse(text, name);
}

}  // namespace

int run_core(const CoreOptions& options) {
    base::Result<membership::NodeConfig> config = membership::load_config(options.config_file);
    if (!config) return refuse(config.error());
    base::Result<totem::MasterKey> key = read_key(options.key_fd, config->totem.key_file);
    if (!key) return refuse(key.error());
    base::Result<std::unique_ptr<Log>> log = Log::open(config->logging);
    if (!log) return refuse(log.error());
    Daemon daemon(options, *std::move(config), *std::move(key), **log);
    return daemon.run();
}

}  // namespace tools

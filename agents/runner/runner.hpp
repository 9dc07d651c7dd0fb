// The runner's process: runs agents as root for the core. Its own life is short on purpose: it ends with the
// core's end of the socket, kills the operations that run at that moment, and leaves the services alone.
#pragma once

#include <string>

#include "agents/ocf/discovery.hpp"

namespace agents {

struct RunnerOptions {
    AgentDirectories directories;
    std::string key_file, node_file;  // which the core may have written anew; empty: none
    std::size_t limit{0};             // operations at once; 0: twice the number of processors
};

// Serves the core on `fd` (a stream socket; taken over) until it is closed or SIGTERM or SIGINT comes.
// Returns the exit code of the process: 0, or 1 when it could not work at all (said on stderr).
// Single-threaded; blocks the two signals.
[[nodiscard]] int run_runner(int fd, const RunnerOptions& options);

}  // namespace agents

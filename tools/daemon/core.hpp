// The core process of custosd: wires ring thread, node, journal, agents and control socket together on one
// io_context. All decisions are the node's; this carries values between it and the world.
#pragma once

#include <string>

namespace tools {

struct CoreOptions {
    std::string config_file;
    std::string state_directory;
    std::string socket_path;
    int guard_fd{-1}, runner_fd{-1}, key_fd{-1};  // from guard, taken over
    bool restarted{false};                        // by guard: not the first core since custosd was started
};

// Runs until the node has left. Returns the exit code that agents/guard/supervisor.hpp gives a meaning.
[[nodiscard]] int run_core(const CoreOptions& options);

}  // namespace tools

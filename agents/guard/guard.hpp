// guard: the unit's main process and the parent of core and runner. Root, small, real-time; owns the native
// addresses and keeps them while the core is dead or being restarted. It reads nothing but fixed-size packets
// from the core (frames.hpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agents/guard/supervisor.hpp"

namespace agents {

struct GuardOptions {
    // What core and runner are run from: this program itself, with a role.
    //   PROGRAM --role=core --guard-fd=3 --runner-fd=4 --key-fd=5 CORE_ARGUMENTS...
    //   PROGRAM --role=runner --core-fd=3 RUNNER_ARGUMENTS...
    std::string program{"/proc/self/exe"};
    std::vector<std::string> core_arguments, runner_arguments;
    std::string runtime_directory{"/run/custos"};    // made, mode 0755, owned by `user`
    std::string state_directory{"/var/lib/custos"};  // made, mode 0700, owned by `user`
    std::string key_file{
        "/etc/custos/key"};      // must be root's, mode 0400 or 0600; the core gets it open, at its start
    std::string user{"custos"};  // of the core; if there is no such user it runs as root
    bool realtime{true};         // ask for SCHED_RR and locked memory; refusal is a fact, not fatal
    SupervisorPolicy policy;
    // Where others on this machine see the lease (membership/lease/lease_page.hpp), in the runtime directory.
    std::string lease_page{"lease"};
    // A line for the log; without it lines go to stderr.
    std::function<void(const std::string&)> log;
};

// Runs until the core has left for good. Signals: SIGTERM and SIGINT leave in order, SIGHUP is passed on to
// the core. Returns the process's exit code: kExitDone, kExitFailed, kExitRefused. Call it in a
// single-threaded process; it blocks signals for good.
[[nodiscard]] int run_guard(const GuardOptions& options);

}  // namespace agents

// custosd: guard, runner or core, by role. Started without a role it is guard, the unit's main process, which
// starts the two others from this same program (agents/guard/guard.hpp).
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "agents/guard/guard.hpp"
#include "agents/runner/runner.hpp"
#include "membership/config/config.hpp"
#include "tools/daemon/core.hpp"
#include "tools/daemon/logging.hpp"
#include "tools/ipc/control.hpp"

namespace {

struct Options {
    std::string config{membership::kDefaultConfigFile};
    std::string state_directory{"/var/lib/custos"};
    std::string socket{tools::kDefaultSocket};
    std::string user{"custos"};
    std::string agents;  // folder of our own agents, when not the installed one
    std::string role, key_file;
    int guard_fd{-1}, runner_fd{-1}, key_fd{-1}, core_fd{-1};
    bool foreground{false}, restarted{false};
};

int refuse(const base::Error& error) {
    std::fprintf(stderr, "custosd: %s\n", error.message.c_str());
    return agents::kExitRefused;
}

// Everything that can be seen to be wrong beforehand is said on the terminal, before any process is started.
int guard(const Options& options) {
    const base::Result<membership::NodeConfig> config = membership::load_config(options.config);
    if (!config) return refuse(config.error());
    if (const base::Status log = tools::prepare_log_file(config->logging, options.user); !log)
        return refuse(log.error());
    agents::GuardOptions guard;
    guard.core_arguments = {"--config=" + options.config, "--state-directory=" + options.state_directory,
                            "--socket=" + options.socket};
    guard.runner_arguments = {"--config=" + options.config, "--key-file=" + config->totem.key_file};
    if (!options.agents.empty()) guard.runner_arguments.push_back("--agents=" + options.agents);
    guard.state_directory = options.state_directory;
    guard.runtime_directory = options.socket.substr(0, options.socket.rfind('/'));
    guard.key_file = config->totem.key_file;
    guard.user = options.user;
    return agents::run_guard(guard);
}

int runner(const Options& options) {
    agents::RunnerOptions runner;
    runner.directories = agents::default_directories(options.agents);
    runner.key_file = options.key_file;
    runner.node_file = options.config;
    return agents::run_runner(options.core_fd, runner);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{
        "custosd: the Custos cluster daemon of one node.\n"
        "Runs in the foreground as guard, the parent of the runner (agents) and the core (ring and "
        "manager).\n"
        "SIGTERM: hand over the resources and leave in order. SIGHUP: reopen the log.\n"
        "Exit codes: 0 left in order; 1 the core kept dying; 78 the configuration or the environment is "
        "wrong."};
    app.set_version_flag("--version", std::string("custosd ") + CUSTOS_VERSION);
    app.add_option("-c,--config", options.config, "the node file")->capture_default_str();
    app.add_option("--state-directory", options.state_directory, "journal and ring sequence")
        ->capture_default_str();
    app.add_option("--socket", options.socket, "control socket for the command custos")
        ->capture_default_str();
    app.add_option("--user", options.user, "user that the core runs as")->capture_default_str();
    app.add_option("--agents", options.agents, "folder with our own OCF agents (resource.d)");
    app.add_flag("-f,--foreground", options.foreground,
                 "accepted and without effect: custosd never goes to the background");
    app.add_option("--role", options.role)->group("");
    app.add_option("--key-file", options.key_file)->group("");
    app.add_option("--guard-fd", options.guard_fd)->group("");
    app.add_option("--runner-fd", options.runner_fd)->group("");
    app.add_option("--key-fd", options.key_fd)->group("");
    app.add_option("--core-fd", options.core_fd)->group("");
    app.add_flag("--restarted", options.restarted)->group("");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : agents::kExitRefused;
    }
    if (options.role == "runner") return runner(options);
    if (options.role == "core") {
        return tools::run_core({options.config, options.state_directory, options.socket, options.guard_fd,
                                options.runner_fd, options.key_fd, options.restarted});
    }
    return guard(options);
}

// The command `custos`, also called as `crm` (only the crm language), `crm_mon` (only status), and by the
// names of corosync's commands that show something.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "agents/ocf/discovery.hpp"
#include "tools/cli/corosync.hpp"
#include "tools/cli/machine_agents.hpp"
#include "tools/cli/own_levels.hpp"
#include "tools/crm/offline.hpp"
#include "tools/crm/shell.hpp"
#include "tools/ipc/client.hpp"
#include "tools/view/status.hpp"

namespace {

constexpr int kUsage = 64;          // crm_mon: wrong options
constexpr int kDisconnected = 102;  // crm_mon: no cluster on this node

struct Options {
    std::string socket{tools::kDefaultSocket};
    std::string offline, script, agents;
    bool wait{false}, force{false}, never{false}, version{false}, once{false}, inactive{false},
        by_node{false}, verbose{false}, json{false};
    std::vector<std::string> words;
};

std::string from_environment(const char* name, const std::string& otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? otherwise : value;
}

base::WallTime now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

// Beside the control socket.
std::string group_socket(const std::string& socket) {
    return std::filesystem::path(socket).replace_filename("groups.sock");
}

// As crm_mon writes times, in the zone of this machine.
std::string time_text(base::WallTime when) {
    const std::time_t seconds = when.ms / 1000;
    std::tm parts{};
    char text[64];
    if (localtime_r(&seconds, &parts) == nullptr ||
        std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts) == 0)
        return "?";
    return text;
}

tools::Ask ask_daemon(const std::string& socket) {
    return [socket](const tools::Request& request) {
        return tools::call(socket, request, tools::patience_for(request));
    };
}

std::optional<std::string> read_line(const std::string& prompt) {
    std::cout << prompt << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
}

void add_common(CLI::App& app, Options& options) {
    app.add_option("--socket", options.socket, "socket of the daemon (also $CUSTOS_SOCKET)");
    app.add_flag("--version", options.version, "print the version");
}

int run_monitor(const Options& options) {
    const auto reply = ask_daemon(options.socket)(tools::GetStatus{});
    const auto* status = reply ? std::get_if<tools::StatusReply>(&*reply) : nullptr;
    if (status == nullptr) {
        const auto* refused = reply ? std::get_if<tools::Refused>(&*reply) : nullptr;
        std::cerr << "crm_mon: "
                  << (reply ? refused != nullptr ? refused->message : "unexpected answer"
                            : reply.error().message)
                  << "\n";
        return reply || reply.error().code != base::Errc::unavailable ? 1 : kDisconnected;
    }
    if (options.json) {
        std::cout << tools::status_json(*status);
        return 0;
    }
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    std::cout << tools::render_status(*status, {.inactive = options.inactive,
                                                .by_node = options.by_node,
                                                .verbose = options.verbose,
                                                .colour = terminal,
                                                .now = now(),
                                                .time_text = time_text});
    return std::cout.flush() ? 0 : 1;
}

// crm_mon [-1] [-r] [-n] [-V] [--json]
int monitor(int argc, char** argv) {
    Options options;
    options.socket = from_environment("CUSTOS_SOCKET", options.socket);
    CLI::App app(
        "Shows the state of the cluster.\nExit codes: 0 ok, 1 error, 64 wrong options, 102 no cluster on "
        "this node.",
        "crm_mon");
    add_common(app, options);
    app.add_flag("-1,--one-shot", options.once, "print once and end (as always here)");
    app.add_flag("-r,--inactive", options.inactive, "also resources that run nowhere");
    app.add_flag("-n,--group-by-node", options.by_node, "resources under their nodes");
    app.add_flag("-V,--verbose", options.verbose, "also the ring and fail counts");
    app.add_flag("--json", options.json, "as JSON");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsage;
    }
    if (options.version) {
        std::cout << "crm_mon of custos " << CUSTOS_VERSION << "\n";
        return 0;
    }
    return run_monitor(options);
}

// The configuration script from a file, or from standard input.
int run_script(tools::Shell& shell, const Options& options, const std::string& program) {
    std::ostringstream text;
    if (options.script == "-") {
        text << std::cin.rdbuf();
        return shell.run_script(text.str(), "standard input");
    }
    std::ifstream file(options.script, std::ios::binary);
    if (!file) {
        std::cerr << "ERROR: " << program << ": cannot read " << options.script << "\n";
        return 2;
    }
    text << file.rdbuf();
    return shell.run_script(text.str(), options.script);
}

int run_words(const Options& options, const std::string& program) {
    tools::MachineAgents agents(agents::default_directories(options.agents));
    const bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    tools::Shell shell(
        program == "crm" ? tools::crm_levels() : tools::custos_levels(),
        options.offline.empty() ? ask_daemon(options.socket) : tools::ask_file(options.offline, agents),
        agents, {std::cout, std::cerr, read_line, time_text, now},
        {.program = program,
         .wait = options.wait,
         .force = options.force,
         .terminal = terminal && !options.never,
         .colour = isatty(STDOUT_FILENO) == 1,
         .group_socket = group_socket(options.socket)});
    if (!options.script.empty()) return run_script(shell, options, program);
    if (!options.words.empty()) return shell.run(options.words);
    if (terminal) return shell.interact();
    if (isatty(STDIN_FILENO) == 0 && program == "crm") {
        Options from_input = options;
        from_input.script = "-";
        return run_script(shell, from_input, program);
    }
    return shell.run({"help"});
}

int command(int argc, char** argv, const std::string& program) {
    Options options;
    options.socket = from_environment("CUSTOS_SOCKET", options.socket);
    options.agents = from_environment("CUSTOS_AGENTS", "");
    CLI::App app("Administers the cluster: `" + program + " help` lists the commands, `" + program +
                     " help COMMAND` explains one.\nExit codes: 0 done, 1 refused or failed (nothing was "
                     "changed unless it says "
                     "so), 2 a script that cannot be read.",
                 program);
    add_common(app, options);
    app.add_flag("-w,--wait", options.wait, "wait until the change has taken effect");
    app.add_flag("-F,--force", options.force, "ask nothing; stop what is to be deleted first");
    app.add_flag("-n,--no", options.never, "answer no to every question");
    app.add_option("-f,--file", options.script, "take the commands from a file (-: standard input)");
    app.add_option("--agents", options.agents, "folder of our own resource agents (also $CUSTOS_AGENTS)");
    app.add_option("--offline", options.offline, "work on a configuration in this file instead of a cluster");
    app.prefix_command();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    }
    options.words = app.remaining();
    if (options.version) {
        std::cout << (program == "crm" ? "crm of custos " : "custos ") << CUSTOS_VERSION << "\n";
        return 0;
    }
    if (!options.words.empty() && options.words[0].size() > 1 && options.words[0][0] == '-') {
        std::cerr << "ERROR: " << program << " does not know the option " << options.words[0] << ": see "
                  << program << " --help\n";
        return 1;
    }
    return run_words(options, program);
}

int corosync(const std::string& name, int argc, char** argv) {
    const Options options;
    return tools::run_corosync(name, {argv + 1, argv + argc},
                               ask_daemon(from_environment("CUSTOS_SOCKET", options.socket)),
                               {std::cout, std::cerr, [] { return time_text(now()); }});
}

}  // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "custos";
    if (name == "crm_mon") return monitor(argc, argv);
    const auto& names = tools::corosync_names();
    if (std::find(names.begin(), names.end(), name) != names.end()) return corosync(name, argc, argv);
    return command(argc, argv, name == "crm" ? "crm" : "custos");
}

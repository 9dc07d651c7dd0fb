// The agents of Debian's resource-agents, unmodified, with the services that they manage, in a network
// namespace of this process.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "running.hpp"

namespace {

// The whole life of a service, each step twice: agents are idempotent.
void live(Running& runner, const std::string& agent, const manager::Attributes& params) {
    const auto expect = [&](const char* action, int code) {
        const auto result = runner.run("heartbeat:" + agent, action, params);
        CHECK_MESSAGE(result.code == code, action << ": " << result.reason);
    };
    expect("monitor", manager::kOcfNotRunning);
    for (int i = 0; i < 2; ++i) {
        expect("start", manager::kOcfOk);
        expect("monitor", manager::kOcfOk);
    }
    for (int i = 0; i < 2; ++i) {
        expect("stop", manager::kOcfOk);
        expect("monitor", manager::kOcfNotRunning);
    }
}

}  // namespace

TEST_CASE("IPaddr2, the script") {
    Running runner;
    live(runner, "IPaddr2", {{"ip", "192.0.2.10"}, {"cidr_netmask", "32"}, {"nic", "v0"}});
}

TEST_CASE("apache") {
    Running runner;
    const std::string dir = runner.scratch().path().string();
    const std::string modules = "/usr/lib/apache2/modules/mod_";
    const auto config = runner.scratch().write(
        "apache.conf",
        "ServerName localhost\nPidFile " + dir + "/apache.pid\nErrorLog " + dir +
            "/error.log\nListen 127.0.0.1:80\n" + "LoadModule mpm_event_module " + modules +
            "mpm_event.so\nLoadModule authz_core_module " + modules +
            "authz_core.so\nLoadModule status_module " + modules + "status.so\n<Location /server-status>\n" +
            "SetHandler server-status\n</Location>\n",
        false);
    live(runner, "apache", {{"configfile", config}, {"statusurl", "http://127.0.0.1/server-status"}});
}

TEST_CASE("nginx") {
    Running runner;
    const std::string dir = runner.scratch().path().string();
    const auto config =
        runner.scratch().write("nginx.conf",
                               "pid " + dir + "/nginx.pid;\nerror_log " + dir + "/error.log;\nevents {}\n" +
                                   "http { access_log off; server { listen 127.0.0.1:8080; } }\n",
                               false);
    live(runner, "nginx", {{"configfile", config}});
}

int main(int argc, char** argv) {
    if (::unshare(CLONE_NEWNET) != 0) {
        std::printf("SKIPPED: no network namespace of its own: %s\n", std::strerror(errno));
        return 77;
    }
    if (std::system("ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 192.0.2.1/24 "
                    "dev v0 && "
                    "ip link set v0 up && ip link set v1 up") != 0) {
        return 1;
    }
    return doctest::Context(argc, argv).run();
}

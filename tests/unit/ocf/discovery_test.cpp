#include "agents/ocf/discovery.hpp"

#include <algorithm>

#include "scratch.hpp"

using agents::AgentDirectories;
using agents::find_agent;
using agents::list_types;
using Names = std::vector<std::string>;

namespace {

AgentDirectories machine(const Scratch& scratch) {
    scratch.write("system/heartbeat/apache", "");
    scratch.write("system/heartbeat/IPaddr2", "");
    scratch.write("system/heartbeat/.ocf-shellfuncs", "");
    scratch.write("system/heartbeat/README", "", false);
    scratch.write("system/.hidden/thing", "");
    scratch.write("own/pacemaker/Dummy", "");
    scratch.write("own/heartbeat/apache", "");
    scratch.write("init.d/cron", "");
    scratch.write("units/nginx.service", "", false);
    scratch.write("units/getty@.service", "", false);
    scratch.write("units/sockets.target", "", false);
    scratch.write("sbin/fence_virt", "");
    scratch.write("sbin/mkfs", "");
    scratch.write("running/x", "", false);
    AgentDirectories d;
    d.ocf = {scratch.path() / "system", scratch.path() / "own", scratch.path() / "absent"};
    d.init_scripts = scratch.path() / "init.d";
    d.systemd_units = {scratch.path() / "units"};
    d.fence_agents = scratch.path() / "sbin";
    d.systemd_running = scratch.path() / "running";
    return d;
}

}  // namespace

TEST_CASE("classes, and the providers of all directories") {
    const Scratch scratch;
    const auto classes = agents::list_classes(machine(scratch));
    Names names;
    for (const auto& c : classes) names.push_back(c.standard);
    CHECK(names == Names{"lsb", "ocf", "service", "stonith", "systemd"});
    CHECK(classes[1].providers == Names{"heartbeat", "pacemaker"});
}

TEST_CASE("types are the executables that are not hidden, of all directories, once each") {
    const Scratch scratch;
    const AgentDirectories d = machine(scratch);
    CHECK(list_types(d, "ocf", "heartbeat") == Names{"IPaddr2", "apache"});
    CHECK(list_types(d, "ocf", "pacemaker") == Names{"Dummy"});
    CHECK(list_types(d, "ocf") == Names{"Dummy", "IPaddr2", "apache"});
    CHECK(list_types(d, "ocf", "nobody").empty());
    CHECK(list_types(d, "ocf", "../system").empty());
    CHECK(list_types(d, "lsb") == Names{"cron"});
    CHECK(list_types(d, "systemd") == Names{"getty@", "nginx"});
    CHECK(list_types(d, "service") == Names{"cron", "getty@", "nginx"});
    CHECK(list_types(d, "stonith") == Names{"fence_virt"});
    CHECK(list_types(d, "astrology").empty());
    CHECK(agents::list_providers(d, "Dummy") == Names{"pacemaker"});
}

TEST_CASE("the first directory that has an agent serves it") {
    const Scratch scratch;
    const AgentDirectories d = machine(scratch);
    CHECK(find_agent(d, {"ocf", "heartbeat", "apache"})->path == scratch.path() / "system/heartbeat/apache");
    CHECK(find_agent(d, {"ocf", "pacemaker", "Dummy"})->path == scratch.path() / "own/pacemaker/Dummy");
    CHECK(find_agent(d, {"stonith", "", "fence_virt"})->standard == "stonith");
    CHECK(find_agent(d, {"lsb", "", "cron"})->standard == "lsb");
}

TEST_CASE("service is a unit where there is one, else an init script; template instances are units") {
    const Scratch scratch;
    AgentDirectories d = machine(scratch);
    CHECK(find_agent(d, {"service", "", "nginx"})->standard == "systemd");
    CHECK(find_agent(d, {"service", "", "cron"})->standard == "lsb");
    CHECK(find_agent(d, {"systemd", "", "getty@tty1"})->path.filename() == "getty@.service");
    d.systemd_running = scratch.path() / "not-running";
    CHECK(find_agent(d, {"systemd", "", "nginx"}).error().message.find("systemd does not run on this node") ==
          0);
}

TEST_CASE("what is not there is named, with where it was looked for; names cannot leave the directories") {
    const Scratch scratch;
    const AgentDirectories d = machine(scratch);
    const auto missing = find_agent(d, {"ocf", "heartbeat", "mysql"});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("agent ocf:heartbeat:mysql is not installed on this node") == 0);
    CHECK(missing.error().message.find("system/heartbeat/mysql") != std::string::npos);
    CHECK_FALSE(find_agent(d, {"ocf", "heartbeat", "README"}));
    CHECK_FALSE(find_agent(d, {"ocf", "..", "system"}));
    CHECK_FALSE(find_agent(d, {"lsb", "", "../system/heartbeat/apache"}));
    CHECK_FALSE(find_agent(d, {"astrology", "", "x"}));
}

TEST_CASE("our own agents are found from the source tree, and the installed place is the default") {
    const AgentDirectories from_source = agents::default_directories(SOURCE_AGENTS);
    const Names own = list_types(from_source, "ocf", "pacemaker");
    for (const char* type : {"Dummy", "Stateful"})
        CHECK(std::find(own.begin(), own.end(), type) != own.end());
    CHECK(agents::default_directories().ocf.back().string().ends_with("/custos/ocf/resource.d"));
}

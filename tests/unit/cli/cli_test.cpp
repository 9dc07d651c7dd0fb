// The program itself: its names, options and exit codes, without a daemon.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

struct Outcome {
    int code{-1};
    std::string out, err;
};

std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A folder with the program under its first three names; command lines are run there.
class Bench {
  public:
    Bench() : folder_(fs::temp_directory_path() / ("custos-cli-" + std::to_string(getpid()))) {
        fs::create_directories(folder_ / "agents/pacemaker");
        for (const char* name : {"custos", "crm", "crm_mon"})
            fs::create_symlink(CUSTOS_PROGRAM, folder_ / name);
    }
    ~Bench() { fs::remove_all(folder_); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    [[nodiscard]] Outcome run(const std::string& line) const {
        const std::string command = "cd '" + folder_.string() +
                                    "' && export CUSTOS_SOCKET=none/c.sock PATH=.:$PATH && { " + line +
                                    "; } >out 2>err </dev/null";
        const int status = std::system(command.c_str());
        Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder_ / "out"),
                        content(folder_ / "err")};
        return outcome;
    }
    [[nodiscard]] fs::path at(const std::string& name) const { return folder_ / name; }

  private:
    fs::path folder_;
};

// One node, one resource.
void write_cluster(const fs::path& path) {
    std::ofstream(path)
        << "<cib have-quorum=\"1\"><configuration><crm_config><cluster_property_set id=\"s\"><nvpair "
           "id=\"f\" "
           "name=\"stonith-enabled\" value=\"false\"/></cluster_property_set></crm_config><nodes><node "
           "id=\"1\" "
           "uname=\"n1\"/></nodes><resources><primitive id=\"web\" class=\"systemd\" "
           "type=\"nginx\"/></resources>"
           "</configuration><status><node_state id=\"1\" uname=\"n1\" in_ccm=\"true\" crmd=\"online\" "
           "join=\"member\" "
           "expected=\"member\"/></status></cib>";
}

}  // namespace

TEST_CASE("simulate needs no daemon, and says what is wrong with its file") {
    const Bench bench;
    write_cluster(bench.at("one.xml"));
    const Outcome json = bench.run("custos simulate --cib one.xml --json");
    CHECK(json.code == 0);
    CHECK(json.out ==
          "{\"nodes\": {\"n1\": \"online\"}, \"resources\": {\"web\": [[\"Started\", \"n1\"]]}, "
          "\"actions\": [[\"start\", \"web\", \"n1\", 1]]}\n");
    CHECK(contains(bench.run("custos simulate --cib one.xml").out, "* start web on n1"));
    CHECK(bench.run("custos simulate --cib one.xml --now soon").code == 1);
    CHECK(contains(bench.run("custos simulate --cib none.xml").err, "cannot read none.xml"));
    CHECK(contains(bench.run("custos simulate x").err, "usage: custos simulate [--cib FILE"));
    std::ofstream(bench.at("bad.xml")) << "<cib>";
    CHECK(contains(bench.run("custos simulate --cib bad.xml").err, "bad.xml: not XML"));
    for (const char* words : {"--cib ''", "--cib one.xml --now ''", "--cib one.xml --cib one.xml"})
        CHECK(contains(bench.run(std::string("custos simulate ") + words).err, "usage: custos simulate"));
}

TEST_CASE("simulate and why warn of what they pass over") {
    const Bench bench;
    std::ofstream(bench.at("odd.xml"))
        << R"(<cib><configuration><resources><bundle id="b"/><primitive id="web" class="systemd" type="nginx"/>
           </resources></configuration></cib>)";
    const std::string said =
        "WARNING: odd.xml: passed over: <resources>: what it contains: <bundle id=\"b\">\n";
    const Outcome json = bench.run("custos simulate --cib odd.xml --json");
    CHECK(json.err == said);
    CHECK_FALSE(contains(json.out, "bundle"));
    CHECK(bench.run("custos why web --cib odd.xml").err == said);
}

// One that is counted on would overflow: the suite with sanitizers sees it.
TEST_CASE("the largest call-id is not counted on") {
    const Bench bench;
    std::ofstream(bench.at("last.xml"))
        << R"(<cib have-quorum="1"><configuration><crm_config><cluster_property_set id="s"><nvpair id="f"
           name="stonith-enabled" value="false"/></cluster_property_set></crm_config><nodes><node id="1"
           uname="n1"/></nodes><resources><primitive id="web" class="systemd" type="nginx"><meta_attributes id="m"><nvpair id="t"
           name="target-role" value="Stopped"/></meta_attributes></primitive></resources>
           </configuration><status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member"
           expected="member"><lrm><lrm_resources><lrm_resource id="web" class="systemd" type="nginx">
           <lrm_rsc_op id="web_start_0" operation="start" call-id="2147483647" rc-code="0" op-status="0"
           interval="0" transition-key="1:1:0:x"/></lrm_resource></lrm_resources></lrm></node_state></status></cib>)";
    CHECK(contains(bench.run("custos simulate --cib last.xml --json").out, "\"resources\": {}"));
}

TEST_CASE("why, why-not and what-if need no daemon") {
    const Bench bench;
    write_cluster(bench.at("one.xml"));
    CHECK(bench.run("custos why web --cib one.xml").out ==
          "web starts on n1. Reason: there is no other node. It would be otherwise with n1 in standby.\n\n"
          "  n1          0  its place\n");
    CHECK(
        bench.run("custos why-not web n1 --cib one.xml --now 2026-01-01 --json").out ==
        "[{\"resource\": \"web\", \"fate\": \"starts\", \"from\": \"\", \"to\": \"n1\", \"promoted\": false, "
        "\"asked\": \"\", \"decided\": \"there is no other node\", \"otherwise\": [\"n1 in standby\"], "
        "\"nodes\": "
        "[{\"node\": \"n1\", \"score\": \"0\", \"bar\": \"\", \"reasons\": []}]}]\n");
    CHECK(bench.run("custos what-if --down n1 --cib one.xml").out ==
          "With n1 down, 1 resource changes. Stopped then: web.\n\n  web  n1 -> stopped\n");
    CHECK(bench.run("custos what-if --standby n1 --cib one.xml --json").out ==
          "{\"with\": \"n1 in standby\", \"node\": \"standby\", \"changes\": [{\"resource\": \"web\", "
          "\"before\": [[\"Started\", \"n1\"]], \"after\": []}]}\n");
    const Outcome unknown = bench.run("custos why db --cib one.xml");
    CHECK(unknown.code == 1);
    CHECK(contains(unknown.err, "there is no resource \"db\""));
    CHECK(contains(bench.run("custos why web n9 --cib one.xml").err, "there is no node \"n9\""));
    CHECK(contains(bench.run("custos why-not web --cib one.xml").err, "usage: custos why-not RESOURCE NODE"));
    CHECK(contains(bench.run("custos why web --now 2026-01-01").err, "DATE is for FILE"));
    CHECK(contains(bench.run("custos what-if n1 --cib one.xml").err, "usage: custos what-if --down NODE"));
    CHECK(contains(bench.run("custos what-if --down n1 --cib").err, "usage: custos what-if --down NODE"));
    for (const char* words :
         {"why ''", "why web ''", "why web --bogus", "why-not web ''", "what-if --down ''"})
        CHECK(contains(bench.run(std::string("custos ") + words + " --cib one.xml").err, "usage: custos w"));
}

TEST_CASE("without a daemon each name says so with its own exit code") {
    const Bench bench;
    for (const char* line :
         {"custos status", "crm status", "crm configure show", "crm -w resource stop x", "custos ring status",
          "custos members --json", "custos quorum status", "custos group list", "custos group members g",
          "custos group watch g", "custos why web", "custos why-not web n1", "custos what-if --down n1",
          "custos simulate --json"}) {
        const Outcome outcome = bench.run(line);
        CHECK_MESSAGE(outcome.code == 1, line);
        CHECK(outcome.out.empty());
        CHECK(contains(outcome.err,
                       "custosd is not running on this node (no socket at none/c.sock): start it with"));
    }
    CHECK(contains(bench.run("custos members --jason").err, "does not know '--jason': it takes --json"));
    CHECK(bench.run("custos quorum status --jason").code == 1);
    CHECK(contains(bench.run("custos group members g --jason").err,
                   "does not know '--jason': it takes --json"));
    const Outcome sent = bench.run("custos group send g text");
    CHECK(sent.code == 1);
    CHECK(contains(sent.err, "no custosd serves groups at none/groups.sock"));
    const Outcome monitor = bench.run("crm_mon --one-shot -V");
    CHECK(monitor.code == 102);
    CHECK(contains(monitor.err, "custosd is not running"));
    CHECK(bench.run("crm_mon --no-such-option").code == 64);
    CHECK(bench.run("custos --socket other/c.sock status").err.find("other/c.sock") != std::string::npos);
}

TEST_CASE("wrong words and options are refused, help and version are not") {
    const Bench bench;
    CHECK(bench.run("custos nonsense").code == 1);
    CHECK(bench.run("custos --nonsense").code == 1);
    CHECK(contains(bench.run("custos --nonsense").err, "does not know the option --nonsense"));
    CHECK(bench.run("crm key generate x").code == 1);  // the crm language has no such level
    CHECK(bench.run("custos --version").out.rfind("custos ", 0) == 0);
    CHECK(bench.run("crm --version").out.rfind("crm of custos ", 0) == 0);
    CHECK(contains(bench.run("custos --help").out, "Exit codes"));
    CHECK(contains(bench.run("crm_mon --help").out, "Exit codes"));
    CHECK(contains(bench.run("custos help").out, "configure ..."));
    CHECK(contains(bench.run("custos help key").out, "generate"));
    CHECK(contains(bench.run("custos help group").out, "GROUP TEXT... | GROUP -"));
    CHECK(bench.run("crm group list").code == 1);  // the crm language's group is another thing
    CHECK(contains(bench.run("custos").out, "configure ..."));
}

TEST_CASE("a key file is made once, for its owner only") {
    const Bench bench;
    const Outcome made = bench.run("custos key generate keys/authkey");
    CHECK(made.code == 0);
    struct stat info {};
    REQUIRE(stat(bench.at("keys/authkey").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0400);
    const std::string first = content(bench.at("keys/authkey"));
    const Outcome shown = bench.run("custos key show keys/authkey");
    CHECK(shown.code == 0);
    CHECK(contains(made.out, shown.out.substr(0, 16)));

    const Outcome again = bench.run("custos key generate keys/authkey");
    CHECK(again.code == 1);
    CHECK(contains(again.err, "keys/authkey exists already"));
    CHECK(content(bench.at("keys/authkey")) == first);
    CHECK(!fs::exists(bench.at("keys/authkey.new")));

    CHECK(bench.run("custos key generate keys/authkey --force").code == 0);
    CHECK(content(bench.at("keys/authkey")) != first);
    CHECK(!fs::exists(bench.at("keys/authkey.new")));
    CHECK(bench.run("custos key generate a b").code == 1);
    CHECK(bench.run("custos key generate --farce").code == 1);
    CHECK(bench.run("custos key generate keys").code == 1);
    CHECK(bench.run("custos key show none").code == 1);
}

TEST_CASE("a node file is checked without a daemon") {
    const Bench bench;
    std::ofstream(bench.at("good.conf"))
        << "totem {\n  version: 2\n  cluster_name: demo\n  transport: udpu\n}\n"
           "nodelist {\n  node {\n    nodeid: 1\n    name: a\n    ring0_addr: 192.0.2.1\n  }\n}\n";
    std::ofstream(bench.at("bad.conf")) << "totem {\n  verzion: 2\n}\n";
    const Outcome good = bench.run("custos config check good.conf");
    CHECK_MESSAGE(good.code == 0, good.err);
    CHECK(contains(good.out, "192.0.2.1"));
    const Outcome bad = bench.run("custos config check bad.conf");
    CHECK(bad.code == 1);
    CHECK(contains(bad.err, "bad.conf:2:"));
    CHECK(bench.run("custos config check none.conf").code == 1);
}

TEST_CASE("the names crm and crm_mon are made where they are free") {
    const Bench bench;
    fs::create_directory(bench.at("bin"));
    CHECK(bench.run("custos links install bin").code == 0);
    CHECK(fs::is_symlink(bench.at("bin/crm")));
    CHECK(contains(bench.run("bin/crm --version").out, "crm of custos"));
    CHECK(bench.run("custos links install bin").code == 0);

    fs::create_directory(bench.at("taken"));
    std::ofstream(bench.at("taken/crm")) << "pacemaker's";
    CHECK(bench.run("custos links install taken").code == 1);
    CHECK(content(bench.at("taken/crm")) == "pacemaker's");
    CHECK(!fs::exists(bench.at("taken/crm_mon")));
}

TEST_CASE("corosync's names are made when they are asked for and nobody else has them") {
    const Bench bench;
    fs::create_directory(bench.at("bin"));
    fs::create_directory(bench.at("debian"));
    const std::string alone = "PATH=$PWD:/bin; ";
    CHECK(bench.run(alone + "custos links install bin").code == 0);
    CHECK(!fs::exists(bench.at("bin/corosync-quorumtool")));
    const Outcome made = bench.run(alone + "custos links install bin --corosync");
    CHECK_MESSAGE(made.code == 0, made.err);
    for (const char* name : {"quorumtool", "cfgtool", "cmapctl", "cpgtool"})
        CHECK(fs::is_symlink(bench.at("bin/corosync-" + std::string(name))));
    CHECK(bench.run("PATH=$PWD:$PWD/bin:/bin; custos links install bin --corosync").code == 0);
    const Outcome asked = bench.run("bin/corosync-quorumtool -s");
    CHECK(asked.code == 1);
    CHECK(asked.out.empty());
    CHECK(asked.err == "Cannot initialize CMAP service\n");
    CHECK(contains(bench.run("bin/corosync-cpgtool --help").out, "usage: corosync-cpgtool"));

    fs::create_directory(bench.at("other"));
    std::ofstream(bench.at("debian/corosync-cfgtool")) << "#!/bin/sh\n";
    fs::permissions(bench.at("debian/corosync-cfgtool"), fs::perms::owner_all);
    const std::string both = "PATH=$PWD:$PWD/debian:/bin; ";
    const Outcome refused = bench.run(both + "custos links install other --corosync");
    CHECK(refused.code == 1);
    CHECK(contains(refused.err, "debian/corosync-cfgtool is corosync's own"));
    CHECK(fs::is_empty(bench.at("other")));
    CHECK(bench.run(both + "custos links install other --corosync --force").code == 0);
    CHECK(fs::is_symlink(bench.at("other/corosync-cfgtool")));
    CHECK(bench.run(both + "custos links install debian --corosync --force").code == 1);
    CHECK(content(bench.at("debian/corosync-cfgtool")) == "#!/bin/sh\n");
    CHECK(contains(bench.run("custos links install bin --corosink").err, "usage: custos links install DIR"));
}

TEST_CASE("a file in place of a cluster, lines from a file or from standard input") {
    const Bench bench;
    std::ofstream(bench.at("agents/pacemaker/Dummy"))
        << "#!/bin/sh\ncat <<END\n<?xml version=\"1.0\"?><resource-agent "
           "name=\"Dummy\"><parameters/><actions/></resource-agent>\nEND\n";
    fs::permissions(bench.at("agents/pacemaker/Dummy"), fs::perms::owner_all);
    const std::string crm = "crm --agents \"$PWD/agents\" --offline conf ";
    const Outcome made = bench.run(crm + "configure primitive d ocf:pacemaker:Dummy");
    CHECK_MESSAGE(made.code == 0, made.err);
    CHECK(bench.run(crm + "configure location l d -inf: n1").code == 0);  // the score is no option
    std::ofstream(bench.at("script"))
        << "configure\nlocation m d 100: n2\ncommit\nnonsense\nlocation k d 5: n3\n";
    const Outcome script = bench.run(crm + "-f script");
    CHECK(script.code == 1);
    CHECK(contains(script.err, "script:4: 'nonsense' is no command"));
    CHECK(bench.run("printf 'configure rsc_defaults a=b\\n' | " + crm + "-f -").code == 0);
    CHECK(bench.run("printf 'configure op_defaults timeout=30s\\n' | " + crm).code == 0);
    const Outcome shown = bench.run(crm + "configure show");
    CHECK(shown.out ==
          "primitive d ocf:pacemaker:Dummy\nlocation k d 5: n3\nlocation l d -inf: n1\nlocation m d 100: n2\n"
          "rsc_defaults rsc-options: \\\n\ta=b\nop_defaults op-options: \\\n\ttimeout=30s\n");
    CHECK(bench.run(crm + "-f none").code == 2);
}

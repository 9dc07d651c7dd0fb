// The command lines of corosync's names: options, exit codes and error texts. What fails in corosync fails
// here with the same words and exit code: tests/unit/view/golden/corosync_refused.txt has a line "STATE CODE
// COMMAND" for each, and below it what it wrote to standard error.
#include "tools/cli/corosync.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tools/cli/options.hpp"

using tools::run_corosync;

namespace {

struct Outcome {
    int code{-1};
    std::string out, err;
};

// Two members of three; not quorate when `alone`.
tools::RingReply two_of_three(bool alone = false) {
    tools::RingReply reply;
    reply.node = "n1";
    reply.node_id = {1};
    for (std::uint32_t id = 1; id <= 3; ++id) {
        const std::string address = "10.77.0." + std::to_string(id);
        reply.nodes.push_back({{id}, "n" + std::to_string(id), address, 1, {{0, address}}});
    }
    reply.members = {{1}, {2}};
    reply.ring_id = "26.1";
    reply.ring_sequence = 26;
    reply.representative = {1};
    reply.votes = 2;
    reply.needed = 2;
    reply.expected = 3;
    reply.quorate = !alone;
    reply.settings = {{"totem.version", "2"}, {"totem.cluster_name", "lab"}};
    reply.groups = {{"g", {{{2}, 7}}}};
    return reply;
}

Outcome run(const std::string& line, const base::Result<tools::Reply>& reply = tools::Reply{two_of_three()}) {
    std::istringstream in(line);
    std::string name, word;
    std::vector<std::string> words;
    in >> name;
    while (in >> word) words.push_back(word);
    std::ostringstream out, err;
    const int code = run_corosync(name, words, [&](const tools::Request& /*request*/) { return reply; },
                                  {out, err, [] { return std::string("Sun Nov 22 08:09:44 2026"); }});
    return {code, out.str(), err.str()};
}

base::Error absent() {
    return {base::Errc::unavailable, "custosd is not running on this node"};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A bad command line never asks the daemon.
Outcome run_without_asking(const std::string& line) {
    const Outcome with = run(line), without = run(line, absent());
    CHECK_MESSAGE(with.err == without.err, line);
    CHECK_MESSAGE(with.code == without.code, line);
    return with;
}

}  // namespace

TEST_CASE("what fails in corosync fails here with its words and exit code") {
    std::ifstream in(COROSYNC_REFUSED);
    REQUIRE(in.good());
    std::string line, head, err;
    int cases = 0;
    const auto check = [&] {
        if (head.empty()) return;
        std::istringstream words(head);
        std::string state, code, command;
        words >> state >> code;
        std::getline(words >> std::ws, command);
        base::Result<tools::Reply> reply = tools::Reply{two_of_three(state == "alone")};
        if (state == "absent") reply = absent();
        const Outcome ours = run(command, reply);
        CHECK_MESSAGE(std::to_string(ours.code) == code, command);
        CHECK_MESSAGE(ours.err == err, command);
        ++cases;
    };
    while (std::getline(in, line)) {
        if (!contains(line, " corosync-") || contains(line, ": ")) {
            err += line + "\n";
            continue;
        }
        check();
        head = line;
        err.clear();
    }
    check();
    CHECK(cases == 30);
}

TEST_CASE("corosync-quorumtool: the last action counts, letters may stand together, 2 is not quorate") {
    const std::string status = run("corosync-quorumtool").out;
    CHECK(contains(status, "Date:             Sun Nov 22 08:09:44 2026\n"));
    CHECK(contains(status, "Ring ID:          1.1a\n"));
    for (const char* line :
         {"corosync-quorumtool -s", "corosync-quorumtool -l -s", "corosync-quorumtool -n 2",
          "corosync-quorumtool -o i -oa", "corosync-quorumtool word", "corosync-quorumtool -- -l"})
        CHECK_MESSAGE(run(line).out == status, line);
    const std::string members = run("corosync-quorumtool -sl").out;
    CHECK(members.rfind("\nMembership information\n", 0) == 0);
    CHECK(contains(run("corosync-quorumtool -p").out, "    Nodeid      Votes    Qdevice Name\n"));
    CHECK(run("corosync-quorumtool -lp").out == run("corosync-quorumtool -p -l").out);
    CHECK(contains(run("corosync-quorumtool -lH").out, "0x00000002"));
    CHECK(contains(run("corosync-quorumtool -li").out, "10.77.0.2"));
    const Outcome alone = run("corosync-quorumtool -p", tools::Reply{two_of_three(true)});
    CHECK(alone.code == 2);
    CHECK(contains(alone.out, "Quorate:          No\n"));
    CHECK(run("corosync-quorumtool -l", tools::Reply{two_of_three(true)}).code == 0);
}

TEST_CASE("corosync-cfgtool, corosync-cmapctl and corosync-cpgtool: what each option shows") {
    CHECK(contains(run("corosync-cfgtool -s").out, "\t\tnodeid:          2:\tdisconnected\n"));
    CHECK(contains(run("corosync-cfgtool -sb").out, "\tstatus\t= n11\n"));
    CHECK(run("corosync-cfgtool -n").out == "Local node ID 1, transport knet\n");
    CHECK(run("corosync-cfgtool -a 3").out == "10.77.0.3\n");
    CHECK(run("corosync-cfgtool -s -i 1").out == run("corosync-cfgtool -s").out);
    CHECK(contains(run("corosync-cfgtool").out, "usage: corosync-cfgtool"));
    CHECK(run("corosync-cfgtool").code == 0);

    CHECK(run("corosync-cmapctl totem.c totem.v").out ==
          "totem.cluster_name (str) = lab\ntotem.version (u32) = 2\n");
    CHECK(run("corosync-cmapctl -b -g totem.version").out == "totem.version (u32) = 2\n");
    CHECK(run("corosync-cmapctl -q -g totem.version totem.cluster_name").out == "2\nlab\n");
    CHECK(run("corosync-cmapctl -m default totem.v none.").out == "totem.version (u32) = 2\n");
    CHECK(run("corosync-cmapctl none. totem.v").code == 0);
    CHECK(run("corosync-cmapctl none.").code == 1);
    CHECK(contains(run("corosync-cmapctl").out, "runtime.votequorum.ev_barrier (u32) = 3\n"));
    CHECK(contains(run("corosync-cmapctl -m stats").out, "stats.srp.operational_entered (u64) = 0\n"));

    CHECK(run("corosync-cpgtool -d ,").out == "GRP_NAME,PID,NODEID\ng,7,2\n");
    CHECK(run("corosync-cpgtool -n").out == "g\n");
    CHECK(contains(run("corosync-cpgtool").out, "g\n\t\t         7\t         2 (10.77.0.2)\n"));
}

TEST_CASE("what would change something is refused in one line that says what does it here") {
    for (const auto& refused : std::vector<std::pair<std::string, std::string>>{
             {"corosync-quorumtool -m", "watch"},
             {"corosync-quorumtool -v 2 -n 3", "quorum_votes"},
             {"corosync-quorumtool -e 3", "expected_votes"},
             {"corosync-quorumtool -f", "quorum device"},
             {"corosync-cfgtool -R", "custos config check"},
             {"corosync-cfgtool -L", "systemctl reload custos"},
             {"corosync-cfgtool -k 2", "custos shutdown"},
             {"corosync-cfgtool -H --force", "custos shutdown"},
             {"corosync-cmapctl -s totem.token u32 5", "custos config check"},
             {"corosync-cmapctl -d totem.token", "custos config check"},
             {"corosync-cmapctl -D nodelist.", "/etc/custos/custos.conf"},
             {"corosync-cmapctl -s uidgid.gid.9 u8 1", "haclient"},
             {"corosync-cmapctl -p file", "custos configure"},
             {"corosync-cmapctl -C all", "custos ring status"},
             {"corosync-cmapctl -t totem.token", "watch"},
             {"corosync-cmapctl -T totem.", "watch"}}) {
        const Outcome outcome = run_without_asking(refused.first);
        CHECK_MESSAGE(outcome.code == 1, refused.first);
        CHECK_MESSAGE(outcome.out.empty(), refused.first);
        CHECK_MESSAGE(contains(outcome.err, refused.second), outcome.err);
        CHECK_MESSAGE(outcome.err.find('\n') == outcome.err.size() - 1, outcome.err);
    }
}

TEST_CASE("help is there under each name, in its way and in everybody's") {
    for (const std::string& name : tools::corosync_names()) {
        const Outcome help = run_without_asking(name + " --help");
        CHECK(help.code == 0);
        CHECK(contains(help.out, "usage: " + name + " "));
        CHECK(contains(help.out, "Exit codes"));
        CHECK(run(name + " -h").out == help.out);
    }
    CHECK(contains(run("corosync-quorumtool -V").out, "corosync-quorumtool of custos "));
    CHECK(run("corosync-quorumtool --version").out == run("corosync-quorumtool -V").out);
    CHECK(run("corosync-cpgtool --version").code == 1);
    // Beside its error, corosync-quorumtool shows its options.
    CHECK(contains(run("corosync-quorumtool -Z").out, "usage: "));
}

TEST_CASE("no daemon, no rights, no ring, no answer") {
    struct Case {
        const char *line, *denied;
    };
    for (const Case& each :
         {Case{"corosync-quorumtool -s", "Cannot initialize CMAP service\n"},
          Case{"corosync-cfgtool -s", "Could not initialize corosync configuration API error 11\n"},
          Case{"corosync-cmapctl", "Failed to initialize the cmap API. Error CS_ERR_ACCESS\n"},
          Case{"corosync-cpgtool", "Could not initialize corosync cpg API error 11\n"}}) {
        const Outcome denied = run(each.line, base::Error{base::Errc::conflict, "this user may not"});
        CHECK(denied.code == 1);
        CHECK(denied.err == std::string(each.denied) + "this user may not\n");
        CHECK(contains(run(each.line, base::Error{base::Errc::timed_out, "too late"}).err, "\ntoo late\n"));
        CHECK(run(each.line, tools::Reply{tools::Refused{"no"}}).code == 1);
    }
    tools::RingReply waiting;
    waiting.waiting = "no address of this machine is in the nodelist";
    waiting.settings = {{"totem.version", "2"}};
    for (const char* line : {"corosync-quorumtool -s", "corosync-quorumtool -l", "corosync-cfgtool -s",
                             "corosync-cfgtool -n", "corosync-cpgtool"}) {
        const Outcome outcome = run(line, tools::Reply{waiting});
        CHECK(outcome.code == 1);
        CHECK(outcome.out.empty());
        CHECK(contains(outcome.err, "in no ring yet: no address of this machine"));
    }
    CHECK(contains(run("corosync-cmapctl", tools::Reply{waiting}).out, "totem.version (u32) = 2\n"));
}

TEST_CASE("options are taken as getopt takes them") {
    const auto parsed = tools::parse_short_options(
        "x", {"a", "-sb", "-i1", "-i", "2", "-", "--force", "--", "-s"}, "sbi:h", {{"force", 'F'}});
    REQUIRE(parsed);
    CHECK(parsed->options ==
          std::vector<tools::ShortOption>{{'s', ""}, {'b', ""}, {'i', "1"}, {'i', "2"}, {'F', ""}});
    CHECK(parsed->words == std::vector<std::string>{"a", "-", "-s"});
    CHECK(tools::parse_short_options("x", {"-:"}, "i:h").error().message == "x: invalid option -- ':'");
    CHECK(tools::parse_short_options("x", {"--version"}, "h").error().message ==
          "x: unrecognized option '--version'");
}

// The runner as a process of its own, driven through RunnerClient, with Debian's agents and with agents made
// for the test.
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "running.hpp"
#include "totem/base/fd.hpp"

using base::seconds;
using manager::OperationResult;

namespace {

// Ends, by being reaped or not, within the test's patience.
bool ends(pid_t pid) {
    const base::Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd.valid()) return true;
    pollfd p{fd.get(), POLLIN, 0};
    return ::poll(&p, 1, 20'000) == 1;
}

pid_t pid_in(const std::string& text) {
    return static_cast<pid_t>(std::stoi(text));
}

}  // namespace

TEST_CASE("Debian's Dummy unmodified: probe, start, monitor, stop") {
    Running runner;
    const manager::Attributes params{{"state", (runner.scratch().path() / "dummy.state").string()}};
    CHECK(runner.run("heartbeat:Dummy", "monitor", params).code == manager::kOcfNotRunning);
    const OperationResult started = runner.run("heartbeat:Dummy", "start", params);
    CHECK_MESSAGE(started.code == manager::kOcfOk, started.reason);
    CHECK(started.duration > base::Duration{});
    CHECK(runner.run("heartbeat:Dummy", "monitor", params).code == manager::kOcfOk);
    CHECK(runner.run("heartbeat:Dummy", "stop", params).code == manager::kOcfOk);
    CHECK(runner.run("heartbeat:Dummy", "monitor", params).code == manager::kOcfNotRunning);
}

TEST_CASE("our Dummy from the source tree") {
    Running runner;
    const manager::Attributes params{{"state", (runner.scratch().path() / "own.state").string()}};
    CHECK(runner.run("pacemaker:Dummy", "start", params).code == manager::kOcfOk);
    CHECK(runner.run("pacemaker:Dummy", "stop", params).code == manager::kOcfOk);
}

TEST_CASE("a failing agent gives its code and its reason; one that is missing or not executable says so") {
    Running runner;
    runner.agent("fails", "echo noise >&2; echo 'ocf-exit-reason:the disk is full' >&2; exit 1\n");
    const OperationResult failed = runner.run("test:fails", "start");
    CHECK(failed.code == 1);
    CHECK(failed.reason == "the disk is full");
    const OperationResult missing = runner.run("test:missing", "start");
    CHECK(missing.code == manager::kOcfNotInstalled);
    CHECK(missing.reason.find("agent ocf:test:missing is not installed on this node") == 0);
    runner.agent("broken", "");
    runner.scratch().write("test/broken", "#!/nowhere/interpreter\n");
    CHECK(runner.run("test:broken", "start").code == manager::kOcfNotInstalled);
    runner.agent("dies", "kill -SEGV $$\n");
    const OperationResult died = runner.run("test:dies", "monitor");
    CHECK(died.code == manager::kOcfGeneric);
    CHECK(died.reason == "the agent died by signal 11 (Segmentation fault)");
}

TEST_CASE("a hanging agent is killed with its group at its timeout, and the resource is free again") {
    Running runner;
    runner.agent("hangs", "[ $1 = stop ] && exit 0\nsleep 1000 & echo $! >" +
                              (runner.scratch().path() / "pid").string() + "\nwait\n");
    const OperationResult late = runner.result(runner.start("test:hangs", "start", seconds(1)));
    CHECK(late.code == manager::kOcfTimeout);
    CHECK(late.reason == "did not end within 1000 ms and was killed");
    CHECK(ends(pid_in(runner.scratch().read("pid"))));
    CHECK(runner.run("test:hangs", "stop").code == manager::kOcfOk);
}

TEST_CASE("a flood of output, and a service that keeps the pipes, hold up nothing") {
    Running runner;
    runner.agent(
        "flood",
        "head -c 20000000 /dev/zero | tr '\\0' x; head -c 20000000 /dev/zero | tr '\\0' y >&2; exit 0\n");
    CHECK(runner.run("test:flood", "start").code == manager::kOcfOk);
    const std::string pid_file = (runner.scratch().path() / "service").string();
    runner.agent("keeps", "setsid sleep 1000 & echo $! >" + pid_file + "; exit 0\n");
    const OperationResult kept = runner.result(runner.start("test:keeps", "start", seconds(15)));
    CHECK(kept.code == manager::kOcfOk);
    const pid_t service = pid_in(runner.scratch().read("service"));
    CHECK(::kill(service, 0) == 0);
    ::kill(service, SIGKILL);
}

TEST_CASE("a recurring monitor reports its first result and then changes only") {
    Running runner;
    const std::string state = (runner.scratch().path() / "state").string();
    const std::string runs = (runner.scratch().path() / "runs").string();
    runner.agent("watched", "echo x >>" + runs + "\n[ -e " + state + " ] && exit 0\nexit 7\n");
    const auto id = runner.start("test:watched", "monitor", seconds(20), base::milliseconds(20));
    CHECK(runner.result(id, 1).code == manager::kOcfNotRunning);
    runner.scratch().write("state", "");
    CHECK(runner.result(id, 2).code == manager::kOcfOk);
    const auto ran = runner.scratch().read("runs").size();
    std::filesystem::remove(state);
    CHECK(runner.result(id, 3).code == manager::kOcfNotRunning);
    CHECK(runner.scratch().read("runs").size() > ran);
    runner.client().cancel_recurring("r");
    // Answered after the cancellation: from here on no monitor may run.
    CHECK(runner.run("test:watched", "monitor").code == manager::kOcfNotRunning);
    const auto after = runner.scratch().read("runs").size();
    CHECK(runner.run("test:watched", "monitor").code == manager::kOcfNotRunning);
    CHECK(runner.scratch().read("runs").size() == after + 2);
    CHECK(runner.count(id) == 3);
}

TEST_CASE("a stop does not wait for its resource's hanging monitor") {
    Running runner;
    const std::string begun = (runner.scratch().path() / "begun").string();
    runner.agent("slow", "[ $1 = stop ] && exit 0\n: >" + begun + "\nsleep 1000\n");
    runner.start("test:slow", "monitor", seconds(1000), seconds(1));
    const OperationResult stopped = runner.run("test:slow", "stop");
    CHECK(stopped.code == manager::kOcfOk);
}

TEST_CASE(
    "the core's end: running operations are killed with their groups, services live on, the runner exits 0") {
    auto runner = std::make_unique<Running>();
    const std::string dir = runner->scratch().path().string();
    REQUIRE(::mkfifo((dir + "/begun").c_str(), 0600) == 0);
    runner->agent(
        "both",
        "cd " + dir +
            "\nif [ $1 = start ]; then setsid sleep 1000 >/dev/null 2>&1 & echo $! >service; exit 0; fi\n"
            "[ $1 = monitor ] && exec cat begun\nsleep 1000 & echo $! >hanging; echo >begun; wait\n");
    CHECK(runner->run("test:both", "start").code == manager::kOcfOk);
    const pid_t service = pid_in(runner->scratch().read("service"));
    runner->start("test:both", "promote", seconds(1000));
    // This one ends when the promote above has begun.
    CHECK(runner->result(runner->start("test:both", "monitor", seconds(20), {}, {}, "other")).code ==
          manager::kOcfOk);
    const std::string hanging = runner->scratch().read("hanging");
    runner.reset();
    CHECK(ends(pid_in(hanging)));
    CHECK(::kill(service, 0) == 0);
    ::kill(service, SIGKILL);
}

TEST_CASE("SIGTERM ends the runner; the client hears that it is lost, once, and later calls are harmless") {
    Running runner;
    runner.agent("hangs", "[ $1 = monitor ] || sleep 1000\n");
    CHECK(runner.run("test:hangs", "monitor").code == manager::kOcfOk);
    runner.start("test:hangs", "start", seconds(1000));
    ::kill(runner.pid(), SIGTERM);
    runner.until([&] { return runner.lost(); });
    CHECK(runner.wait_exit() == 0);
    runner.start("test:hangs", "start");
    runner.client().cancel_recurring("r");
}

TEST_CASE("a stream that is no protocol ends the runner") {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        ::close(fds[0]);
        ::_exit(agents::run_runner(fds[1], {}));
    }
    ::close(fds[1]);
    CHECK(::write(fds[0], "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
    ::close(fds[0]);
}

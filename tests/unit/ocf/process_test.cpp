#include "agents/ocf/process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "scratch.hpp"

using agents::Invocation;
using agents::OutputBuffer;
using agents::Process;
using agents::run_captured;

namespace {

Invocation shell(const std::string& script) {
    return {{"/bin/sh", "-c", script}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "GREETING=hello"}};
}

agents::Captured captured(const std::string& script) {
    auto result = run_captured(shell(script), base::seconds(20));
    REQUIRE_MESSAGE(result, result.error().message);
    return *result;
}

void wait_readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    REQUIRE(::poll(&p, 1, 20'000) == 1);
}

}  // namespace

TEST_CASE("a program gets its environment and nothing else, and its streams are kept apart") {
    const auto result = captured("echo \"$GREETING $HOME\"; echo oops >&2; exit 3");
    CHECK(result.exit_status == 3);
    CHECK(result.out == "hello \n");
    CHECK(result.err == "oops\n");
}

TEST_CASE("stdin is empty, cwd is /, umask 022, the session its own, and no descriptor is inherited") {
    CHECK(captured("cat; pwd; umask").out == "/\n0022\n");
    CHECK(captured("ls /proc/self/fd | wc -l").out == "4\n");  // 0, 1, 2 and ls's own
    CHECK(captured(
              "[ \"$(ps -o sid= -p $$ | tr -d ' ')\" = $$ ] && [ \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$ ]")
              .exit_status == 0);
}

TEST_CASE("signals are unblocked and have their defaults, whatever the caller did") {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, &before);
    ::signal(SIGPIPE, SIG_IGN);
    const auto result = captured("grep -E 'Sig(Blk|Ign)' /proc/self/status");
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    CHECK(result.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("programs that cannot be run say why") {
    const Scratch scratch;
    const auto missing = Process::start({{"/nowhere/agent", "start"}, {}});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == base::Errc::not_found);
    CHECK(missing.error().message == "cannot run /nowhere/agent: No such file or directory");
    const auto plain = scratch.write("plain", "#!/bin/sh\n", false);
    CHECK(Process::start({{plain, "start"}, {}}).error().code == base::Errc::invalid);
}

TEST_CASE("a program that does not end is killed at its time limit") {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run_captured(shell("sleep 1000"), base::milliseconds(200));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == base::Errc::timed_out);
    CHECK(result.error().message == "/bin/sh did not end within 200 ms and was killed");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("killing the group reaches what the program has started") {
    auto process = Process::start(shell("sleep 1000 & echo $!; wait"));
    REQUIRE(process);
    wait_readable(process->out_fd());
    process->drain();
    const base::Fd grandchild(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(process->out()), 0)));
    REQUIRE(grandchild.valid());
    process->kill_group();
    wait_readable(grandchild.get());  // it has ended
    wait_readable(process->pidfd());
    Process::End end;
    REQUIRE(process->reap(end));
    CHECK(end.signal == SIGKILL);
}

TEST_CASE("death by a signal is an error that names it") {
    const auto result = run_captured(shell("kill -SEGV $$"), base::seconds(20));
    REQUIRE_FALSE(result);
    CHECK(result.error().message == "/bin/sh died by signal 11");
}

TEST_CASE("a flood of output is drained: both ends are kept, the middle is dropped and counted") {
    const auto result = captured("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last");
    CHECK(result.exit_status == 0);
    CHECK(result.out.size() < 70'000);
    CHECK(result.out.find("first\n") == 0);
    CHECK(result.out.ends_with("x\nlast\n"));
    CHECK(result.out.find(" bytes dropped ...\n") != std::string::npos);
}

TEST_CASE(
    "a grandchild that keeps the pipes open does not keep the caller: the end is that of the program "
    "itself") {
    const auto begin = std::chrono::steady_clock::now();
    auto process = Process::start(shell("sleep 30 & echo $!"));
    REQUIRE(process);
    wait_readable(process->pidfd());
    Process::End end;
    REQUIRE(process->reap(end));
    CHECK(end.exit_status == 0);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(15));
    const pid_t grandchild = std::stoi(process->out());
    // What outlives its program is a service: it must not be touched.
    CHECK(::kill(grandchild, 0) == 0);
    ::kill(grandchild, SIGKILL);
}

TEST_CASE("the output buffer keeps 32 KiB of each end exactly") {
    OutputBuffer buffer;
    buffer.append(std::string(OutputBuffer::kHalf, 'a'));
    buffer.append(std::string(OutputBuffer::kHalf, 'b'));
    CHECK(buffer.text() == std::string(OutputBuffer::kHalf, 'a') + std::string(OutputBuffer::kHalf, 'b'));
    buffer.append("c");
    const std::string text = buffer.text();
    CHECK(text.find("... 1 bytes dropped ...") != std::string::npos);
    CHECK(text.ends_with("bc"));
    for (int i = 0; i < 100; ++i) buffer.append(std::string(10'000, 'd'));
    CHECK(buffer.text().find("... 1000001 bytes dropped ...") != std::string::npos);
}

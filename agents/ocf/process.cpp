#include "agents/ocf/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "totem/base/fd.hpp"

namespace agents {

namespace {

using base::Errc;
using base::Error;
using base::Fd;

constexpr std::size_t kDrainLimit = 1024 * 1024;

struct Pipe {
    Fd read, write;
};

// Above the standard streams, also in a process that has closed its own.
Fd above_streams(int fd) {
    Fd low(fd);
    return fd > STDERR_FILENO ? std::move(low) : Fd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

base::Result<Pipe> make_pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) return base::system_error("cannot make a pipe");
    Pipe made{above_streams(fds[0]), above_streams(fds[1])};
    if (!made.read.valid() || !made.write.valid()) return base::system_error("cannot make a pipe");
    return made;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

bool take_streams(int out, int err) {
    const int in = ::open("/dev/null", O_RDONLY);
    return in >= 0 && ::dup2(in, STDIN_FILENO) >= 0 && ::dup2(out, STDOUT_FILENO) >= 0 &&
           ::dup2(err, STDERR_FILENO) >= 0;
}

// In the child after fork: only calls that are safe there. `failure` gets errno when the program cannot be
// run.
[[noreturn]] void become(char* const* argv, char* const* envp, int out, int err, int failure, pid_t parent) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::umask(022);
    if (take_streams(out, err) && ::chdir("/") == 0) {
        ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        ::execve(argv[0], argv, envp);
    }
    const int code = errno;
    [[maybe_unused]] const ssize_t n = ::write(failure, &code, sizeof(code));
    ::_exit(127);
}

// False: the stream is closed.
bool drain_one(const Fd& fd, OutputBuffer& into) {
    std::array<char, 16384> chunk{};
    for (std::size_t total = 0; total < kDrainLimit;) {
        const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return false;
        into.append({chunk.data(), static_cast<std::size_t>(n)});
        total += static_cast<std::size_t>(n);
    }
    return true;
}

}  // namespace

void OutputBuffer::append(std::string_view bytes) {
    const std::size_t first = std::min(bytes.size(), kHalf - head_.size());
    head_.append(bytes.substr(0, first));
    tail_.append(bytes.substr(first));
    if (tail_.size() > 2 * kHalf) {
        dropped_ += tail_.size() - kHalf;
        tail_.erase(0, tail_.size() - kHalf);
    }
}

std::string OutputBuffer::text() const {
    const std::size_t extra = tail_.size() > kHalf ? tail_.size() - kHalf : 0;
    if (dropped_ + extra == 0) return head_ + tail_;
    return head_ + "\n... " + std::to_string(dropped_ + extra) + " bytes dropped ...\n" + tail_.substr(extra);
}

base::Result<Process> Process::start(const Invocation& invocation) {
    TRY(Pipe out, make_pipe());
    TRY(Pipe err, make_pipe());
    TRY(Pipe failure, make_pipe());
    const auto argv = pointers(invocation.arguments);
    const auto envp = pointers(invocation.environment);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return base::system_error("cannot start " + invocation.arguments[0]);
    if (pid == 0) {
        become(argv.data(), envp.data(), out.write.get(), err.write.get(), failure.write.get(), parent);
    }
    Process process;
    process.pid_ = pid;
    failure.write.reset();
    int code = 0;
    ssize_t n = 0;
    do {
        n = ::read(failure.read.get(), &code, sizeof(code));
    } while (n < 0 && errno == EINTR);
    if (n == sizeof(code)) {
        const Errc kind = code == ENOENT ? Errc::not_found : Errc::invalid;
        return base::Error{kind, "cannot run " + invocation.arguments[0] + ": " + std::strerror(code)};
    }
    process.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.pidfd_.valid()) return base::system_error("cannot watch " + invocation.arguments[0]);
    process.out_fd_ = std::move(out.read);
    process.err_fd_ = std::move(err.read);
    ::fcntl(process.out_fd_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(process.err_fd_.get(), F_SETFL, O_NONBLOCK);
    return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      out_fd_(std::move(other.out_fd_)),
      err_fd_(std::move(other.err_fd_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Process::~Process() {
    if (pid_ < 0) return;
    kill_group();
    ::kill(pid_, SIGKILL);  // it may not have reached setsid()
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

void Process::drain() {
    if (out_fd_.valid() && !drain_one(out_fd_, out_)) out_fd_.reset();
    if (err_fd_.valid() && !drain_one(err_fd_, err_)) err_fd_.reset();
}

void Process::kill_group() const {
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

bool Process::reap(End& end) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    end.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    pid_ = -1;
    drain();
    out_fd_.reset();
    err_fd_.reset();
    pidfd_.reset();
    return true;
}

base::Result<Captured> run_captured(const Invocation& invocation, base::Duration timeout) {
    using Clock = std::chrono::steady_clock;
    TRY(Process process, Process::start(invocation));
    const auto deadline = Clock::now() + std::chrono::nanoseconds(timeout.ns);
    Process::End end;
    while (!process.reap(end)) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) {
            return Error{Errc::timed_out, invocation.arguments[0] + " did not end within " +
                                              std::to_string(timeout.ms()) + " ms and was killed"};
        }
        std::array<pollfd, 3> fds{
            {{process.pidfd(), POLLIN, 0}, {process.out_fd(), POLLIN, 0}, {process.err_fd(), POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), static_cast<int>(left) + 1);
        process.drain();
    }
    if (end.signal != 0) {
        return Error{Errc::io, invocation.arguments[0] + " died by signal " + std::to_string(end.signal)};
    }
    return Captured{end.exit_status, process.out(), process.err()};
}

}  // namespace agents

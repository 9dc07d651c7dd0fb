#include "agents/runner/runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <thread>

#include "agents/ocf/process.hpp"
#include "agents/runner/clock.hpp"
#include "agents/runner/codec.hpp"
#include "agents/runner/key_file.hpp"
#include "agents/runner/node_file.hpp"
#include "agents/runner/operation_queue.hpp"
#include "agents/vip/sysctl.hpp"

namespace agents {

namespace {

using base::Errc;
using base::Fd;

// A core that takes no results for this long a backlog is lost; it is told by the end of the stream.
constexpr std::size_t kBacklog = 64 * 1024 * 1024;

std::size_t default_limit() {
    return 2 * std::max(1U, std::thread::hardware_concurrency());
}

int code_of(const base::Error& error) {
    if (error.code == Errc::not_found) return manager::kOcfNotInstalled;
    if (error.code == Errc::invalid) return manager::kOcfPermission;
    return manager::kOcfUnknown;
}

// One execution of an agent.
struct Execution {
    AgentProgram program;
    manager::OperationRequest request;
    Process process;
    bool killed{false};
};

OperationQueue::Outcome outcome_of(const Execution& execution, const Process::End& end) {
    if (end.signal != 0) {
        return {manager::kOcfGeneric, "the agent died by signal " + std::to_string(end.signal) + " (" +
                                          ::strsignal(end.signal) + ")"};
    }
    const int code =
        interpret_exit(execution.program, execution.request.action, end.exit_status, execution.process.out());
    const bool fine = code == manager::kOcfOk || code == manager::kOcfRunningPromoted ||
                      (code == manager::kOcfNotRunning && execution.request.action == "monitor");
    return {code, fine ? std::string() : exit_reason(execution.process.err())};
}

class Runner {
  public:
    Runner(Fd core, Fd signals, const RunnerOptions& options)
        : core_(std::move(core)),
          signals_(std::move(signals)),
          directories_(options.directories),
          key_file_(options.key_file),
          node_file_(options.node_file),
          queue_(options.limit == 0 ? default_limit() : options.limit) {}

    void run() {
        while (alive_) {
            step();
            if (alive_) wait();
        }
        executions_.clear();  // kills the operations' process groups
    }

  private:
    void step() {
        queue_.advance(boottime_now());
        // A program that cannot be started finishes at once, which may let the next one start.
        for (auto effects = queue_.take_effects(); !effects.empty(); effects = queue_.take_effects()) {
            for (auto& effect : effects) apply(std::move(effect));
            queue_.advance(boottime_now());
        }
        flush();
    }

    void apply(OperationQueue::Effect effect) {
        if (auto* start = std::get_if<OperationQueue::Start>(&effect)) begin(std::move(*start));
        if (const auto* kill = std::get_if<OperationQueue::Kill>(&effect)) {
            if (const auto at = executions_.find(kill->run); at != executions_.end()) kill_late(at->second);
        }
        if (const auto* result = std::get_if<manager::OperationResult>(&effect)) send(*result);
    }

    void begin(OperationQueue::Start start) {
        const auto program = find_agent(directories_, start.request.agent);
        if (!program) return failed(start.run, program.error());
        auto process = Process::start(make_invocation(*program, start.request));
        if (!process) return failed(start.run, process.error());
        executions_.emplace(start.run,
                            Execution{*program, std::move(start.request), *std::move(process), false});
    }

    static void kill_late(Execution& execution) {
        execution.killed = true;
        execution.process.kill_group();
        if (execution.request.interval.ns > 0) return;
        std::fprintf(stderr, "custosd runner: %s of %s did not end within %lld ms: killed\n",
                     execution.request.action.c_str(), execution.request.resource.c_str(),
                     static_cast<long long>(execution.request.timeout.ms()));
    }

    void failed(std::uint64_t run, const base::Error& error) {
        queue_.finished(boottime_now(), run, {code_of(error), error.message});
    }

    void wait() {
        std::vector<pollfd> fds{
            {signals_.get(), POLLIN, 0},
            {core_.get(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0}};
        for (const auto& [run, e] : executions_) {
            for (const int fd : {e.process.pidfd(), e.process.out_fd(), e.process.err_fd()}) {
                if (fd >= 0) fds.push_back({fd, POLLIN, 0});
            }
        }
        if (::poll(fds.data(), fds.size(), poll_timeout(boottime_now(), queue_.next_deadline())) < 0) return;
        if (fds[0].revents != 0) alive_ = false;
        if (fds[1].revents != 0) receive();
        collect();
    }

    void collect() {
        for (auto at = executions_.begin(); at != executions_.end();) {
            at->second.process.drain();
            Process::End end;
            if (!at->second.process.reap(end)) {
                ++at;
                continue;
            }
            auto outcome = outcome_of(at->second, end);
            log_failure(at->second, outcome);
            queue_.finished(boottime_now(), at->first, std::move(outcome));
            at = executions_.erase(at);
        }
    }

    // What the agent wrote is worth keeping where the administrator looks: the unit's journal.
    static void log_failure(const Execution& execution, const OperationQueue::Outcome& outcome) {
        if (outcome.code == manager::kOcfOk || outcome.code == manager::kOcfNotRunning ||
            outcome.code == manager::kOcfRunningPromoted || execution.request.interval.ns > 0 ||
            execution.killed) {
            return;
        }
        std::fprintf(stderr, "custosd runner: %s of %s returned %d: %s\n%s", execution.request.action.c_str(),
                     execution.request.resource.c_str(), outcome.code, outcome.reason.c_str(),
                     execution.process.err().c_str());
    }

    void receive() {
        std::array<std::uint8_t, 65536> chunk{};
        const ssize_t n = ::recv(core_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) {
            alive_ = false;
            return;
        }
        in_.append(base::ByteView(chunk).first(static_cast<std::size_t>(n)));
        while (alive_) {
            const auto body = in_.next();
            if (!body) return lose(body.error());
            if (!body->has_value()) return;
            auto message = decode_to_runner(**body);
            if (!message) return lose(message.error());
            handle(std::move(*message));
        }
    }

    void lose(const base::Error& error) {
        std::fprintf(stderr, "custosd runner: %s; ending\n", error.message.c_str());
        alive_ = false;
    }

    void handle(ToRunner message) {
        if (auto* request = std::get_if<manager::OperationRequest>(&message)) {
            queue_.submit(boottime_now(), std::move(*request));
        }
        if (const auto* cancel = std::get_if<CancelRecurring>(&message)) {
            queue_.cancel_recurring(boottime_now(), cancel->resource);
        }
        if (std::holds_alternative<PersistNonlocalBind>(message)) {
            if (const auto done = persist_nonlocal_bind(); !done) send(RunnerNote{done.error().message});
        }
        if (const auto* key = std::get_if<WriteKey>(&message)) {
            const base::Status done = replace_key_file(key_file_, key->text);
            send(KeyWritten{done ? "" : done.error().message});
        }
        if (const auto* file = std::get_if<WriteNodeFile>(&message)) {
            const base::Result<std::string> done = replace_node_file(node_file_, *file);
            send(done ? NodeFileWritten{"", *done} : NodeFileWritten{done.error().message, ""});
        }
    }

    void send(const FromRunner& message) {
        const base::Bytes frame = encode_frame(message);
        out_.insert(out_.end(), frame.begin(), frame.end());
    }

    void flush() {
        while (!out_.empty()) {
            const ssize_t n = ::send(core_.get(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) {
                if (errno != EAGAIN || out_.size() > kBacklog) alive_ = false;
                return;
            }
            out_.erase(out_.begin(), out_.begin() + n);
        }
    }

    Fd core_, signals_;
    AgentDirectories directories_;
    std::string key_file_;
    std::string node_file_;
    OperationQueue queue_;
    std::map<std::uint64_t, Execution> executions_;
    FrameBuffer in_;
    base::Bytes out_;
    bool alive_{true};
};

}  // namespace

int run_runner(int fd, const RunnerOptions& options) {
    Fd core(fd);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    Fd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signal_fd.valid()) {
        std::fprintf(stderr, "custosd runner: cannot receive signals: %s\n", std::strerror(errno));
        return 1;
    }
    Runner(std::move(core), std::move(signal_fd), options).run();
    return 0;
}

}  // namespace agents

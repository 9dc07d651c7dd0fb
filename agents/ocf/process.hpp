// One run of a program in a process group of its own: an edge. Used by the runner for operations and by
// `custos` for metadata.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "agents/ocf/invocation.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace agents {

// What a program wrote: the first and the last 32 KiB are kept, what is between is drained and dropped.
class OutputBuffer {
  public:
    static constexpr std::size_t kHalf = 32 * 1024;
    void append(std::string_view bytes);
    // A line says how much is missing, if something is.
    [[nodiscard]] std::string text() const;

  private:
    std::string head_, tail_;
    std::size_t dropped_{0};
};

// A running child. Its process group (and session) is its pid; the group outlives the child if it left others
// behind.
class Process {
  public:
    // Forks and runs the program with stdin /dev/null, stdout and stderr piped, cwd /, umask 022, default
    // signals, no other descriptor open. The child is killed when the calling thread ends. Error io: fork
    // failed; not_found: no such program; invalid: it cannot be executed (mode, interpreter).
    [[nodiscard]] static base::Result<Process> start(const Invocation& invocation);

    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    // Kills the group and reaps the child if that was not done yet.
    ~Process();

    // Readable when the child has ended.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    // Readable when there is output; -1 once that stream is closed.
    [[nodiscard]] int out_fd() const { return out_fd_.get(); }
    [[nodiscard]] int err_fd() const { return err_fd_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }

    // Reads what is there, at most about 1 MiB a call, without waiting.
    void drain();
    // SIGKILL to everything in the group.
    void kill_group() const;
    struct End {
        int exit_status{0};
        int signal{0};  // 0: it exited by itself
    };
    // Reaps the child if it has ended; then the pipes are read a last time and closed, whoever else holds
    // them.
    [[nodiscard]] bool reap(End& end);

    [[nodiscard]] std::string out() const { return out_.text(); }
    [[nodiscard]] std::string err() const { return err_.text(); }

  private:
    Process() = default;
    pid_t pid_{-1};
    base::Fd pidfd_, out_fd_, err_fd_;
    OutputBuffer out_, err_;
};

struct Captured {
    int exit_status{0};
    std::string out, err;
};
// Runs a program to its end and waits for it. Error timed_out: it was killed; as for Process::start; died by
// a signal: io.
[[nodiscard]] base::Result<Captured> run_captured(const Invocation& invocation, base::Duration timeout);

}  // namespace agents

#include "tests/sim/ring/child.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "totem/base/check.hpp"

namespace sim {

namespace {

class Child {
  public:
    // Starts it.
    Child(std::uint64_t seed, std::size_t report_size,
          const std::function<void(std::uint64_t, std::span<std::byte>)>& work)
        : seed_(seed),
          report_(report_size) {
        int ends[2];
        ASSERT(pipe(ends) == 0);
        std::fflush(stdout);
        pid_ = fork();
        ASSERT(pid_ >= 0);
        if (pid_ == 0) {
            work(seed, report_);
            std::fflush(stdout);
            _exit(write(ends[1], report_.data(), report_.size()) == size() ? 0 : 1);
        }
        close(ends[1]);
        from_ = ends[0];
    }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    // Can be read as soon as the report is there.
    [[nodiscard]] int end() const { return from_; }
    [[nodiscard]] std::span<const std::byte> report() const { return report_; }

    // Waits for its end; call it once. A child that dies broke a guarantee.
    [[nodiscard]] Ending wait() {
        const bool got = read(from_, report_.data(), report_.size()) == size();
        close(from_);
        int status = 0;
        waitpid(pid_, &status, 0);
        if (got) return {};
        const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        return {signal == SIGALRM ? Verdict::livelock : Verdict::safety,
                "ended by " + (signal != 0 ? std::string(strsignal(signal)) : "itself")};
    }

  private:
    [[nodiscard]] ssize_t size() const { return static_cast<ssize_t>(report_.size()); }
    std::uint64_t seed_;
    std::vector<std::byte> report_;
    pid_t pid_;
    int from_;
};

}  // namespace

void for_each_process(
    const std::vector<std::uint64_t>& seeds, std::size_t report_size,
    const std::function<void(std::uint64_t, std::span<std::byte>)>& work,
    const std::function<void(std::uint64_t, std::span<const std::byte>, const Ending&)>& tell) {
    std::vector<Child> running;
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t next = 0; next < seeds.size() || !running.empty();) {
        while (next < seeds.size() && running.size() < processors)
            running.emplace_back(seeds[next++], report_size, work);
        std::vector<pollfd> ends;
        for (const Child& child : running) ends.push_back({child.end(), POLLIN, 0});
        ASSERT(poll(ends.data(), ends.size(), -1) > 0 || errno == EINTR);
        for (std::size_t i = running.size(); i-- > 0;) {
            if (ends[i].revents == 0) continue;
            const Ending ending = running[i].wait();
            tell(running[i].seed(), running[i].report(), ending);
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
}

const char* word(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::safety:
            return "SAFETY";
        case Verdict::liveness:
            return "LIVENESS";
        case Verdict::livelock:
            return "LIVELOCK";
    }
    return "";
}

}  // namespace sim

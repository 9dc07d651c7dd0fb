#include "agents/guard/guard.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>

#include "agents/guard/children.hpp"
#include "agents/guard/frames.hpp"
#include "agents/guard/last_words.hpp"
#include "agents/guard/page.hpp"
#include "agents/runner/clock.hpp"
#include "membership/lease/guard_lease.hpp"
#include "totem/base/fd.hpp"

namespace agents {

namespace {

using base::Fd;

// A core that takes no replies for this many is hung.
constexpr std::size_t kBacklog = 4096;
// A start waits for the lease of its view for so long.
constexpr base::Duration kLeasePatience = base::seconds(3);
constexpr base::Duration kDropAgain = base::milliseconds(20);

base::Result<Fd> open_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return base::system_error("cannot receive signals");
    return fd;
}

// Above the ring thread, so that a busy core cannot keep guard from its work; reset in children.
bool go_realtime() {
    sched_param parameter{};
    parameter.sched_priority = ::sched_get_priority_max(SCHED_RR);
    return ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameter) == 0;
}

class Guard {
  public:
    Guard(const GuardOptions& options, Fd signals, AddressAgent agent, LeasePageFile page, Account account,
          GuardFacts facts)
        : options_(options),
          signals_(std::move(signals)),
          agent_(std::move(agent)),
          account_(account),
          facts_(facts),
          supervisor_(options.policy),
          page_(std::move(page)) {}

    int run() {
        supervisor_.begin();
        while (true) {
            step();
            if (exit_code_) {
                page_.publish({});
                return *exit_code_;
            }
            wait();
        }
    }

  private:
    void step() {
        const base::Instant now = boottime_now();
        follow_lease(now);
        begin_waiting(now);
        agent_.advance(now);
        supervisor_.advance(now);
        // An effect (a launch that fails) may cause others.
        for (auto effects = supervisor_.take_effects(); !effects.empty();
             effects = supervisor_.take_effects()) {
            for (const auto& effect : effects) apply(effect);
        }
        for (const auto& outcome : agent_.take_outcomes()) reply(outcome);
        // The core logs them where the administrator wants the log.
        for (const auto& note : agent_.take_notes()) {
            if (pair_.core_socket.valid()) {
                reply(GuardNote{note});
            } else {
                log(note);
            }
        }
        flush();
    }

    void apply(const Supervisor::Effect& effect) {
        if (std::holds_alternative<Supervisor::Launch>(effect)) launch();
        if (const auto* s = std::get_if<Supervisor::Signal>(&effect)) {
            const Child& child = s->role == Role::core ? pair_.core : pair_.runner;
            if (child.pid > 0) ::kill(child.pid, s->signal);
        }
        if (const auto* notify = std::get_if<Supervisor::Notify>(&effect)) notify_systemd(notify->state);
        if (const auto* line = std::get_if<Supervisor::Log>(&effect)) log(line->text);
        if (std::holds_alternative<Supervisor::DropAddresses>(effect)) drop();
        if (const auto* exit = std::get_if<Supervisor::Exit>(&effect)) exit_code_ = exit->code;
    }

    // A view that has just begun has no lease for a round trip: its first starts wait for that. So do a fresh
    // guard's first monitors: what it found and adopted without a right would have to go.
    void begin_waiting(base::Instant now) {
        for (auto waiting = std::exchange(waiting_, {}); const Waiting& start : waiting) {
            switch (lease_.admit(now, start.command.ring)) {
                case membership::LeaseVerdict::taken:
                    agent_.submit(now, start.command.address);
                    break;
                case membership::LeaseVerdict::expired:
                case membership::LeaseVerdict::dropping:
                    if (now < start.until) {
                        waiting_.push_back(start);
                        break;
                    }
                    if (start.command.kind == GuardRequestKind::monitor) {
                        agent_.submit(now, start.command.address);
                        break;
                    }
                    refuse(start.command,
                           "this node has no lease: too few of the others have confirmed lately that they "
                           "hear it");
                    break;
                case membership::LeaseVerdict::older_ring:
                    refuse(start.command, "decided in ring " + base::to_string(start.command.ring) +
                                              ", which another has replaced: not done");
            }
        }
    }

    void refuse(const GuardCommand& command, const std::string& why) {
        reply(AddressOutcome{command.address.id, manager::kOcfUnknown, why});
    }

    // What is held without a right is dropped, first of all.
    void follow_lease(base::Instant now) {
        lease_.advance(now);
        if (!lease_.may_hold(now) && agent_.holds_any()) lease_.give_up();
        page_.publish(lease_.view());
        if (!lease_.dropping() || now < drop_again_) return;
        const auto held = agent_.held();
        const auto left = agent_.drop_all();
        const bool again =
            std::exchange(drop_again_, left.empty() ? base::Instant{} : now + kDropAgain) != base::Instant{};
        if (!again) {
            for (const auto& one : held)
                log("no right to hold any more: removing " + one.address + " (" + one.resource + ")");
            for (const auto& one : left) log("could not be removed, is tried again and again: " + one);
        }
        if (!left.empty()) return;
        lease_.dropped();
        page_.publish(lease_.view());
        if (!held.empty()) reply(GuardDropped{});
    }

    void launch() {
        auto pair = launch_pair(options_, account_, supervisor_.restarts() > 0);
        if (!pair) return supervisor_.launch_failed(boottime_now(), pair.error().message);
        pair_ = *std::move(pair);
        out_.clear();
        last_words_.forget();
        waiting_.clear();
        gate_ = {};
        facts_.restarts = supervisor_.crashes();
        reply(facts_);
    }

    void drop() {
        for (const auto& held : agent_.held()) log("removing " + held.address + " (" + held.resource + ")");
        for (const auto& left : agent_.drop_all()) log("could not be removed: " + left);
    }

    void wait() {
        std::vector<pollfd> fds{
            {signals_.get(), POLLIN, 0},
            {pair_.core.pidfd.get(), POLLIN, 0},
            {pair_.runner.pidfd.get(), POLLIN, 0},
            {pair_.core_socket.get(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0}};
        for (const int fd : agent_.fds()) fds.push_back({fd, POLLIN, 0});
        const base::Instant deadline =
            std::min({agent_.next_deadline(), supervisor_.next_deadline(),
                      lease_.dropping() ? drop_again_ : lease_.next_deadline(),
                      waiting_.empty() ? base::Instant::never() : waiting_.front().until});
        if (::poll(fds.data(), fds.size(), poll_timeout(boottime_now(), deadline)) < 0) return;
        // What the core still said before it ended comes first.
        if (fds[3].revents != 0) receive();
        if (fds[0].revents != 0) take_signals();
        if (fds[1].revents != 0) reap(pair_.core, Role::core);
        if (fds[2].revents != 0) reap(pair_.runner, Role::runner);
    }

    void take_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
            if (info.ssi_signo == SIGHUP) {
                if (pair_.key.valid()) {
                    if (const auto renewed = renew_key(options_, pair_); !renewed)
                        log(renewed.error().message + "; the core keeps its keys");
                }
                supervisor_.reload();
            } else {
                supervisor_.terminate(boottime_now());
            }
        }
    }

    void reap(Child& child, Role role) {
        int status = 0;
        if (::waitpid(child.pid, &status, WNOHANG) != child.pid) return;
        child = {};
        if (role == Role::core) {
            pair_.core_socket.reset();
            last_words_.speak();  // also after a goodbye of its own, which may be lost
        }
        const ChildEnd end{WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                           WIFSIGNALED(status) ? WTERMSIG(status) : 0};
        supervisor_.ended(boottime_now(), role, end);
    }

    void receive() {
        // One byte more than a request: a longer packet shows.
        std::array<std::uint8_t, sizeof(GuardRequest) + 1> packet{};
        while (pair_.core_socket.valid()) {
            const ssize_t n = ::recv(pair_.core_socket.get(), packet.data(), packet.size(), 0);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n <= 0) return pair_.core_socket.reset();  // its end follows by pidfd
            auto command = decode_request(base::ByteView(packet).first(static_cast<std::size_t>(n)));
            if (!command) {
                log(command.error().message + ": the core is killed");
                ::kill(pair_.core.pid, SIGKILL);
                return pair_.core_socket.reset();
            }
            handle(*command);
        }
    }

    void handle(const GuardCommand& command) {
        const base::Instant now = boottime_now();
        if (command.kind == GuardRequestKind::ready) return supervisor_.core_ready();
        if (command.kind == GuardRequestKind::farewell) return last_words_.keep(command.farewell);
        if (command.kind == GuardRequestKind::renew) {
            static_cast<void>(lease_.renew(now, command.renewal));
            return page_.publish(lease_.view());
        }
        if (command.kind == GuardRequestKind::entered) lease_.entered(command.ring);
        if (command.kind == GuardRequestKind::give_up) lease_.give_up();
        const std::string refusal = gate_.admit(command.ring);
        if (command.kind == GuardRequestKind::entered || command.kind == GuardRequestKind::give_up) return;
        if (command.kind == GuardRequestKind::announce_all) {
            if (refusal.empty()) agent_.announce_all(now);
            return;
        }
        if (!refusal.empty()) return refuse(command, refusal);
        had_right_ = had_right_ || lease_.may_hold(now);
        const bool finds = command.kind == GuardRequestKind::monitor && !had_right_;
        if (command.kind == GuardRequestKind::start || finds) {
            waiting_.push_back({command, now + kLeasePatience});
            return begin_waiting(now);
        }
        agent_.submit(now, command.address);
    }

    void reply(const GuardMessage& message) {
        if (pair_.core_socket.valid()) out_.push_back(encode(message));
    }

    void flush() {
        while (!out_.empty() && pair_.core_socket.valid()) {
            const ssize_t n =
                ::send(pair_.core_socket.get(), &out_.front(), sizeof(GuardReply), MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) break;
            out_.pop_front();
        }
        if (out_.size() <= kBacklog || pair_.core.pid < 0) return;
        log("the core takes no replies: it is killed");
        ::kill(pair_.core.pid, SIGKILL);
        out_.clear();
    }

    void log(const std::string& text) const {
        if (options_.log) return options_.log(text);
        std::fprintf(stderr, "custosd guard: %s\n", text.c_str());
    }

    const GuardOptions& options_;
    Fd signals_;
    AddressAgent agent_;
    Account account_;
    GuardFacts facts_;
    Supervisor supervisor_;
    Pair pair_;
    RingGate gate_;
    // A core that is gone is the supervisor's to judge: its lease ends by itself.
    membership::GuardLease lease_{base::seconds(3600), false};
    LeasePageFile page_;
    base::Instant drop_again_;  // what could not be removed
    struct Waiting {            // a start, or a monitor
        GuardCommand command;
        base::Instant until;
    };
    std::vector<Waiting> waiting_;
    bool had_right_{false};
    LastWords last_words_;
    std::deque<GuardReply> out_;
    std::optional<int> exit_code_;
};

int refuse(const GuardOptions& options, const base::Error& error) {
    if (options.log) {
        options.log(error.message);
    } else {
        std::fprintf(stderr, "custosd: %s\n", error.message.c_str());
    }
    return kExitRefused;
}

}  // namespace

int run_guard(const GuardOptions& options) {
    const auto say = [&](const std::string& text) {
        if (options.log) return options.log(text);
        std::fprintf(stderr, "custosd guard: %s\n", text.c_str());
    };
    if (const auto key = open_key(options.key_file); !key) return refuse(options, key.error());
    const auto account = find_account(options.user);
    GuardFacts facts;
    facts.core_is_root = !account || account->uid == 0;
    if (!account) say("there is no user " + options.user + ": the core runs as root");
    if (const auto made = prepare_directories(options, account.value_or(Account{})); !made) {
        return refuse(options, made.error());
    }
    auto signals = open_signals();
    if (!signals) return refuse(options, signals.error());
    auto agent = AddressAgent::open();
    if (!agent) return refuse(options, agent.error());
    if (options.realtime) {
        facts.not_realtime = !go_realtime();
        if (facts.not_realtime) say(std::string("real-time scheduling refused: ") + std::strerror(errno));
        facts.not_locked = ::mlockall(MCL_CURRENT | MCL_FUTURE) != 0;
        if (facts.not_locked) say(std::string("locked memory refused: ") + std::strerror(errno));
    }
    auto page = LeasePageFile::create(options.runtime_directory + "/" + options.lease_page);
    if (!page) return refuse(options, page.error());
    return Guard(options, *std::move(signals), *std::move(agent), *std::move(page),
                 account.value_or(Account{}), facts)
        .run();
}

}  // namespace agents

// What guard does about its two children, as a stepped value: launch, restart, leave in order, give up. Core
// and runner live and die as a pair (docs/decisions/0051-core-and-runner-restart-together.md). Pure:
// guard.cpp carries out the effects.
#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "totem/base/time.hpp"

namespace agents {

enum class Role { core, runner };

// Exit codes of the core, and of guard after it.
inline constexpr int kExitDone = 0;    // it left in order
inline constexpr int kExitFailed = 1;  // guard: the core kept dying
inline constexpr int kExitAnew = 75;   // core: it is to be started again, as another process
inline constexpr int kExitRefused =
    78;  // its configuration or environment is wrong: starting it again would not help

struct ChildEnd {
    int exit_status{0};
    int signal{0};  // 0: it exited by itself
};

struct SupervisorPolicy {
    base::Duration stop_timeout = base::seconds(90);  // for the core to hand over its resources
    base::Duration kill_grace = base::seconds(3);     // between SIGTERM and SIGKILL of the runner
    base::Duration window = base::seconds(60);
    unsigned deaths{5};  // within the window: give up
};

class Supervisor {
  public:
    explicit Supervisor(SupervisorPolicy policy) : policy_(policy) {}

    void begin();
    // The pair could not be launched; counts as a death.
    void launch_failed(base::Instant now, const std::string& why);
    void ended(base::Instant now, Role role, ChildEnd end);
    void core_ready();
    // SIGTERM to guard: leave in order.
    void terminate(base::Instant now);
    // SIGHUP to guard: the core reopens its logs.
    void reload();
    void advance(base::Instant now);
    [[nodiscard]] base::Instant next_deadline() const;

    // Effects, in order.
    struct Launch {};  // both children, with fresh sockets
    struct Signal {
        Role role;
        int signal;
    };
    struct Notify {
        std::string state;  // sd_notify(3)
    };
    struct Log {
        std::string text;
    };
    struct DropAddresses {};
    struct Exit {
        int code;
    };
    using Effect = std::variant<Launch, Signal, Notify, Log, DropAddresses, Exit>;
    [[nodiscard]] std::vector<Effect> take_effects();
    [[nodiscard]] unsigned restarts() const { return launches_ == 0 ? 0 : launches_ - 1; }
    // Of these, those that the core did not ask for.
    [[nodiscard]] unsigned crashes() const { return restarts() - std::min(asked_for_, restarts()); }

  private:
    struct Idle {};
    struct Running {};
    struct Clearing {  // one of the pair is dead, the other is being killed
        base::Instant kill_at;
        bool core_killed;  // its death by a signal is our doing
    };
    struct Pausing {
        base::Instant until;
    };
    struct Leaving {  // the core was asked to leave
        base::Instant kill_at;
    };
    struct Finishing {  // the core is dead, the runner is to end, then guard
        base::Instant kill_at;
        int code;
    };
    struct Over {};
    using State = std::variant<Idle, Running, Clearing, Pausing, Leaving, Finishing, Over>;

    void launch();
    void end_pair(base::Instant now);
    void restart(base::Instant now);
    void finish(base::Instant now, int code);
    void core_ended(base::Instant now, ChildEnd end);
    void log(std::string text) { effects_.emplace_back(Log{std::move(text)}); }

    SupervisorPolicy policy_;
    State state_;
    bool core_alive_{false}, runner_alive_{false};
    bool told_ready_{false};
    unsigned launches_{0}, asked_for_{0};
    std::vector<base::Instant> deaths_;  // within the window
    std::vector<Effect> effects_;
};

}  // namespace agents

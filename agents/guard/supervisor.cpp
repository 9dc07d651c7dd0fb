#include "agents/guard/supervisor.hpp"

#include <csignal>
#include <cstring>
#include <utility>

namespace agents {

namespace {

using base::Instant;

std::string describe(Role role, ChildEnd end) {
    const std::string who = role == Role::core ? "the core" : "the runner";
    if (end.signal != 0)
        return who + " died by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) + ")";
    // As run_child in children.cpp says it.
    if (end.exit_status == 126) return who + " could not take the identity of its user";
    if (end.exit_status == 127) return who + " could not be executed";
    return who + " exited with code " + std::to_string(end.exit_status);
}

}  // namespace

void Supervisor::begin() {
    launch();
}

void Supervisor::launch() {
    ++launches_;
    core_alive_ = runner_alive_ = true;
    state_ = Running{};
    effects_.emplace_back(Launch{});
}

void Supervisor::launch_failed(Instant now, const std::string& why) {
    log("cannot start core and runner: " + why);
    core_alive_ = runner_alive_ = false;
    restart(now);
}

void Supervisor::ended(Instant now, Role role, ChildEnd end) {
    (role == Role::core ? core_alive_ : runner_alive_) = false;
    if (role == Role::core) return core_ended(now, end);
    if (std::holds_alternative<Running>(state_)) {
        // A runner ends in order when the core's end of their line closes: the core is going, and its end
        // says why.
        if (end.signal == 0 && end.exit_status == 0) {
            state_ = Clearing{now + policy_.kill_grace, false};
            return;
        }
        log(describe(role, end) + "; the core is restarted with it, addresses stay");
        return end_pair(now);
    }
    if (const auto* finishing = std::get_if<Finishing>(&state_)) return finish(now, finishing->code);
    if (std::holds_alternative<Clearing>(state_) && !core_alive_) restart(now);
    if (std::holds_alternative<Leaving>(state_)) log(describe(role, end) + " before the core had left");
}

void Supervisor::core_ended(Instant now, ChildEnd end) {
    const auto* clearing = std::get_if<Clearing>(&state_);
    if (clearing != nullptr && clearing->core_killed && end.signal != 0) {
        if (!runner_alive_) restart(now);
        return;
    }
    const bool in_order = end.signal == 0 && end.exit_status == kExitDone;
    if (std::holds_alternative<Leaving>(state_)) {
        if (!in_order)
            log(describe(Role::core, end) + " while it was leaving; its addresses are removed now");
        return finish(now, in_order ? kExitDone : kExitFailed);
    }
    if (clearing == nullptr && !std::holds_alternative<Running>(state_)) return;
    if (in_order) return finish(now, kExitDone);
    if (end.signal == 0 && end.exit_status == kExitRefused) {
        log("the core refuses to run (its own message says why); addresses are removed");
        return finish(now, kExitRefused);
    }
    if (end.signal == 0 && end.exit_status == kExitAnew) {
        ++asked_for_;
        log("the core begins anew (its own message says why); addresses stay");
    } else {
        log(describe(Role::core, end) + "; addresses stay, it is restarted");
    }
    end_pair(now);
}

void Supervisor::end_pair(Instant now) {
    // The core has nothing to put in order; the runner has operations to kill.
    if (core_alive_) effects_.emplace_back(Signal{Role::core, SIGKILL});
    if (runner_alive_) effects_.emplace_back(Signal{Role::runner, SIGTERM});
    state_ = Clearing{now + policy_.kill_grace, core_alive_};
    if (!core_alive_ && !runner_alive_) restart(now);
}

void Supervisor::restart(Instant now) {
    std::erase_if(deaths_, [&](Instant death) { return death + policy_.window <= now; });
    deaths_.push_back(now);
    if (deaths_.size() >= policy_.deaths) {
        log("core and runner died " + std::to_string(deaths_.size()) + " times within " +
            std::to_string(policy_.window.ms() / 1000) + " s: giving up, this node drops its addresses");
        return finish(now, kExitFailed);
    }
    if (deaths_.size() == 1) return launch();
    state_ = Pausing{now + base::seconds(std::int64_t{1} << (deaths_.size() - 2))};
}

// Ends the runner, then everything.
void Supervisor::finish(Instant now, int code) {
    if (!runner_alive_) {
        state_ = Over{};
        effects_.emplace_back(DropAddresses{});
        effects_.emplace_back(Exit{code});
        return;
    }
    effects_.emplace_back(Signal{Role::runner, SIGTERM});
    state_ = Finishing{now + policy_.kill_grace, code};
}

void Supervisor::core_ready() {
    if (std::exchange(told_ready_, true)) return;
    effects_.emplace_back(Notify{"READY=1"});
}

void Supervisor::terminate(Instant now) {
    const bool running = std::holds_alternative<Running>(state_);
    const bool restarting =
        std::holds_alternative<Clearing>(state_) || std::holds_alternative<Pausing>(state_);
    if (!running && !restarting) return;
    effects_.emplace_back(Notify{"STOPPING=1"});
    if (core_alive_) {
        effects_.emplace_back(Signal{Role::core, running ? SIGTERM : SIGKILL});
        state_ = Leaving{now + (running ? policy_.stop_timeout : policy_.kill_grace)};
        return;
    }
    log("asked to stop while the core was down: this node's addresses are removed, other resources stay as "
        "they are");
    finish(now, kExitDone);
}

void Supervisor::reload() {
    if (core_alive_) effects_.emplace_back(Signal{Role::core, SIGHUP});
}

void Supervisor::advance(Instant now) {
    if (next_deadline() > now) return;
    if (std::holds_alternative<Pausing>(state_)) return launch();
    if (auto* clearing = std::get_if<Clearing>(&state_)) {
        clearing->kill_at = now + policy_.kill_grace;
        if (core_alive_ && !std::exchange(clearing->core_killed, true))
            log("the core stays without its runner: it is killed and restarted, addresses stay");
        if (core_alive_) effects_.emplace_back(Signal{Role::core, SIGKILL});
        if (runner_alive_) effects_.emplace_back(Signal{Role::runner, SIGKILL});
    }
    if (auto* leaving = std::get_if<Leaving>(&state_)) {
        leaving->kill_at = now + policy_.kill_grace;
        log("the core did not leave within its time: it is killed");
        effects_.emplace_back(Signal{Role::core, SIGKILL});
    }
    if (auto* finishing = std::get_if<Finishing>(&state_)) {
        finishing->kill_at = now + policy_.kill_grace;
        effects_.emplace_back(Signal{Role::runner, SIGKILL});
    }
}

Instant Supervisor::next_deadline() const {
    if (const auto* clearing = std::get_if<Clearing>(&state_)) return clearing->kill_at;
    if (const auto* pausing = std::get_if<Pausing>(&state_)) return pausing->until;
    if (const auto* leaving = std::get_if<Leaving>(&state_)) return leaving->kill_at;
    if (const auto* finishing = std::get_if<Finishing>(&state_)) return finishing->kill_at;
    return Instant::never();
}

std::vector<Supervisor::Effect> Supervisor::take_effects() {
    return std::exchange(effects_, {});
}

}  // namespace agents

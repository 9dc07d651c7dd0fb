// Supervision as a transcript: ends and signals go in, effects come out.
#include "agents/guard/supervisor.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstring>

using agents::ChildEnd;
using agents::Role;
using agents::Supervisor;
using base::Duration;
using base::Instant;
using base::seconds;

namespace {

class Script {
  public:
    Script() : supervisor_({seconds(90), seconds(3), seconds(60), 5}) {}

    Script& begin() { return supervisor_.begin(), *this; }
    Script& core(ChildEnd end) { return supervisor_.ended(now_, Role::core, end), *this; }
    Script& runner(ChildEnd end) { return supervisor_.ended(now_, Role::runner, end), *this; }
    Script& terminate() { return supervisor_.terminate(now_), *this; }
    Script& reload() { return supervisor_.reload(), *this; }
    Script& ready() { return supervisor_.core_ready(), *this; }
    Script& launch_failed() { return supervisor_.launch_failed(now_, "no memory"), *this; }

    // Lets time pass, and tells the effects; log lines in quotes when asked for.
    std::string after(Duration d = {}, bool with_log = false) {
        now_ = now_ + d;
        supervisor_.advance(now_);
        std::string text;
        for (const auto& effect : supervisor_.take_effects()) {
            std::string part;
            if (std::holds_alternative<Supervisor::Launch>(effect)) part = "launch";
            if (const auto* s = std::get_if<Supervisor::Signal>(&effect)) {
                part =
                    std::string(s->role == Role::core ? "core" : "runner") + "<-" + ::sigabbrev_np(s->signal);
            }
            if (const auto* n = std::get_if<Supervisor::Notify>(&effect)) part = n->state;
            if (const auto* l = std::get_if<Supervisor::Log>(&effect))
                part = with_log ? "'" + l->text + "'" : "";
            if (std::holds_alternative<Supervisor::DropAddresses>(effect)) part = "drop";
            if (const auto* e = std::get_if<Supervisor::Exit>(&effect))
                part = "exit " + std::to_string(e->code);
            if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
        }
        return text;
    }
    Duration next() { return supervisor_.next_deadline() - now_; }
    bool sleeps() { return supervisor_.next_deadline() == Instant::never(); }
    unsigned restarts() { return supervisor_.restarts(); }
    unsigned crashes() { return supervisor_.crashes(); }

  private:
    Supervisor supervisor_;
    Instant now_{seconds(1000).ns};
};

constexpr ChildEnd kKilled{0, SIGKILL};
constexpr ChildEnd kDone{0, 0};

}  // namespace

TEST_CASE("launch, ready once, SIGHUP passed on") {
    Script s;
    CHECK(s.begin().after() == "launch");
    CHECK(s.sleeps());
    CHECK(s.ready().ready().after() == "READY=1");
    CHECK(s.reload().after() == "core<-HUP");
    CHECK(s.restarts() == 0);
}

TEST_CASE("a core that dies: the runner is ended first, then both start again at once; addresses stay") {
    Script s;
    s.begin().after();
    CHECK(s.core({0, SIGSEGV}).after({}, true) ==
          "'the core died by signal 11 (Segmentation fault); addresses stay, it is restarted'; runner<-TERM");
    CHECK(s.next() == seconds(3));
    CHECK(s.runner(kDone).after() == "launch");
    CHECK(s.restarts() == 1);
    CHECK(s.sleeps());
    CHECK(s.ready().after() == "READY=1");
}

TEST_CASE("a runner that dies takes the core along") {
    Script s;
    s.begin().after();
    CHECK(s.runner({1, 0}).after({}, true) ==
          "'the runner exited with code 1; the core is restarted with it, addresses stay'; core<-KILL");
    CHECK(s.core(kKilled).after() == "launch");
}

TEST_CASE("a core that has ended by itself is heard, also when its runner's end is seen first") {
    const std::pair<ChildEnd, std::string> ends[] = {
        {{0, 0}, "drop; exit 0"},
        {{78, 0},
         "'the core refuses to run (its own message says why); addresses are removed'; drop; exit 78"},
        {{3, 0}, "'the core exited with code 3; addresses stay, it is restarted'; launch"}};
    for (const auto& [end, effects] : ends) {
        Script s;
        s.begin().after();
        CHECK(s.runner(kDone).after({}, true).empty());
        CHECK(s.core(end).after({}, true) == effects);
    }
    Script killed;
    killed.begin().after();
    killed.runner(kDone);
    CHECK(killed.core(kKilled).after({}, true) ==
          "'the core died by signal 9 (Killed); addresses stay, it is restarted'; launch");
    Script stays;
    stays.begin().after();
    stays.runner(kDone);
    CHECK(stays.after(seconds(3), true) ==
          "'the core stays without its runner: it is killed and restarted, addresses stay'; core<-KILL");
    CHECK(stays.core(kKilled).after({}, true) == "launch");
}

TEST_CASE("a core that asks to be started anew is, and that is no crash") {
    Script s;
    s.begin().after();
    CHECK(s.core({agents::kExitAnew, 0}).after({}, true) ==
          "'the core begins anew (its own message says why); addresses stay'; runner<-TERM");
    CHECK(s.runner(kDone).after() == "launch");
    CHECK(s.restarts() == 1);
    CHECK(s.crashes() == 0);
    s.runner(kDone);  // its end is seen first
    CHECK(s.core({agents::kExitAnew, 0}).after(seconds(100)) == "launch");
    CHECK(s.crashes() == 0);
    s.core(kKilled).after();
    CHECK(s.runner(kDone).after(seconds(100)) == "launch");
    CHECK(s.restarts() == 3);
    CHECK(s.crashes() == 1);
}

TEST_CASE("a runner that does not end is killed, again and again") {
    Script s;
    s.begin().after();
    CHECK(s.core(kKilled).after() == "runner<-TERM");
    CHECK(s.after(seconds(3)) == "runner<-KILL");
    CHECK(s.after(seconds(3)) == "runner<-KILL");
    CHECK(s.runner(kKilled).after() == "launch");
}

TEST_CASE("a core that keeps dying waits longer each time, and the fifth death within a minute is the end") {
    Script s;
    s.begin().after();
    const Duration waits[] = {seconds(0), seconds(1), seconds(2), seconds(4)};
    for (const Duration wait : waits) {
        CHECK(s.core(kKilled).after() == "runner<-TERM");
        if (wait.ns == 0) {
            CHECK(s.runner(kDone).after() == "launch");
            continue;
        }
        CHECK(s.runner(kDone).after().empty());
        CHECK(s.next() == wait);
        CHECK(s.after(wait) == "launch");
    }
    CHECK(s.core(kKilled).after() == "runner<-TERM");
    CHECK(
        s.runner(kDone).after({}, true) ==
        "'core and runner died 5 times within 60 s: giving up, this node drops its addresses'; drop; exit 1");
}

TEST_CASE("deaths that are far apart are forgotten") {
    Script s;
    s.begin().after();
    for (int i = 0; i < 10; ++i) {
        CHECK(s.core(kKilled).after(seconds(0)) == "runner<-TERM");
        CHECK(s.runner(kDone).after() == "launch");
        s.after(seconds(61));
    }
}

TEST_CASE("a launch that fails counts as a death") {
    Script s;
    s.begin().after();
    CHECK(s.launch_failed().after() == "launch");
    CHECK(s.launch_failed().after().empty());
    CHECK(s.next() == seconds(1));
}

TEST_CASE("SIGTERM: the core leaves in order, then the runner, then what addresses are left, then guard") {
    Script s;
    s.begin().after();
    CHECK(s.terminate().after() == "STOPPING=1; core<-TERM");
    CHECK(s.terminate().after().empty());
    CHECK(s.after(seconds(10)).empty());
    CHECK(s.core(kDone).after() == "runner<-TERM");
    CHECK(s.runner(kDone).after() == "drop; exit 0");
}

TEST_CASE("a core that does not leave within its time is killed, and guard does not say that all is well") {
    Script s;
    s.begin().after();
    s.terminate().after();
    CHECK(s.next() == seconds(90));
    CHECK(s.after(seconds(90)) == "core<-KILL");
    CHECK(s.core(kKilled).after() == "runner<-TERM");
    CHECK(s.after(seconds(3)) == "runner<-KILL");
    CHECK(s.runner(kKilled).after() == "drop; exit 1");
}

TEST_CASE("the runner may die while the core leaves") {
    Script s;
    s.begin().after();
    s.terminate().after();
    CHECK(s.runner({1, 0}).after().empty());
    CHECK(s.core(kDone).after() == "drop; exit 0");
}

TEST_CASE(
    "a core that leaves by itself (the administrator asked it) ends guard; so does one that refuses its "
    "input") {
    Script s;
    s.begin().after();
    CHECK(s.core(kDone).after() == "runner<-TERM");
    CHECK(s.runner(kDone).after() == "drop; exit 0");
    Script refused;
    refused.begin().after();
    CHECK(refused.core({agents::kExitRefused, 0}).after() == "runner<-TERM");
    CHECK(refused.runner(kDone).after() == "drop; exit 78");
}

TEST_CASE("SIGTERM while the core is down: nothing to wait for") {
    Script s;
    s.begin().after();
    s.core(kKilled).after();
    CHECK(s.terminate().after() == "STOPPING=1; runner<-TERM");
    CHECK(s.runner(kDone).after() == "drop; exit 0");
    Script pausing;
    pausing.begin().after();
    pausing.core(kKilled).runner(kDone).after();
    pausing.core(kKilled).runner(kDone).after();
    CHECK(pausing.terminate().after() == "STOPPING=1; drop; exit 0");
    Script clearing;
    clearing.begin().after();
    clearing.runner(kKilled).after();
    CHECK(clearing.terminate().after() == "STOPPING=1; core<-KILL");
    CHECK(clearing.core(kKilled).after() == "drop; exit 1");
}

// True time, machines' clocks, threads that may be stopped at any point, and a network: what the lease is run
// on in the simulator. Nothing in here knows what a lease is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/base/rng.hpp"
#include "totem/base/time.hpp"

namespace sim {

using base::Duration;
using base::Instant;
using Step = std::function<void()>;

// CLOCK_BOOTTIME of one machine: runs at a rate of its own, and stands while a virtual machine is paused.
class Clock {
  public:
    [[nodiscard]] Instant at(Instant truth) const {
        if (stopped_) return base_;
        const Duration d = truth - since_;
        return base_ + d + Duration{d.ns * ppm_ / 1'000'000};
    }
    // The first true moment at which the clock shows `local`, if nothing changes.
    [[nodiscard]] Instant truth(Instant now, Instant local) const {
        const Duration left = local - at(now);
        if (left.ns <= 0) return now;
        return now + Duration{left.ns * 1'000'000 / (1'000'000 + ppm_) + 1};
    }
    void boot(Instant now) {
        since_ = now;
        base_ = base::Instant{1'000'000'000};
        stopped_ = false;
    }
    void set_rate(Instant now, std::int64_t ppm) {
        base_ = at(now);
        since_ = now;
        ppm_ = ppm;
    }
    void stop(Instant now) {
        base_ = at(now);
        stopped_ = true;
    }
    void go(Instant now) {
        since_ = now;
        stopped_ = false;
    }
    [[nodiscard]] std::int64_t ppm() const { return ppm_; }

  private:
    Instant since_, base_;
    std::int64_t ppm_{0};
    bool stopped_{false};
};

// One thread or process: takes one step after the other, and none while it is stopped.
struct Thread {
    bool alive{false};
    std::uint64_t life{0};
    Instant stopped_until;                // true time
    std::optional<Instant> asleep_since;  // true time; while it goes through what came meanwhile, too
    std::deque<Step> inbox;

    void begin() {
        alive = true;
        ++life;
        inbox.clear();
        stopped_until = {};
        asleep_since.reset();
    }
    void end() {
        alive = false;
        ++life;
        inbox.clear();
    }
};

// A socket or queue that keeps its order.
struct Channel {
    Instant last;
};

class World {
  public:
    World(std::uint64_t seed, bool trace) : rng(seed), trace_(trace) {}
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() = default;

    [[nodiscard]] Instant now() const { return now_; }
    void at(Duration delay, Step step);
    // Runs events up to that moment.
    void run_until(Instant end);
    // A step of a thread, after a delay; nothing if that life of the thread is over by then.
    void post(Thread& thread, Duration delay, Step step);
    void post(Channel& channel, Thread& thread, Duration delay, Step step);
    void stop(Thread& thread, Duration length);
    [[nodiscard]] bool running(const Thread& thread) const {
        return thread.alive && now_ >= thread.stopped_until;
    }
    // The rest of a step, before which the thread may lose the processor: the last thing that a step does.
    void preempted(Thread& thread, Step rest);
    // Until then no thread is stopped by itself.
    std::uint32_t stall_per_mille{0};
    Duration longest_stall{base::milliseconds(100)};

    // The network. Datagrams from one node to another.
    std::uint32_t loss_per_mille{0}, copies_per_mille{0}, slow_per_mille{0};
    Duration delay_most{base::milliseconds(1)}, slow_most{base::milliseconds(500)};
    void cut(base::NodeId from, base::NodeId to) { cuts_[{from, to}] = true; }
    void heal() { cuts_.clear(); }
    [[nodiscard]] bool passes(base::NodeId from, base::NodeId to) const {
        return cuts_.find({from, to}) == cuts_.end();
    }
    void send(base::NodeId from, base::NodeId to, Thread& receiver, const Step& step);

    [[nodiscard]] Duration upto(Duration most) {
        return Duration{static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most.ns) + 1))};
    }
    [[nodiscard]] bool tracing() const { return trace_; }
    void note(const std::string& text) const;

    base::Rng rng;
    std::uint64_t steps{0}, datagrams{0}, lost{0}, stalls{0};

  private:
    struct Event {
        Instant at;
        std::uint64_t number;
        Step step;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : number > other.number;
        }
    };
    void wake(Thread& thread);

    bool trace_;
    Instant now_;
    std::uint64_t events_{0};
    std::priority_queue<Event> queue_;
    std::map<std::pair<base::NodeId, base::NodeId>, bool> cuts_;
};

}  // namespace sim

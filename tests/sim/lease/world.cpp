#include "tests/sim/lease/world.hpp"

#include <cinttypes>
#include <cstdio>
#include <utility>

namespace sim {

void World::at(Duration delay, Step step) {
    queue_.push({now_ + delay, ++events_, std::move(step)});
}

void World::run_until(Instant end) {
    while (!queue_.empty() && queue_.top().at <= end) {
        const Event event = queue_.top();
        queue_.pop();
        now_ = event.at;
        ++steps;
        event.step();
    }
    now_ = end;
}

void World::post(Thread& thread, Duration delay, Step step) {
    at(delay, [this, &thread, life = thread.life, step = std::move(step)] {
        if (!thread.alive || thread.life != life) return;
        if (now_ < thread.stopped_until || !thread.inbox.empty()) {
            thread.inbox.push_back(step);
        } else {
            step();
        }
    });
}

void World::post(Channel& channel, Thread& thread, Duration delay, Step step) {
    channel.last = std::max(channel.last, now_ + delay);
    post(thread, channel.last - now_, std::move(step));
}

void World::stop(Thread& thread, Duration length) {
    if (!thread.asleep_since) thread.asleep_since = now_;
    thread.stopped_until = std::max(thread.stopped_until, now_ + length);
    at(thread.stopped_until - now_, [this, &thread, life = thread.life] {
        if (thread.alive && thread.life == life) wake(thread);
    });
}

void World::wake(Thread& thread) {
    while (!thread.inbox.empty() && now_ >= thread.stopped_until) {
        const Step step = std::move(thread.inbox.front());
        thread.inbox.pop_front();
        const std::uint64_t life = thread.life;
        step();
        if (thread.life != life) return;
    }
    if (now_ >= thread.stopped_until) thread.asleep_since.reset();
}

void World::preempted(Thread& thread, Step rest) {
    if (!rng.chance(stall_per_mille)) return rest();
    ++stalls;
    stop(thread, upto(longest_stall));
    thread.inbox.push_front(std::move(rest));
}

void World::send(base::NodeId from, base::NodeId to, Thread& receiver, const Step& step) {
    ++datagrams;
    const int copies = rng.chance(copies_per_mille) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        if (!passes(from, to) || rng.chance(loss_per_mille)) {
            ++lost;
            continue;
        }
        post(receiver, upto(rng.chance(slow_per_mille) ? slow_most : delay_most), step);
    }
}

void World::note(const std::string& text) const {
    if (trace_) std::printf("%10.3f  %s\n", static_cast<double>(now_.ns) / 1e6, text.c_str());
}

}  // namespace sim

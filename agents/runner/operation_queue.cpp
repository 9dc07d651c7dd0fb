#include "agents/runner/operation_queue.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace agents {

namespace {

using base::Instant;
using manager::OperationRequest;

// Between the kill and the conclusion that it does not work.
constexpr base::Duration kKillGrace = base::seconds(2);

bool is_monitor(const OperationRequest& request) {
    return request.action == "monitor" || request.interval.ns > 0;
}
bool is_stop(const OperationRequest& request) {
    return request.action == "stop";
}
bool is_recurring(const OperationRequest& request) {
    return request.interval.ns > 0;
}

// Lower runs first.
int rank(const OperationRequest& request) {
    if (is_stop(request)) return 0;
    if (is_recurring(request)) return 3;
    return is_monitor(request) ? 2 : 1;
}

std::string stuck_reason(const OperationRequest& request) {
    return request.action + " of " + request.resource +
           " was killed and does not end: it waits in the kernel, usually for a disk or a network file "
           "system";
}

}  // namespace

bool OperationQueue::knows(std::uint64_t id) const {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [&](const Entry& e) { return e.request.id == id; }) ||
           std::any_of(running_.begin(), running_.end(),
                       [&](const auto& r) { return r.second.entry.request.id == id; });
}

const OperationQueue::Running* OperationQueue::running(const std::string& resource) const {
    for (const auto& [run, r] : running_) {
        if (r.entry.request.resource == resource) return &r;
    }
    return nullptr;
}

void OperationQueue::submit(Instant now, OperationRequest request) {
    if (knows(request.id)) return;
    if (const Running* blocker = running(request.resource);
        blocker != nullptr && blocker->phase == Phase::stuck) {
        effects_.emplace_back(manager::OperationResult{
            request.id, manager::kOcfTimeout, stuck_reason(blocker->entry.request), {}});
        return;
    }
    if (is_stop(request)) cancel_recurring(now, request.resource);
    if (is_recurring(request)) {
        const auto same = [&](const OperationRequest& r) {
            return r.resource == request.resource && r.action == request.action &&
                   r.interval == request.interval;
        };
        std::erase_if(waiting_, [&](const Entry& e) { return same(e.request); });
        for (auto& [run, r] : running_) {
            if (same(r.entry.request)) r.cancelled = true;
        }
    }
    waiting_.push_back({std::move(request), now, std::nullopt});
}

void OperationQueue::cancel_recurring(Instant now, const std::string& resource) {
    std::erase_if(waiting_,
                  [&](const Entry& e) { return e.request.resource == resource && is_recurring(e.request); });
    for (auto& [run, r] : running_) {
        if (r.entry.request.resource != resource || !is_recurring(r.entry.request)) continue;
        r.cancelled = true;
        if (r.phase != Phase::active) continue;
        effects_.emplace_back(Kill{run});
        mark_killed(now, r);
    }
}

void OperationQueue::mark_killed(Instant now, Running& run) {
    run.phase = Phase::killed;
    run.deadline = now + kKillGrace;
}

void OperationQueue::report(Instant now, Running& run, Outcome outcome) {
    if (run.cancelled) return;
    Entry& entry = run.entry;
    const bool recurring = is_recurring(entry.request);
    if (!recurring || entry.last_code != outcome.code) {
        effects_.emplace_back(manager::OperationResult{entry.request.id, outcome.code,
                                                       std::move(outcome.reason), now - run.started});
    }
    entry.last_code = outcome.code;
}

void OperationQueue::finished(Instant now, std::uint64_t run, Outcome outcome) {
    const auto at = running_.find(run);
    if (at == running_.end()) return;
    Running ended = std::move(at->second);
    running_.erase(at);
    if (ended.cancelled || ended.phase == Phase::stuck) return;
    if (ended.phase == Phase::killed) {
        outcome = {
            manager::kOcfTimeout,
            "did not end within " + std::to_string(ended.entry.request.timeout.ms()) + " ms and was killed"};
    }
    report(now, ended, std::move(outcome));
    if (!is_recurring(ended.entry.request)) return;
    ended.entry.due = now + ended.entry.request.interval;
    waiting_.push_back(std::move(ended.entry));
}

void OperationQueue::expire(Instant now) {
    for (auto& [run, r] : running_) {
        if (r.deadline > now) continue;
        if (r.phase == Phase::killed) {
            declare_stuck(now, r);
        } else if (r.phase == Phase::active) {
            effects_.emplace_back(Kill{run});
            mark_killed(now, r);
        }
    }
}

// The resource's slot stays taken, because two operations at once are worse than none; everything that waits
// for it is told.
void OperationQueue::declare_stuck(Instant now, Running& run) {
    run.phase = Phase::stuck;
    run.deadline = Instant::never();
    const std::string reason = stuck_reason(run.entry.request);
    report(now, run, {manager::kOcfTimeout, reason});
    const std::string resource = run.entry.request.resource;
    for (const Entry& e : waiting_) {
        if (e.request.resource != resource) continue;
        effects_.emplace_back(manager::OperationResult{e.request.id, manager::kOcfTimeout, reason, {}});
    }
    std::erase_if(waiting_, [&](const Entry& e) { return e.request.resource == resource; });
}

// The next operation that may run now: best rank first, then the longest waiting. Operations of one resource
// that are not monitors keep their order.
std::optional<std::size_t> OperationQueue::pick(Instant now) const {
    std::size_t stops = 0;
    for (const auto& [run, r] : running_) stops += is_stop(r.entry.request) ? 1U : 0U;
    const bool room_for_stop = stops < limit_;
    const bool room = running_.size() - stops < limit_;
    std::optional<std::size_t> best;
    std::set<std::string_view> changed;  // resources that an earlier operation is going to change
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
        const OperationRequest& request = waiting_[i].request;
        const bool behind = changed.count(request.resource) > 0;
        if (!is_monitor(request)) changed.insert(request.resource);
        if (behind || waiting_[i].due > now || !(is_stop(request) ? room_for_stop : room)) continue;
        if (running(request.resource) != nullptr) continue;
        if (!best || rank(request) < rank(waiting_[*best].request)) best = i;
    }
    return best;
}

void OperationQueue::advance(Instant now) {
    advanced_to_ = now;
    expire(now);
    while (const auto next = pick(now)) {
        Entry entry = std::move(waiting_[*next]);
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(*next));
        const std::uint64_t run = next_run_++;
        effects_.emplace_back(Start{run, entry.request});
        const Instant deadline =
            entry.request.timeout.ns > 0 ? now + entry.request.timeout : Instant::never();
        running_.emplace(run, Running{std::move(entry), now, deadline, Phase::active});
    }
}

Instant OperationQueue::next_deadline() const {
    Instant next = Instant::never();
    for (const auto& [run, r] : running_) next = std::min(next, r.deadline);
    for (const Entry& e : waiting_) {
        // What was due already waits for a place or for its resource: the end of a run, not the time, starts
        // it.
        if (e.due > advanced_to_) next = std::min(next, e.due);
    }
    return next;
}

std::vector<OperationQueue::Effect> OperationQueue::take_effects() {
    return std::exchange(effects_, {});
}

}  // namespace agents

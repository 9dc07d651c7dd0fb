#include <algorithm>

#include "manager/planner/action.hpp"
#include "manager/planner/history.hpp"

namespace manager::planner {
namespace {

// Codes of agents.
constexpr int kOk = 0, kInvalidParameter = 2, kNotSupported = 3, kNoPermission = 4, kNotInstalled = 5;
constexpr int kNotConfigured = 6, kNotRunning = 7, kPromoted = 8, kFailedPromoted = 9;
constexpr int kDegraded = 190, kDegradedPromoted = 191;
// op-status of a report.
constexpr int kPending = -1, kDone = 0, kCancelled = 1, kError = 4, kStatusNotInstalled = 7;

// stuck: it cannot be stopped for good, and nobody can fence its node.
enum class Verdict { pending, done, failed, hard, stuck, fatal, not_installed };

bool is_probe(const cib::HistoryEntry& entry) {
    return entry.operation == "monitor" && entry.interval_ms == 0;
}

bool is_last_failure(const cib::HistoryEntry& entry) {
    return entry.id.ends_with("_last_failure_0");
}

// The failure is older than failure-timeout, and nothing newer counts.
bool expired(const Judgement& at, const cib::HistoryEntry& entry) {
    const std::int64_t timeout = at.resource.failure_timeout;
    if (timeout <= 0 || entry.changed == 0) return false;
    if (at.cluster.options.now < entry.changed + timeout) return false;
    if (is_last_failure(entry) &&
        on_fail(at.cluster, at.resource, entry.operation, entry.interval_ms) == OnFail::block)
        return false;
    if (fail_count(at.cluster, at.resource, at.node, false) > 0 &&
        fail_count(at.cluster, at.resource, at.node, true) > 0)
        return false;
    const bool definite = entry.rc == kOk || entry.rc == kNotRunning || entry.rc == kPromoted ||
                          entry.rc == kDegraded || entry.rc == kDegradedPromoted;
    return !(is_probe(entry) && definite);
}

void set_active(Resource& resource) {
    const Resource* top = resource.top();
    resource.role = top->clone() && top->promotable ? Role::unpromoted : Role::started;
}

// What the code means, whatever the report's own status says.
Verdict verdict_of(Judgement& at, const cib::HistoryEntry& entry, int rc, bool is_expired) {
    if (entry.status == kPending) return Verdict::pending;
    if (entry.status == kStatusNotInstalled) return Verdict::not_installed;
    if (entry.status != kDone && entry.status != kError) return Verdict::failed;
    const Verdict plain = entry.expected == rc ? Verdict::done : Verdict::failed;
    const Verdict hard =
        entry.operation == "stop" && !at.cluster.can_fence(&at.node) ? Verdict::stuck : Verdict::hard;
    switch (rc) {
        case kOk:
            return is_probe(entry) && entry.expected == kNotRunning ? Verdict::done : plain;
        case kNotRunning:
            if (!is_probe(entry) && entry.expected != rc && at.resource.managed) return plain;
            at.resource.role = Role::stopped;
            at.failure = OnFail::ignore;
            at.resource.next_role = Role::unknown;
            return Verdict::done;
        case kPromoted:
            if (!is_expired) at.resource.role = Role::promoted;
            return is_probe(entry) ? Verdict::done : plain;
        case kFailedPromoted:
            if (!is_expired) at.resource.role = Role::promoted;
            return Verdict::failed;
        case kNotConfigured:
            return Verdict::fatal;
        case kNotSupported:
            if (entry.interval_ms > 0) return Verdict::failed;
            return hard;
        case kNotInstalled:
        case kInvalidParameter:
        case kNoPermission:
            return hard;
        default:
            return plain;
    }
}

// What a success (or a failure that is ignored) says of the role.
void succeeded(Judgement& at, const cib::HistoryEntry& entry, int rc) {
    Resource& resource = at.resource;
    const std::string& operation = entry.operation;
    bool clears = false;
    if (rc == kNotRunning) {
        clears = true;
    } else if (rc == kNotInstalled) {
        resource.role = Role::stopped;
    } else if (operation == "monitor") {
        clears = at.last_failure != nullptr && at.last_failure->operation == operation &&
                 at.last_failure->interval_ms == entry.interval_ms;
        if (resource.role < Role::started) set_active(resource);
    } else if (operation == "start" || operation == "migrate_from") {
        resource.role = Role::started;
        clears = true;
    } else if (operation == "stop") {
        resource.role = Role::stopped;
        clears = true;
    } else if (operation == "promote") {
        resource.role = Role::promoted;
        clears = true;
    } else if (operation == "demote") {
        resource.role = Role::unpromoted;
        clears = at.failure == OnFail::demote;
    } else if (operation == "migrate_to") {
        judge_migrated(at, entry);
    } else if (resource.role < Role::started) {
        set_active(resource);
    }
    const bool stays = at.failure == OnFail::stop || at.failure == OnFail::fence ||
                       at.failure == OnFail::ban || at.failure == OnFail::standby;
    if (clears && !stays) {
        at.failure = OnFail::ignore;
        resource.next_role = Role::unknown;
    }
}

void failed_demote(Resource& resource, int rc, OnFail strategy) {
    if (strategy == OnFail::block) {
        resource.role = Role::promoted;
        resource.next_role = Role::stopped;
    } else {
        resource.role = rc == kNotRunning ? Role::stopped : Role::unpromoted;
    }
}

void failed(Judgement& at, const cib::HistoryEntry& entry, int rc, OnFail strategy) {
    Resource& resource = at.resource;
    at.last_failure = &entry;
    at.failure = std::max(at.failure, strategy);
    if (entry.operation == "stop") {
        add_score(resource, at.node.index, Score::minus_infinity(), "it could not be stopped there");
    } else if (entry.operation == "migrate_to" || entry.operation == "migrate_from") {
        judge_failed_migration(at, entry);
    } else if (entry.operation == "promote") {
        resource.role = Role::promoted;
    } else if (entry.operation == "demote") {
        failed_demote(resource, rc, strategy);
    }
    if (is_probe(entry) && rc == kNotInstalled) {
        resource.role = Role::stopped;
    } else if (resource.role < Role::started) {
        set_active(resource);
    }
    Role after = entry.operation == "promote" ? Role::unpromoted : Role::started;
    if (strategy == OnFail::stop) after = Role::stopped;
    if (resource.next_role == Role::unknown || resource.next_role > after) resource.next_role = after;
    if (after == Role::stopped) {
        Resource* top = resource.top();
        ban_everywhere(at.cluster, top->clone() && !top->unique ? *top : resource, "on-fail=stop");
    }
}

// Where a failure forbids it: the anonymous clone as a whole, for its instances are alike.
Resource& banned_with(Resource& resource) {
    Resource* top = resource.top();
    return top->clone() && !top->unique ? *top : resource;
}

void judge_pending(Judgement& at, const cib::HistoryEntry& entry) {
    Resource& resource = at.resource;
    if (entry.operation == "start") {
        resource.start_pending = true;
        set_active(resource);
    } else if (entry.operation == "promote") {
        resource.role = Role::promoted;
    } else if (entry.operation == "migrate_to" && at.node.unclean) {
        Node* target = at.cluster.node(entry.migrate_target);
        if (target != nullptr) resource.dangling.push_back(target);
    }
    if (resource.pending_operation.empty() && !is_probe(entry)) {
        resource.pending_operation = entry.operation;
        resource.pending_node = &at.node;
    }
}

}  // namespace

void judge(Judgement& at, const cib::HistoryEntry& entry) {
    if (entry.status == kCancelled) return;
    const bool is_expired = expired(at, entry);
    int rc = entry.rc == kDegraded ? kOk : entry.rc;
    if (rc == kDegradedPromoted) rc = kPromoted;
    const bool masked = is_probe(entry) && entry.status != kPending &&
                        (rc == kNotInstalled || rc == kInvalidParameter || rc == kNoPermission ||
                         entry.status == kStatusNotInstalled);
    if (masked && is_expired) return;
    if (masked) {
        at.resource.role = Role::stopped;
        add_score(banned_with(at.resource), at.node.index, Score::minus_infinity(), "its probe failed there");
        return;
    }
    const Verdict verdict = verdict_of(at, entry, rc, is_expired);
    if (is_expired && verdict != Verdict::done && verdict != Verdict::pending) return;
    if (verdict == Verdict::pending) return judge_pending(at, entry);
    if (verdict == Verdict::done) return succeeded(at, entry, rc);
    OnFail strategy = on_fail(at.cluster, at.resource, entry.operation, entry.interval_ms);
    if (verdict == Verdict::stuck && strategy != OnFail::ignore) strategy = OnFail::block;
    if (strategy == OnFail::ignore && verdict != Verdict::not_installed) {
        succeeded(at, entry, entry.expected);
        at.resource.failure_ignored = true;
        return;
    }
    failed(at, entry, rc, strategy);
    if (verdict == Verdict::hard || verdict == Verdict::not_installed) {
        add_score(banned_with(at.resource), at.node.index, Score::minus_infinity(),
                  "it failed there for good");
    }
    if (verdict == Verdict::fatal)
        ban_everywhere(at.cluster, banned_with(at.resource), "it is not configured properly");
}

namespace {

// What was reported of the resource on `node`, in the order of the document.
std::vector<const cib::HistoryEntry*> reported(const Judgement& at, const Node* node) {
    std::vector<const cib::HistoryEntry*> out;
    for (const auto& report : at.cluster.document->reports) {
        if (node == nullptr || report.id != node->id) continue;
        for (const auto& history : report.history) {
            if (history.id != at.resource.id && history.id != at.resource.base) continue;
            for (const auto& entry : history.entries) out.push_back(&entry);
        }
    }
    return out;
}

// Whether the resource has a newer operation on `node` than `entry`, other than monitors.
bool superseded(const Judgement& at, const Node* node, const cib::HistoryEntry& entry) {
    const auto entries = reported(at, node);
    return std::any_of(entries.begin(), entries.end(), [&](const cib::HistoryEntry* other) {
        if (other->operation == "monitor" || other == &entry) return false;
        return node == &at.node ? other->call_id > entry.call_id
                                : other->operation == "stop" && other->changed >= entry.changed;
    });
}

// Whether anything is known of the resource there; else nobody looked yet.
bool known(const Judgement& at, const Node* node) {
    const auto entries = reported(at, node);
    return std::any_of(entries.begin(), entries.end(),
                       [](const cib::HistoryEntry* entry) { return entry->status != kPending; });
}

// The report of the second half on the target; null: none.
const cib::HistoryEntry* arrival(const Judgement& at, const Node* target, const cib::HistoryEntry& entry) {
    const cib::HistoryEntry* out = nullptr;
    for (const cib::HistoryEntry* other : reported(at, target)) {
        if (other->operation == "migrate_from" && other->migrate_source == entry.migrate_source) out = other;
    }
    return out;
}

}  // namespace

void judge_migrated(Judgement& at, const cib::HistoryEntry& entry) {
    if (superseded(at, &at.node, entry)) return;
    Node* target = at.cluster.node(entry.migrate_target);
    const cib::HistoryEntry* from = arrival(at, target, entry);
    if (from != nullptr && from->status == kDone && from->rc == kOk) {
        at.resource.role = Role::stopped;
        at.resource.dangling.push_back(&at.node);
        return;
    }
    at.resource.role = Role::started;
    if (target == nullptr || !target->online || superseded(at, target, entry) || !known(at, target)) return;
    if (from == nullptr || from->status == kPending) at.resource.migration_target = target;
    add_running(at.cluster, at.resource, *target);
}

void judge_failed_migration(Judgement& at, const cib::HistoryEntry& entry) {
    if (superseded(at, &at.node, entry)) return;
    at.resource.role = Role::started;
    const bool leaving = entry.operation == "migrate_to";
    Node* other = at.cluster.node(leaving ? entry.migrate_target : entry.migrate_source);
    if (other == nullptr || other == &at.node || !other->online) return;
    if (superseded(at, other, entry) || !known(at, other)) return;
    add_running(at.cluster, at.resource, *other);
}

}  // namespace manager::planner

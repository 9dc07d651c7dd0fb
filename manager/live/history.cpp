// The status half of a document: nodes, and what they report of resources.
#include <algorithm>

#include "manager/live/document.hpp"
#include "manager/model/operation.hpp"

namespace manager::live {
namespace {

constexpr int kPending = -1;  // op-status of an operation that runs

std::int64_t milliseconds(base::Duration interval) {
    return interval.ns / 1'000'000;
}

bool is_probe(const Failure& failure) {
    return failure.operation == "probe" || (failure.operation == "monitor" && failure.interval.ns == 0);
}

bool bans(int code) {
    return code == kOcfNotInstalled || code == kOcfArgs || code == kOcfPermission;
}

// The record of one resource on one node, told as the operations that led to it.
class Teller {
  public:
    Teller(const Configuration& config, const ResourceOnNode& record, const Primitive* definition,
           bool definition_changed)
        : config_(config),
          record_(record),
          definition_(definition),
          changed_(definition_changed) {}

    // `running`: an operation that an agent is at; empty: none.
    std::vector<cib::HistoryEntry> tell(const std::string& running) {
        // A probe that cannot work bans the node; so does a start, which says so itself.
        if (record_.cannot_run && !(started_in_vain() && bans(record_.failure->code)))
            add("monitor", 0, kOcfNotInstalled, kOcfNotRunning);
        switch (record_.activity) {
            case Activity::unknown:  // nobody looked yet: nothing is reported
                break;
            case Activity::stopped:
                tell_stopped();
                break;
            case Activity::started:
                tell_earlier_failure();
                came_up();
                break;
            case Activity::failed:
                tell_failed();
                break;
        }
        if (running == "start" || running == "stop") {
            add(running, 0, 0, 0);
            entries_.back().status = kPending;
        }
        return std::move(entries_);
    }

  private:
    [[nodiscard]] bool started_in_vain() const {
        return record_.failure && record_.failure->operation == "start";
    }

    void add(const std::string& operation, std::int64_t interval, int code, int expected) {
        cib::HistoryEntry entry;
        entry.operation = operation;
        entry.interval_ms = interval;
        entry.call_id = static_cast<int>(entries_.size()) + 1;
        entry.id = operation + "_" + std::to_string(entry.call_id);
        entry.rc = code;
        entry.expected = expected;
        if (record_.failure) entry.changed = record_.failure->when.ms / 1000;
        entries_.push_back(std::move(entry));
    }

    void add_failure(const Failure& failure) {
        const bool probe = is_probe(failure);
        int code = failure.code;
        // The planner takes "not configured" as a ban from every node; the daemon bans this one.
        if (code == kOcfNotConfigured) code = kOcfArgs;
        // It believes a monitor that something unmanaged has stopped; the daemon does not before a stop.
        if (code == kOcfNotRunning && failure.operation == "monitor" && !probe) code = kOcfGeneric;
        add(probe ? "monitor" : failure.operation, milliseconds(failure.interval), code,
            probe ? kOcfNotRunning : kOcfOk);
    }

    // A failure that was dealt with is kept until a cleanup: on-fail=stop goes by it.
    void tell_earlier_failure() {
        if (!record_.failure || record_.failure->operation == "stop") return;
        if (!is_probe(*record_.failure) || !bans(record_.failure->code)) add_failure(*record_.failure);
        add("stop", 0, kOcfOk, kOcfOk);
    }

    void tell_stopped() {
        const std::size_t before = entries_.size();
        tell_earlier_failure();
        if (entries_.size() == before && !record_.cannot_run)
            add("monitor", 0, kOcfNotRunning, kOcfNotRunning);
    }

    // Started, or found by a probe; with which parameters tells whether it has to be restarted.
    void came_up() {
        if (record_.found_by_probe) {
            add("monitor", 0, kOcfOk, kOcfNotRunning);
        } else {
            add("start", 0, kOcfOk, kOcfOk);
        }
        if (changed_) entries_.back().digest = "of the former parameters";
    }

    void tell_failed() {
        const Failure failure = record_.failure.value_or(
            Failure{"monitor", monitor_interval(), kOcfGeneric, "its state is not known", {}});
        if (!(failure.operation == "start" || is_probe(failure))) came_up();
        add_failure(failure);
        if (failure.operation == "start" && changed_) entries_.back().digest = "of the former parameters";
        if (record_.blocked && failure.operation != "stop") add("stop", 0, kOcfGeneric, kOcfOk);
    }

    [[nodiscard]] base::Duration monitor_interval() const {
        if (definition_ == nullptr) return {};
        const auto monitors = recurring_monitors(config_, *definition_);
        return monitors.empty() ? base::Duration{} : monitors.front()->interval;
    }

    const Configuration& config_;
    const ResourceOnNode& record_;
    const Primitive* definition_;
    bool changed_;
    std::vector<cib::HistoryEntry> entries_;
};

// Pacemaker counts a failed start that is fatal as a failure for good; the daemon's ban goes by the failure.
std::uint32_t failures_of(const Configuration& config, const ResourceOnNode& record) {
    const bool fatal = !is_false(property_value(config, "start-failure-is-fatal"));
    const bool start = record.failure && record.failure->operation == "start";
    return start && fatal ? static_cast<std::uint32_t>(Score::kInfinity) : record.fail_count;
}

void count_failures(const Configuration& config, const std::string& id, const ResourceOnNode& record,
                    cib::AttributeSet& out) {
    const std::uint32_t count = failures_of(config, record);
    if (count == 0) return;
    std::string name = "fail-count-" + id;
    if (const auto& failure = record.failure; failure)
        name += "#" + failure->operation + "_" + std::to_string(milliseconds(failure->interval));
    const auto most = static_cast<std::uint32_t>(Score::kInfinity);
    out.pairs.emplace_back(name, count >= most ? "INFINITY" : std::to_string(count));
}

std::string running_on(const ClusterStatus& status, base::NodeId node, const std::string& resource) {
    for (const PlannedAction& action : status.actions) {
        if (action.state == ActionState::running && action.node == node && action.resource == resource)
            return action.operation;
    }
    return "";
}

cib::ResourceHistory history_of(const Configuration& config, const ClusterStatus& status, base::NodeId node,
                                const std::string& id, const ResourceOnNode& record) {
    cib::ResourceHistory out;
    out.id = id;
    const Primitive* configured = config.primitive(id);
    // The agent that is active is the one it was started with.
    const bool active = record.activity == Activity::started || record.activity == Activity::failed;
    const Primitive* definition = active ? definition_for(config, status, node, id, "stop") : configured;
    if (definition != nullptr) {
        out.standard = definition->agent.standard;
        out.provider = definition->agent.provider;
        out.type = definition->agent.type;
    }
    const bool changed = configured != nullptr && !record.started_params.empty() &&
                         record.started_params != params_digest(*configured);
    out.entries = Teller(config, record, configured, changed).tell(running_on(status, node, id));
    return out;
}

// Membership in Pacemaker's words. A joining node is with us, and its word is awaited.
void describe_membership(const NodeStatus& node, cib::NodeReport& out) {
    const bool here = node.clearance == Clearance::member || node.clearance == Clearance::joining;
    out.in_membership = here ? "true" : "false";
    out.in_membership_told = true;
    out.process = here ? "online" : "offline";
    out.join = node.clearance == Clearance::member ? "member" : here ? "pending" : "down";
    out.expected = node.clearance == Clearance::clean ? "down" : "member";
}

cib::NodeReport report_of(const Configuration& config, const ClusterStatus& status, base::NodeId id,
                          const NodeStatus& node) {
    cib::NodeReport out;
    out.id = std::to_string(id.value);
    out.name = node.name;
    describe_membership(node, out);
    cib::AttributeSet transient;
    transient.id = "status-" + node.name;
    if (node.leaving) transient.pairs.emplace_back("shutdown", "1");
    for (const auto& [resource, record] : node.resources) {
        auto history = history_of(config, status, id, resource, record);
        if (!history.entries.empty()) out.history.push_back(std::move(history));
        count_failures(config, resource, record, transient);
    }
    if (!transient.pairs.empty()) out.attributes.push_back(std::move(transient));
    return out;
}

}  // namespace

void describe_status(const Configuration& config, const ClusterStatus& status, cib::Document& document) {
    document.have_quorum = status.quorate;
    for (const auto& [id, node] : status.nodes) {
        cib::NodeEntry entry;
        entry.id = std::to_string(id.value);
        entry.name = node.name;
        if (const NodeObject* object = config.node(node.name);
            object != nullptr && !object->attributes.empty()) {
            cib::AttributeSet set;
            set.id = "nodes-" + node.name;
            set.pairs.assign(object->attributes.begin(), object->attributes.end());
            entry.attributes.push_back(std::move(set));
        }
        document.nodes.push_back(std::move(entry));
        document.reports.push_back(report_of(config, status, id, node));
    }
}

}  // namespace manager::live

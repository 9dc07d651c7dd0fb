#include "manager/coordinator/executor.hpp"

#include <algorithm>

#include "manager/coordinator/text.hpp"

namespace manager {

namespace {

// Every configured node outside the view is cleared: a start elsewhere than here is impossible, not just
// unlikely. A hint for the native address agent, which asks the network otherwise.
bool proven(const State& state) {
    return std::all_of(state.status.nodes.begin(), state.status.nodes.end(), [](const auto& node) {
        return node.second.clearance == Clearance::member || node.second.clearance == Clearance::clean;
    });
}

}  // namespace

OperationRequest Executor::request(const State& state, const Primitive& definition, const std::string& action,
                                   base::Duration interval) {
    OperationRequest out;
    out.id = next_operation_++;
    out.resource = definition.id;
    out.agent = definition.agent;
    out.action = action;
    out.interval = interval;
    out.timeout = operation_timeout(state.configuration, definition, action, interval);
    out.params = definition.params;
    out.meta = state.configuration.rsc_defaults;
    for (const auto& [name, value] : definition.meta) out.meta[name] = value;
    for (const OperationSpec& op : definition.operations) {
        if (op.name == action && op.interval == interval) out.op_attributes = op.attributes;
    }
    out.node = name_;
    return out;
}

void Executor::cancel_recurring(const std::string& resource, Orders& orders) {
    for (auto at = recurring_.begin(); at != recurring_.end();) {
        if (at->second.resource == resource) {
            orders.cancel = resource;
            owner_.erase(at->first);
            at = recurring_.erase(at);
        } else {
            ++at;
        }
    }
}

void Executor::arm(const State& state, Job& job, Orders& orders) {
    job.monitors = monitors_digest(state.configuration, job.definition);
    for (const OperationSpec* op : recurring_monitors(state.configuration, job.definition)) {
        OperationRequest monitor = request(state, job.definition, op->name, op->interval);
        recurring_[monitor.id] = {job.definition.id, op->interval, job.monitors};
        job.waiting.insert(monitor.id);
        orders.start.push_back(std::move(monitor));
    }
}

Report Executor::report(const Job& job, int code, const std::string& reason, base::WallTime wall) const {
    Report out;
    out.action = job.action.id;
    out.resource = job.action.resource;
    out.operation = job.action.operation;
    out.code = code;
    out.reason = printable(reason);
    out.params = params_digest(job.definition);
    out.monitors = job.monitors;
    out.when = wall;
    return out;
}

Report Executor::numbered(Report report, const State& state) {
    report.number = ++last_report_;
    const bool fatal = is_true(property_value(state.configuration, "start-failure-is-fatal"));
    (void)record_result(records_[report.resource], report, fatal);
    return report;
}

Executor::Orders Executor::begin(const PlannedAction& action, const State& state, base::WallTime wall) {
    Orders orders;
    Job job;
    job.action = action;
    const Primitive* definition =
        definition_for(state.configuration, state.status, self_, action.resource, action.operation);
    if (definition == nullptr) {
        job.definition.id = action.resource;
        orders.reports.push_back(
            numbered(report(job, kOcfUnknown, "the resource is not configured any more", wall), state));
        return orders;
    }
    job.definition = *definition;
    const bool keeps_monitors = action.operation == "probe";
    if (!keeps_monitors) cancel_recurring(action.resource, orders);
    if (action.operation == "monitor") {
        arm(state, job, orders);
    } else if (action.operation != "cancel") {
        const std::string name = action.operation == "probe" ? "monitor" : action.operation;
        OperationRequest once = request(state, job.definition, name, {});
        if (name == "start") once.meta[proven(state) ? "custos-after-stop" : "custos-unproven"] = "true";
        job.waiting.insert(once.id);
        orders.start.push_back(std::move(once));
    }
    if (action.operation == "start" || action.operation == "probe") {
        definitions_[action.resource] = job.definition;
    }
    if (job.waiting.empty()) {
        orders.reports.push_back(numbered(report(job, kOcfOk, "", wall), state));
        return orders;
    }
    for (const std::uint64_t id : job.waiting) owner_[id] = action.id;
    job.worst = report(job, kOcfOk, "", wall);
    jobs_[action.id] = std::move(job);
    return orders;
}

std::optional<Report> Executor::finished(const OperationResult& result, const State& state,
                                         base::WallTime wall) {
    const auto recurring = recurring_.find(result.id);
    const auto owner = owner_.find(result.id);
    if (owner == owner_.end()) {
        if (recurring == recurring_.end()) return std::nullopt;  // cancelled meanwhile
        Report out;
        out.resource = recurring->second.resource;
        out.operation = "monitor";
        out.interval = recurring->second.interval;
        out.code = result.code;
        out.reason = printable(result.reason);
        out.monitors = recurring->second.monitors;
        out.when = wall;
        return numbered(std::move(out), state);
    }
    const auto at = jobs_.find(owner->second);
    ASSERT(at != jobs_.end());
    Job& job = at->second;
    owner_.erase(owner);
    job.waiting.erase(result.id);
    const bool ok = result.code == kOcfOk || result.code == kOcfRunningPromoted;
    if (!ok && job.worst.code == kOcfOk) {
        job.worst = report(job, result.code, result.reason, wall);
        if (recurring != recurring_.end()) job.worst.interval = recurring->second.interval;
    }
    if (!job.waiting.empty()) return std::nullopt;
    Report out = job.worst;
    out.when = wall;
    jobs_.erase(at);
    return numbered(std::move(out), state);
}

std::vector<Executor::Orders> Executor::dropped(const State& state, base::WallTime wall) {
    std::vector<Orders> out;
    for (const auto& [resource, definition] : definitions_) {
        const auto record = records_.find(resource);
        if (record == records_.end() || record->second.activity != Activity::started) continue;
        if (!lease_covers(state.configuration, definition)) continue;
        Orders orders;
        cancel_recurring(resource, orders);
        Report report;
        report.resource = resource;
        report.operation = "stop";
        report.code = kOcfOk;
        report.when = wall;
        orders.reports.push_back(numbered(std::move(report), state));
        out.push_back(std::move(orders));
    }
    return out;
}

void Executor::delivered(const State& state) {
    const auto node = state.status.nodes.find(self_);
    if (node == state.status.nodes.end() || node->second.reports != last_report_) return;
    records_ = node->second.resources;
    std::erase_if(definitions_, [this](const auto& entry) {
        const auto record = records_.find(entry.first);
        // What is being started is not yet on record.
        const bool at_work = std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& job) {
            return job.second.action.resource == entry.first;
        });
        return !at_work && record != records_.end() && record->second.activity == Activity::stopped;
    });
}

void Executor::inventory(Hello& hello) const {
    hello.reports = last_report_;
    hello.records = records_;
    for (const auto& [id, job] : jobs_) hello.running.push_back(job.action);
    for (const auto& [id, definition] : definitions_) {
        const auto record = records_.find(id);
        if (record != records_.end() && record->second.activity != Activity::stopped)
            hello.definitions[id] = definition;
    }
}

}  // namespace manager

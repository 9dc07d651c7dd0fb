// How the result of an operation changes the record of a resource on its node (OCF return codes:
// manager/model/operation.hpp).
#include "manager/model/operation.hpp"
#include "manager/state/state.hpp"

namespace manager {

namespace {

constexpr std::uint32_t kBanned = Score::kInfinity;

bool cannot_run_here(int code) {
    return code == kOcfNotInstalled || code == kOcfArgs || code == kOcfPermission ||
           code == kOcfNotConfigured;
}
bool active(int code) {
    return code == kOcfOk || code == kOcfRunningPromoted;
}

void fail(ResourceOnNode& record, const Report& report, std::uint32_t weight) {
    record.activity = Activity::failed;
    record.failure = Failure{report.operation, report.interval, report.code, report.reason, report.when};
    record.fail_count = record.fail_count >= kBanned - weight ? kBanned : record.fail_count + weight;
}

void set_stopped(ResourceOnNode& record) {
    record.activity = Activity::stopped;
    record.monitored = false;
    record.monitored_digest.clear();
    record.started_params.clear();
}

bool probed(ResourceOnNode& record, const Report& report) {
    if (report.code == kOcfNotRunning) {
        set_stopped(record);
        return true;
    }
    if (active(report.code)) {
        record.activity = Activity::started;
        record.found_by_probe = true;
        record.started_params = report.params;
        return false;  // nobody expected it to run
    }
    if (cannot_run_here(report.code)) {
        set_stopped(record);
        record.cannot_run = true;
        return true;
    }
    fail(record, report, 0);  // it may be active: it is stopped before it starts anywhere
    return false;
}

bool started(ResourceOnNode& record, const Report& report, bool fatal) {
    record.found_by_probe = false;
    if (active(report.code)) {
        record.activity = Activity::started;
        record.monitored = false;
        record.started_params = report.params;
        return true;
    }
    fail(record, report, fatal ? kBanned : 1);
    record.started_params = report.params;
    if (cannot_run_here(report.code)) record.cannot_run = true;
    if (report.code == kOcfNotInstalled) set_stopped(record);
    return false;
}

bool stopped(ResourceOnNode& record, const Report& report) {
    if (report.code == kOcfOk || report.code == kOcfNotRunning || report.code == kOcfNotInstalled) {
        set_stopped(record);
        return true;
    }
    fail(record, report, kBanned);
    record.blocked = true;
    return false;
}

bool monitored(ResourceOnNode& record, const Report& report) {
    record.monitored = true;
    if (!report.monitors.empty()) record.monitored_digest = report.monitors;
    if (active(report.code)) return true;
    fail(record, report, 1);
    return false;
}

}  // namespace

bool record_result(ResourceOnNode& record, const Report& report, bool start_failure_is_fatal) {
    if (report.operation == "probe") return probed(record, report);
    if (report.operation == "start") return started(record, report, start_failure_is_fatal);
    if (report.operation == "stop") return stopped(record, report);
    if (report.operation == "monitor") return monitored(record, report);
    if (report.operation == "cancel") {
        record.monitored = false;
        record.monitored_digest.clear();
    }
    return true;
}

}  // namespace manager

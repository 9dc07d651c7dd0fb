#include "agents/ocf/invocation.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using agents::AgentProgram;
using agents::interpret_exit;
using manager::OperationRequest;
using Names = std::vector<std::string>;

namespace {

const AgentProgram kOcf{"ocf", "/usr/lib/ocf/resource.d/heartbeat/apache"};
const AgentProgram kSystemd{"systemd", "/lib/systemd/system/nginx.service"};
const AgentProgram kLsb{"lsb", "/etc/init.d/cron"};

OperationRequest request() {
    OperationRequest r;
    r.resource = "web";
    r.agent = {"ocf", "heartbeat", "apache"};
    r.action = "monitor";
    r.interval = base::seconds(60);
    r.timeout = base::milliseconds(20'500);
    r.params = {{"configfile", "/etc/apache2/apache2.conf"}, {"odd=name", "x"}};
    r.meta = {{"resource-stickiness", "100"}, {"timeout", "never"}};
    r.op_attributes = {{"OCF_CHECK_LEVEL", "10"}, {"on-fail", "restart"}};
    r.node = "n1";
    return r;
}

}  // namespace

TEST_CASE("golden environment of an OCF operation: the whole of it, nothing inherited") {
    const auto call = agents::make_invocation(kOcf, request());
    CHECK(call.arguments == Names{"/usr/lib/ocf/resource.d/heartbeat/apache", "monitor"});
    const Names expected{"HOME=/root",
                         "LANG=C",
                         "LC_ALL=C",
                         "OCF_CHECK_LEVEL=10",
                         "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
                         "OCF_RA_VERSION_MAJOR=1",
                         "OCF_RA_VERSION_MINOR=1",
                         "OCF_RESKEY_CRM_meta_OCF_CHECK_LEVEL=10",
                         "OCF_RESKEY_CRM_meta_interval=60000",
                         "OCF_RESKEY_CRM_meta_name=monitor",
                         "OCF_RESKEY_CRM_meta_on_fail=restart",
                         "OCF_RESKEY_CRM_meta_on_node=n1",
                         "OCF_RESKEY_CRM_meta_on_node_uuid=n1",
                         "OCF_RESKEY_CRM_meta_resource_stickiness=100",
                         "OCF_RESKEY_CRM_meta_timeout=20500",
                         "OCF_RESKEY_configfile=/etc/apache2/apache2.conf",
                         "OCF_RESKEY_crm_feature_set=3.16.1",
                         "OCF_RESOURCE_INSTANCE=web",
                         "OCF_RESOURCE_PROVIDER=heartbeat",
                         "OCF_RESOURCE_TYPE=apache",
                         "OCF_ROOT=/usr/lib/ocf",
                         "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    CHECK(call.environment == expected);
}

TEST_CASE("a probe says interval 0") {
    OperationRequest probe = request();
    probe.interval = {};
    const auto environment = agents::make_invocation(kOcf, probe).environment;
    CHECK(std::count(environment.begin(), environment.end(), "OCF_RESKEY_CRM_meta_interval=0") == 1);
}

TEST_CASE("systemd units and init scripts have verbs of their own") {
    OperationRequest r = request();
    r.agent = {"systemd", "", "nginx"};
    CHECK(agents::make_invocation(kSystemd, r).arguments ==
          Names{"/usr/bin/systemctl", "is-active", "nginx.service"});
    r.action = "start";
    CHECK(agents::make_invocation(kSystemd, r).arguments ==
          Names{"/usr/bin/systemctl", "start", "nginx.service"});
    CHECK(agents::make_invocation(kLsb, r).arguments == Names{"/etc/init.d/cron", "start"});
    r.action = "monitor";
    CHECK(agents::make_invocation(kLsb, r).arguments == Names{"/etc/init.d/cron", "status"});
}

TEST_CASE("descriptions are asked for with meta-data; fence agents with -o metadata") {
    CHECK(agents::make_metadata_invocation(kOcf, request().agent).arguments.back() == "meta-data");
    const AgentProgram fence{"stonith", "/usr/sbin/fence_virt"};
    CHECK(agents::make_metadata_invocation(fence, {"stonith", "", "fence_virt"}).arguments ==
          Names{"/usr/sbin/fence_virt", "-o", "metadata"});
}

TEST_CASE("exit codes: OCF as they are, systemd and LSB in OCF's numbers") {
    CHECK(interpret_exit(kOcf, "monitor", 7, "") == manager::kOcfNotRunning);
    CHECK(interpret_exit(kOcf, "start", 191, "") == 191);
    CHECK(interpret_exit(kSystemd, "monitor", 0, "active\n") == manager::kOcfOk);
    CHECK(interpret_exit(kSystemd, "monitor", 3, "inactive\n") == manager::kOcfNotRunning);
    CHECK(interpret_exit(kSystemd, "monitor", 3, "failed\n") == manager::kOcfNotRunning);
    CHECK(interpret_exit(kSystemd, "monitor", 3, "activating\n") == manager::kOcfOk);
    CHECK(interpret_exit(kSystemd, "monitor", 1, "") == manager::kOcfGeneric);
    CHECK(interpret_exit(kSystemd, "start", 5, "") == manager::kOcfNotInstalled);
    CHECK(interpret_exit(kSystemd, "stop", 5, "") == manager::kOcfOk);
    CHECK(interpret_exit(kSystemd, "start", 1, "") == manager::kOcfGeneric);
    CHECK(interpret_exit(kLsb, "monitor", 3, "") == manager::kOcfNotRunning);
    CHECK(interpret_exit(kLsb, "monitor", 1, "") == manager::kOcfNotRunning);
    CHECK(interpret_exit(kLsb, "monitor", 4, "") == manager::kOcfGeneric);
    CHECK(interpret_exit(kLsb, "stop", 7, "") == manager::kOcfOk);
    CHECK(interpret_exit(kLsb, "start", 5, "") == manager::kOcfNotInstalled);
    CHECK(interpret_exit(kLsb, "start", 150, "") == manager::kOcfGeneric);
}

TEST_CASE("the reason is the last ocf-exit-reason line, else the last line") {
    CHECK(agents::exit_reason("ocf-exit-reason:first\nnoise\nocf-exit-reason: second \nmore noise\n") ==
          "second");
    CHECK(agents::exit_reason("one\n\ntwo\n  \n") == "two");
    CHECK(agents::exit_reason("no newline") == "no newline");
    CHECK(agents::exit_reason("").empty());
    CHECK(agents::exit_reason("a\x1b[31mred\x07\n") == "a[31mred");
    CHECK(agents::exit_reason(std::string(1000, 'x')).size() == 256);
}

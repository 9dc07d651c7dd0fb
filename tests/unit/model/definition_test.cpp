#include <doctest/doctest.h>

#include "manager/model/status.hpp"

using manager::Activity;
using manager::Clearance;
using manager::ClusterStatus;
using manager::Configuration;
using manager::Primitive;

namespace {

constexpr base::NodeId kOne{1};
constexpr base::NodeId kTwo{2};

Primitive address(const std::string& ip, const std::string& type = "IPaddr2") {
    return {"ip", {"ocf", "heartbeat", type}, {{"ip", ip}}, {}, {}, ""};
}

Configuration config_of(const Primitive& primitive) {
    Configuration config;
    config.primitives.push_back(primitive);
    return config;
}

// Two members; `ip` runs on n1 as `running` says.
ClusterStatus status_of(const Primitive& running) {
    ClusterStatus status;
    status.nodes[kOne].clearance = Clearance::member;
    status.nodes[kTwo].clearance = Clearance::member;
    auto& record = status.nodes[kOne].resources["ip"];
    record.activity = Activity::started;
    record.started_params = params_digest(running);
    status.nodes[kTwo].resources["ip"].activity = Activity::stopped;
    return status;
}

std::string address_for(const Configuration& config, const ClusterStatus& status, base::NodeId node,
                        const char* operation) {
    const Primitive* definition = definition_for(config, status, node, "ip", operation);
    return definition == nullptr ? "none" : definition->params.at("ip");
}

}  // namespace

TEST_CASE("an instance is stopped with what it was started with, and started with what is configured") {
    const Configuration before = config_of(address("192.0.2.10"));
    const Configuration after = config_of(address("192.0.2.11"));
    ClusterStatus status = status_of(before.primitives[0]);
    keep_former(before, after, status);
    CHECK(address_for(after, status, kOne, "stop") == "192.0.2.10");
    CHECK(address_for(after, status, kOne, "start") == "192.0.2.11");

    // A second change before the first took effect does not hide what runs.
    const Configuration third = config_of(address("192.0.2.12"));
    keep_former(after, third, status);
    CHECK(address_for(third, status, kOne, "stop") == "192.0.2.10");

    forget_former(third, status);
    CHECK(status.former.size() == 1);
    status.nodes[kOne].resources["ip"].activity = Activity::stopped;
    forget_former(third, status);
    CHECK(status.former.empty());
    CHECK(status.nodes[kOne].resources.contains("ip"));
}

TEST_CASE("the former definition ends when the instance was started anew elsewhere") {
    const Configuration before = config_of(address("192.0.2.10"));
    const Configuration after = config_of(address("192.0.2.11"));
    ClusterStatus status = status_of(before.primitives[0]);
    keep_former(before, after, status);
    status.nodes[kOne].resources["ip"].activity = Activity::stopped;
    auto& record = status.nodes[kTwo].resources["ip"];
    record.activity = Activity::started;
    record.started_params = params_digest(after.primitives[0]);
    CHECK(address_for(after, status, kTwo, "stop") == "192.0.2.11");
    forget_former(after, status);
    CHECK(status.former.empty());
}

TEST_CASE("a node that is not cleared, or not probed, keeps the former definition") {
    const Configuration before = config_of(address("192.0.2.10"));
    const Configuration after;
    ClusterStatus status = status_of(before.primitives[0]);
    status.nodes[kOne].resources["ip"].activity = Activity::stopped;
    SUBCASE("uncleared") {
        status.nodes[kTwo].clearance = Clearance::uncleared;
    }
    SUBCASE("not probed") {
        status.nodes[kTwo].resources["ip"].activity = Activity::unknown;
    }
    SUBCASE("without a record") {
        status.nodes[kTwo].resources.clear();
    }
    keep_former(before, after, status);
    forget_former(after, status);
    CHECK(status.former.size() == 1);
    CHECK(address_for(after, status, kTwo, "probe") == "192.0.2.10");
    status.nodes[kTwo].clearance = Clearance::clean;
    forget_former(after, status);
    CHECK(status.former.empty());
    CHECK_FALSE(status.nodes[kOne].resources.contains("ip"));
}

TEST_CASE(
    "an unchanged or inactive resource leaves no former definition; another agent's records do not count") {
    const Configuration before = config_of(address("192.0.2.10"));
    ClusterStatus status = status_of(before.primitives[0]);
    Configuration after = before;
    after.primitives[0].meta.emplace("priority", "5");
    keep_former(before, after, status);
    CHECK(status.former.empty());

    after = config_of(address("192.0.2.10", "IPsrcaddr"));
    keep_former(before, after, status);
    CHECK(status.former.size() == 1);
    status.nodes[kOne].resources["ip"].activity = Activity::stopped;
    forget_former(after, status);
    CHECK(status.former.empty());
    CHECK(status.nodes[kOne].resources.empty());
    CHECK(status.nodes[kTwo].resources.empty());
}

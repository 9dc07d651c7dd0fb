#include "fake_cluster.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace test {

using manager::Activity;
using manager::Clearance;

FakeCluster::FakeCluster() {
    status.local.node = "n1";
    status.local.node_id = {1};
    status.local.cluster_name = "demo";
    status.local.version = "1.0";
    status.local.coordinator = "n1";
    status.local.phase = "operational";
    status.local.ring_id = "8.1";
    status.local.synchronised = true;
    status.local.quorum_reason = "3 of 3 votes, 2 needed";
    status.status.quorate = true;
    for (std::uint32_t id = 1; id <= 3; ++id) {
        status.local.members.push_back({id});
        manager::NodeStatus& each = status.status.nodes[{id}];
        each.name = "n" + std::to_string(id);
        each.clearance = Clearance::member;
    }
}

manager::NodeStatus& FakeCluster::node(const std::string& name) {
    for (auto& [id, each] : status.status.nodes) {
        if (each.name == name) return each;
    }
    FAIL("the scenario names an unknown node: " << name);
    return status.status.nodes.begin()->second;
}

void FakeCluster::set(const tools::Words& words) {
    const std::string& what = words.at(0);
    if (what == "started") {
        node(words.at(2)).resources[words.at(1)].activity = Activity::started;
    } else if (what == "stopped") {
        node(words.at(2)).resources[words.at(1)].activity = Activity::stopped;
    } else if (what == "failed") {
        manager::ResourceOnNode& at = node(words.at(2)).resources[words.at(1)];
        at.activity = Activity::failed;
        at.fail_count = 2;
        at.failure = manager::Failure{"monitor", base::seconds(10), 7, "it went away", {1'700'000'000'000}};
    } else if (what == "clearance") {
        node(words.at(1)).clearance = words.at(2) == "clean"       ? Clearance::clean
                                      : words.at(2) == "uncleared" ? Clearance::uncleared
                                                                   : Clearance::member;
    } else if (what == "down") {
        down_ = true;
    } else if (what == "problem") {
        problems_.push_back(words.at(1));
    } else {
        FAIL("the scenario sets an unknown thing: " << what);
    }
}

base::Result<tools::Reply> FakeCluster::answer(const tools::Request& request) {
    if (down_) return base::Error{base::Errc::unavailable, "custosd is not running on this node"};
    if (std::holds_alternative<tools::GetStatus>(request)) return tools::Reply{status};
    if (std::holds_alternative<tools::GetRing>(request)) {
        tools::RingReply ring;
        ring.node = status.local.node;
        ring.phase = tools::kWaiting;
        ring.waiting = "10.0.0.1 is not an address of this machine yet";
        return tools::Reply{ring};
    }
    requests.push_back(request);
    if (const auto* command = std::get_if<tools::RunCommand>(&request)) return run(command->command);
    if (const auto* wait = std::get_if<tools::WaitConverged>(&request)) {
        converge();
        return tools::Reply{tools::Converged{wait->version, std::exchange(problems_, {})}};
    }
    return tools::Reply{tools::ShutdownReply{}};
}

base::Result<tools::Reply> FakeCluster::run(const manager::Command& command) {
    if (const auto* change = std::get_if<manager::ChangeConfiguration>(&command)) {
        manager::Configuration config = status.configuration;
        for (const manager::Edit& edit : change->edits) {
            // As the daemon does: a node without an entry is forgotten all the same.
            const auto* gone = std::get_if<manager::Delete>(&edit);
            if (gone != nullptr && config.kind_of(gone->id).empty())
                config.nodes.push_back({gone->id, 0, {}});
        }
        auto next = manager::apply_edits(std::move(config), change->edits);
        if (!next) return tools::Reply{tools::Refused{next.error().message}};
        status.configuration = *std::move(next);
        ++status.configuration.version;
    } else if (const auto* cleanup = std::get_if<manager::Cleanup>(&command)) {
        for (auto& [id, each] : status.status.nodes) {
            if (!cleanup->node.empty() && each.name != cleanup->node) continue;
            for (auto& [resource, at] : each.resources) {
                if (!cleanup->resource.empty() && resource != cleanup->resource) continue;
                at.fail_count = 0;
                at.failure.reset();
            }
        }
    } else if (const auto* confirm = std::get_if<manager::ConfirmNode>(&command)) {
        node(confirm->node).clearance = Clearance::clean;
    }
    return tools::Reply{tools::CommandReply{status.configuration.version, ""}};
}

void FakeCluster::converge() {
    const bool none = manager::is_true(manager::property_value(status.configuration, "stop-all-resources"));
    for (const manager::Primitive& primitive : status.configuration.primitives) {
        bool wanted = !none && manager::meta_value(status.configuration, primitive, "target-role",
                                                   "Started") != "Stopped";
        for (auto& [id, each] : status.status.nodes) {
            const bool here = wanted && each.clearance == Clearance::member;
            each.resources[primitive.id].activity = here ? Activity::started : Activity::stopped;
            if (here) wanted = false;
        }
    }
}

std::vector<agents::AgentClass> FakeAgents::classes() {
    return {
        {"lsb", {}}, {"ocf", {"heartbeat", "pacemaker"}}, {"service", {}}, {"stonith", {}}, {"systemd", {}}};
}

std::vector<std::string> FakeAgents::types(const std::string& standard, const std::string& provider) {
    if (standard == "systemd") return {"nginx"};
    if (standard != "ocf") return {};
    if (provider == "heartbeat") return {"Dummy", "IPaddr2", "apache"};
    if (provider == "pacemaker") return {"Dummy", "Stateful"};
    return {"Dummy", "IPaddr2", "Stateful", "apache"};
}

std::vector<std::string> FakeAgents::providers(const std::string& type) {
    std::vector<std::string> found;
    for (const char* provider : {"heartbeat", "pacemaker"}) {
        const auto all = types("ocf", provider);
        if (std::find(all.begin(), all.end(), type) != all.end()) found.emplace_back(provider);
    }
    return found;
}

base::Result<agents::Metadata> FakeAgents::metadata(const manager::AgentName& agent,
                                                    const manager::Attributes& /*meta*/) {
    const auto known = types(agent.standard, agent.provider);
    if (std::find(known.begin(), known.end(), agent.type) == known.end()) {
        return base::Error{base::Errc::not_found, "there is no resource agent " + to_string(agent)};
    }
    agents::Metadata about;
    about.name = agent.type;
    about.short_text = "a made-up " + agent.type;
    about.long_text = "It does nothing,\nand does it well.";
    const auto parameter = [&about](const char* name, bool required) {
        agents::ParameterInfo info;
        info.name = name;
        info.type = "string";
        info.short_text = std::string("the ") + name;
        info.required = required;
        about.parameters.push_back(std::move(info));
    };
    if (agent.type == "IPaddr2") {
        parameter("ip", true);
        parameter("cidr_netmask", false);
        parameter("nic", false);
    } else if (agent.type == "apache") {
        parameter("configfile", false);
    } else {
        parameter("state", false);
        parameter("fake", false);
        parameter("passwd", false);
    }
    about.actions.push_back({"start", "20s", "", "", ""});
    about.actions.push_back({"monitor", "20s", "10s", "", ""});
    return about;
}

}  // namespace test

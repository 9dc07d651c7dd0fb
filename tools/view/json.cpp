#include <nlohmann/json.hpp>

#include "manager/model/operation.hpp"
#include "tools/view/status.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(manager::Clearance clearance) {
    switch (clearance) {
        case manager::Clearance::member:
            return "member";
        case manager::Clearance::joining:
            return "joining";
        case manager::Clearance::clean:
            return "clean";
        case manager::Clearance::uncleared:
            return "uncleared";
    }
    return "uncleared";
}

std::string_view name_of(manager::Activity activity) {
    switch (activity) {
        case manager::Activity::unknown:
            return "unknown";
        case manager::Activity::stopped:
            return "stopped";
        case manager::Activity::started:
            return "started";
        case manager::Activity::failed:
            return "failed";
    }
    return "unknown";
}

Json node_json(const StatusReply& reply, base::NodeId id, const manager::NodeStatus& node) {
    const manager::NodeObject* object = reply.configuration.node(node.name);
    Json out = {{"name", node.name},
                {"id", id.value},
                {"state", name_of(node.clearance)},
                {"online", node.clearance == manager::Clearance::member},
                {"leaving", node.leaving},
                {"why", node.why},
                {"attributes", Json::object()}};
    if (object != nullptr) {
        for (const auto& [name, value] : object->attributes) out["attributes"][name] = value;
    }
    return out;
}

Json failure_json(const manager::Failure& failure) {
    return {{"operation", failure.operation}, {"interval_ms", failure.interval.ms()},
            {"code", failure.code},           {"text", manager::ocf_code_text(failure.code)},
            {"reason", failure.reason},       {"at_ms", failure.when.ms}};
}

Json resource_json(const StatusReply& reply, const manager::Primitive& primitive) {
    Json out = {{"id", primitive.id},
                {"agent", to_string(primitive.agent)},
                {"state", resource_state(reply, primitive)},
                {"role", "Stopped"},
                {"node", nullptr},
                {"nodes", Json::array()}};
    for (const auto& [id, node] : reply.status.nodes) {
        const auto found = node.resources.find(primitive.id);
        if (found == node.resources.end()) continue;
        const manager::ResourceOnNode& at = found->second;
        Json entry = {{"name", node.name},           {"activity", name_of(at.activity)},
                      {"fail_count", at.fail_count}, {"blocked", at.blocked},
                      {"monitored", at.monitored},   {"failure", nullptr}};
        if (at.failure) entry["failure"] = failure_json(*at.failure);
        out["nodes"].push_back(std::move(entry));
        const bool here =
            node.clearance == manager::Clearance::member || node.clearance == manager::Clearance::joining;
        if (at.activity == manager::Activity::started && here && out["node"].is_null()) {
            out["node"] = node.name;
            out["role"] = "Started";
        }
    }
    return out;
}

Json action_json(const StatusReply& reply, const manager::PlannedAction& action) {
    const auto node = reply.status.nodes.find(action.node);
    return {{"resource", action.resource},
            {"operation", action.operation},
            {"node", node == reply.status.nodes.end() ? to_string(action.node) : node->second.name},
            {"state", action.state == manager::ActionState::running ? "running" : "pending"},
            {"why", action.why}};
}

}  // namespace

std::string status_json(const StatusReply& reply) {
    const LocalFacts& local = reply.local;
    Json out = {{"format", 1},
                {"cluster", local.cluster_name},
                {"node", local.node},
                {"version", local.version},
                {"configuration_version", reply.configuration.version},
                {"coordinator", local.coordinator},
                {"quorum", {{"quorate", reply.status.quorate}, {"reason", local.quorum_reason}}},
                {"ring",
                 {{"id", local.ring_id},
                  {"phase", local.phase},
                  {"synchronised", local.synchronised},
                  {"members", Json::array()},
                  {"rotation_us", local.rotation_us},
                  {"tokens", local.ring_tokens},
                  {"delivered", local.ring_delivered},
                  {"retransmitted", local.ring_retransmitted},
                  {"views", local.ring_views},
                  {"refused", local.ring_refused}}},
                {"lease",
                 {{"enforced", local.lease.enforced},
                  {"held", local.lease.left_ms > 0},
                  {"left_ms", local.lease.left_ms},
                  {"proven", local.lease.proven},
                  {"policy", local.lease.policy}}},
                {"proven", manager::demands_proof(reply.configuration)},
                {"nodes", Json::array()},
                {"resources", Json::array()},
                {"actions", Json::array()},
                {"warnings", local.warnings},
                {"notes", local.notes},
                {"last_change", local.last_change}};
    for (const base::NodeId id : local.members) out["ring"]["members"].push_back(id.value);
    for (const auto& [id, node] : reply.status.nodes) out["nodes"].push_back(node_json(reply, id, node));
    for (const auto& each : reply.configuration.primitives)
        out["resources"].push_back(resource_json(reply, each));
    for (const auto& each : reply.status.actions) out["actions"].push_back(action_json(reply, each));
    // Agents may say bytes that are no UTF-8: those are replaced, so that any reply gives a document.
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tools

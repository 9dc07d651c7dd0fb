#include "manager/scheduler/facts.hpp"

#include <algorithm>

#include "manager/model/operation.hpp"
#include "manager/model/text.hpp"

namespace manager::scheduling {
namespace {

bool node_attribute(const Configuration& config, const std::string& node, const std::string& name) {
    const NodeObject* entry = config.node(node);
    if (entry == nullptr) return false;
    const auto at = entry->attributes.find(name);
    return at != entry->attributes.end() && is_true(at->second);
}

std::string why_not_host(const NodeFacts& node, bool standby) {
    switch (node.status->clearance) {
        case Clearance::joining:
            return node.name + " is joining";
        case Clearance::clean:
        case Clearance::uncleared:
            return node.name + " is not in the cluster";
        case Clearance::member:
            break;
    }
    if (node.status->leaving) return node.name + " is shutting down";
    if (standby) return node.name + " is in standby";
    if (node.maintenance) return node.name + " is in maintenance";
    return "";
}

std::vector<NodeFacts> node_facts(const Configuration& config, const ClusterStatus& status) {
    std::vector<NodeFacts> nodes;
    for (const auto& [id, node] : status.nodes) {
        NodeFacts facts{id, node.name, &node, node.clearance == Clearance::member, false, ""};
        facts.maintenance = node_attribute(config, node.name, "maintenance");
        facts.against = why_not_host(facts, node_attribute(config, node.name, "standby"));
        nodes.push_back(std::move(facts));
    }
    return nodes;
}

// A node outside the view that may still run a resource, which `covered` says whether the lease vouches for.
bool may_still_run(const NodeStatus& node, bool covered) {
    return node.clearance == Clearance::uncleared && !(covered && node.lease_out);
}

// Why something may start nowhere: a node's inventory is awaited, or (when proof is demanded) a node is not
// cleared.
std::string why_hold(const std::vector<NodeFacts>& nodes, bool proof, bool covered) {
    std::string uncleared, joining;
    for (const NodeFacts& node : nodes) {
        const Clearance clearance = node.status->clearance;
        if (may_still_run(*node.status, covered)) uncleared += (uncleared.empty() ? "" : ", ") + node.name;
        if (clearance == Clearance::joining) joining += (joining.empty() ? "" : ", ") + node.name;
    }
    if (proof && !uncleared.empty()) return uncleared + " not cleared";
    if (!joining.empty()) return "the inventory of " + joining + " is awaited";
    return "";
}

Instance instance_facts(const Facts& facts, const ResourceFacts& resource, const NodeFacts& node) {
    Instance instance;
    const auto record = node.status->resources.find(resource.id);
    if (record != node.status->resources.end()) instance.record = &record->second;
    if (!node.member) return instance;
    instance.activity = instance.record == nullptr ? Activity::unknown : instance.record->activity;
    if (instance.activity == Activity::failed && resource.primitive != nullptr && instance.record->failure &&
        on_fail(*facts.config, *resource.primitive, *instance.record->failure) == "ignore") {
        instance.activity = Activity::started;
    }
    for (const PlannedAction& action : facts.status->actions) {
        if (action.state == ActionState::running && action.node == node.id &&
            action.resource == resource.id) {
            instance.running = action.operation;
        }
    }
    return instance;
}

void gather_instances(const Facts& facts, ResourceFacts& resource) {
    const bool covered = resource.primitive != nullptr && lease_covers(*facts.config, *resource.primitive);
    for (NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        const NodeFacts& node = facts.nodes[n];
        Instance instance = instance_facts(facts, resource, node);
        const bool may_run = instance.record != nullptr && (instance.record->activity == Activity::started ||
                                                            instance.record->activity == Activity::failed);
        const Clearance clearance = node.status->clearance;
        const bool there = facts.proof && may_still_run(*node.status, covered);
        if (may_run && (clearance == Clearance::joining || there) && !resource.away) {
            resource.away = n;
        }
        resource.unprobed = resource.unprobed || instance.activity == Activity::unknown;
        resource.in_flight = resource.in_flight || instance.running == "start" || instance.running == "stop";
        resource.on.push_back(std::move(instance));
        if (resource.active_on(n)) resource.active.push_back(n);
    }
    if (!resource.active.empty()) resource.away.reset();
    const auto former = facts.status->former.find(resource.id);
    if (resource.primitive == nullptr || former == facts.status->former.end()) return;
    if (former->second.agent == resource.primitive->agent) return;
    resource.other_agent = std::any_of(resource.active.begin(), resource.active.end(), [&](NodeIndex n) {
        return resource.on[n].record->started_params != resource.digest;
    });
}

// Hands off, because a stop failed there (and nothing can fence), or because the administrator asked for it.
std::string why_blocked(const Facts& facts, const ResourceFacts& resource) {
    for (const NodeIndex n : resource.active) {
        const ResourceOnNode& record = *resource.on[n].record;
        if (record.blocked) return "blocked on " + facts.nodes[n].name + ": a stop failed";
        if (resource.primitive == nullptr || resource.on[n].activity != Activity::failed || !record.failure)
            continue;
        if (on_fail(*facts.config, *resource.primitive, *record.failure) == "block") {
            return "blocked on " + facts.nodes[n].name + ": on-fail=block";
        }
    }
    if (resource.primitive == nullptr || resource.active.size() < 2) return "";
    return lower(meta_value(*facts.config, *resource.primitive, "multiple-active")) == "block"
               ? "blocked: active on several nodes, and multiple-active is block"
               : "";
}

void gather_management(const Facts& facts, ResourceFacts& resource) {
    const Configuration& config = *facts.config;
    const bool in_maintenance = std::any_of(resource.active.begin(), resource.active.end(),
                                            [&](NodeIndex n) { return facts.nodes[n].maintenance; });
    const std::string blocked = why_blocked(facts, resource);
    resource.blocked = !blocked.empty();
    if (facts.maintenance) {
        resource.unmanaged = "maintenance-mode is on";
    } else if (in_maintenance) {
        resource.unmanaged = "its node is in maintenance";
    } else if (resource.primitive != nullptr &&
               is_true(meta_value(config, *resource.primitive, "maintenance"))) {
        resource.unmanaged = "it is in maintenance";
    }
    resource.maintenance = !resource.unmanaged.empty();
    if (resource.maintenance) return;
    if (resource.blocked) {
        resource.unmanaged = blocked;
    } else if (resource.primitive != nullptr &&
               is_false(meta_value(config, *resource.primitive, "is-managed"))) {
        resource.unmanaged = "is-managed is false";
    } else if (resource.primitive == nullptr && !facts.status->former.contains(resource.id)) {
        resource.unmanaged = "how it was defined is not known";
    } else if (resource.primitive == nullptr && is_false(property_value(config, "stop-orphan-resources"))) {
        resource.unmanaged = "stop-orphan-resources is false";
    }
}

// A failure whose on-fail says "stop" keeps the resource down until it is cleaned up.
bool stopped_for_good(const Facts& facts, const ResourceFacts& resource) {
    return std::any_of(resource.on.begin(), resource.on.end(), [&](const Instance& instance) {
        return instance.record != nullptr && instance.record->failure &&
               on_fail(*facts.config, *resource.primitive, *instance.record->failure) == "stop";
    });
}

std::string why_nowhere(const Facts& facts, const ResourceFacts& resource) {
    if (resource.primitive == nullptr) return "it was deleted";
    if (!facts.status->quorate && lower(property_value(*facts.config, "no-quorum-policy")) != "ignore")
        return "no quorum";
    if (is_true(property_value(*facts.config, "stop-all-resources"))) return "stop-all-resources is true";
    if (lower(meta_value(*facts.config, *resource.primitive, "target-role")) == "stopped")
        return "target-role is Stopped";
    if (stopped_for_good(facts, resource)) return "it failed, and on-fail is stop";
    return "";
}

Score score_of(const Configuration& config, const Primitive& primitive, const std::string& name) {
    const auto score = parse_score(meta_value(config, primitive, name));
    return score ? *score : Score{};
}

ResourceFacts resource_facts(const Facts& facts, const std::string& id, const Primitive* primitive) {
    ResourceFacts resource;
    resource.id = id;
    resource.primitive = primitive;
    if (primitive != nullptr) {
        resource.digest = params_digest(*primitive);
        resource.priority = score_of(*facts.config, *primitive, "priority");
        resource.stickiness = score_of(*facts.config, *primitive, "resource-stickiness");
    }
    gather_instances(facts, resource);
    gather_management(facts, resource);
    resource.hold =
        why_hold(facts.nodes, facts.proof, primitive != nullptr && lease_covers(*facts.config, *primitive));
    resource.nowhere = why_nowhere(facts, resource);
    return resource;
}

// Resources that are not configured any more, but that a node may run.
std::set<std::string> deleted_resources(const Configuration& config, const ClusterStatus& status) {
    std::set<std::string> ids;
    for (const auto& [id, definition] : status.former) ids.insert(id);
    for (const auto& [node_id, node] : status.nodes) {
        for (const auto& [id, record] : node.resources) {
            if (record.activity == Activity::started || record.activity == Activity::failed) ids.insert(id);
        }
    }
    for (const Primitive& primitive : config.primitives) ids.erase(primitive.id);
    return ids;
}

}  // namespace

Facts gather_facts(const Configuration& config, const ClusterStatus& status) {
    Facts facts;
    facts.config = &config;
    facts.status = &status;
    facts.nodes = node_facts(config, status);
    facts.maintenance = is_true(property_value(config, "maintenance-mode"));
    facts.symmetric = !is_false(property_value(config, "symmetric-cluster"));
    facts.start_failure_is_fatal = !is_false(property_value(config, "start-failure-is-fatal"));
    facts.proof = demands_proof(config);
    for (const Primitive& primitive : config.primitives) {
        facts.by_id[primitive.id] = facts.resources.size();
        facts.resources.push_back(resource_facts(facts, primitive.id, &primitive));
    }
    for (const std::string& id : deleted_resources(config, status)) {
        facts.by_id[id] = facts.resources.size();
        facts.resources.push_back(resource_facts(facts, id, nullptr));
    }
    return facts;
}

std::string on_fail(const Configuration& config, const Primitive& primitive, const Failure& failure) {
    const std::string value =
        lower(operation_attribute(config, primitive, failure.operation, failure.interval, "on-fail"));
    return value.empty() ? "restart" : value;
}

std::string failure_text(const Failure& failure) {
    std::string text = failure.operation + ": " + ocf_code_text(failure.code);
    if (!failure.reason.empty()) text += " (" + failure.reason + ")";
    return text;
}

}  // namespace manager::scheduling

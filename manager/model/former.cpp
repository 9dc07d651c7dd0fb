#include <algorithm>

#include "manager/model/status.hpp"

namespace manager {
namespace {

const ResourceOnNode* record_of(const NodeStatus& node, const std::string& resource) {
    const auto at = node.resources.find(resource);
    return at == node.resources.end() ? nullptr : &at->second;
}

bool runs_definition(const ResourceOnNode& record, const Primitive* definition) {
    return definition != nullptr && record.started_params == params_digest(*definition);
}

// Whether an instance that is not of `current` (null: of any definition) may be active on the node.
bool may_run_another(const NodeStatus& node, const std::string& resource, const Primitive* current) {
    if (node.clearance == Clearance::clean) return false;
    if (node.clearance == Clearance::uncleared) return true;
    const ResourceOnNode* record = record_of(node, resource);
    if (record == nullptr || record->activity == Activity::unknown) return true;
    return record->activity != Activity::stopped && !runs_definition(*record, current);
}

bool any_may_run_another(const ClusterStatus& status, const std::string& resource, const Primitive* current) {
    return std::any_of(status.nodes.begin(), status.nodes.end(),
                       [&](const auto& entry) { return may_run_another(entry.second, resource, current); });
}

}  // namespace

const Primitive* definition_for(const Configuration& config, const ClusterStatus& status, base::NodeId node,
                                const std::string& resource, const std::string& operation) {
    const Primitive* configured = config.primitive(resource);
    const auto at = status.former.find(resource);
    const Primitive* former = at == status.former.end() ? nullptr : &at->second;
    if (former == nullptr || operation == "start") return configured;
    if (configured == nullptr) return former;
    const auto host = status.nodes.find(node);
    const ResourceOnNode* record = host == status.nodes.end() ? nullptr : record_of(host->second, resource);
    const bool current =
        record != nullptr && record->activity != Activity::unknown && runs_definition(*record, configured);
    return current ? configured : former;
}

void keep_former(const Configuration& before, const Configuration& after, ClusterStatus& status) {
    for (const Primitive& old : before.primitives) {
        const Primitive* now = after.primitive(old.id);
        if (now != nullptr && params_digest(*now) == params_digest(old)) continue;
        if (any_may_run_another(status, old.id, now)) status.former.try_emplace(old.id, old);
    }
}

void forget_former(const Configuration& config, ClusterStatus& status) {
    for (auto at = status.former.begin(); at != status.former.end();) {
        const std::string id = at->first;
        const Primitive* configured = config.primitive(id);
        if (any_may_run_another(status, id, configured)) {
            ++at;
            continue;
        }
        const bool other_agent = configured == nullptr || !(configured->agent == at->second.agent);
        for (auto& [node_id, node] : status.nodes) {
            const ResourceOnNode* record = record_of(node, id);
            if (other_agent && record != nullptr && !runs_definition(*record, configured))
                node.resources.erase(id);
        }
        at = status.former.erase(at);
    }
}

}  // namespace manager

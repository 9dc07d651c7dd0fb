// What each supposition does to a live cluster; manager/planner/hypothesis.cpp has the same for a document.
#include <algorithm>
#include <variant>

#include "manager/live/forecast.hpp"

namespace manager::live {
namespace {

namespace suppose = planner::suppose;

template <typename List>
void erase_id(List& list, const std::string& id) {
    std::erase_if(list, [&](const auto& each) { return each.id == id; });
}

struct Apply {
    Live& live;

    void operator()(const suppose::Standby& c) const { attribute(c.node, "standby", c.on ? "on" : "off"); }
    void operator()(const suppose::Down& c) const {
        auto* found = node(c.node);
        if (found == nullptr) return;
        auto& [id, status] = *found;
        if (status.clearance != Clearance::member && status.clearance != Clearance::joining) return;
        status.clearance = Clearance::uncleared;
        status.lease_out = status.obeys;
        status.why = "lost";
        status.member_since = 0;
        status.leaving = status.left = false;
        std::erase_if(live.status.actions, [lost = id](const PlannedAction& a) { return a.node == lost; });
    }
    void operator()(const suppose::Up& c) const {
        auto* found = node(c.node);
        if (found == nullptr) return;
        NodeStatus& status = found->second;
        status.clearance = Clearance::member;
        status.lease_out = status.leaving = status.left = false;
        status.resources.clear();  // nobody looked yet: the forecast's probes find nothing
    }
    void operator()(const suppose::Cleared& c) const {
        auto* found = node(c.node);
        if (found == nullptr || found->second.clearance != Clearance::uncleared) return;
        found->second.clearance = Clearance::clean;
        found->second.resources.clear();
    }
    void operator()(const suppose::NoMaintenance& c) const { attribute(c.node, "maintenance", "off"); }
    void operator()(const suppose::Quorum& /*c*/) const { live.status.quorate = true; }
    void operator()(const suppose::NoStopAll& /*c*/) const {
        live.config.properties["stop-all-resources"] = "false";
    }
    void operator()(const suppose::Started& c) const { meta(c.resource, "target-role", "Started"); }
    void operator()(const suppose::Managed& c) const {
        live.config.properties["maintenance-mode"] = "false";
        meta(c.resource, "is-managed", "true");
        meta(c.resource, "maintenance", "false");
    }
    void operator()(const suppose::Cleaned& c) const {
        if (auto* found = node(c.node); found != nullptr) found->second.resources.erase(c.resource);
    }
    void operator()(const suppose::Liked& c) const {
        live.config.locations.push_back({"what-if", c.resource, c.node, c.score});
    }
    void operator()(const suppose::Without& c) const {
        erase_id(live.config.locations, c.id);
        erase_id(live.config.colocations, c.id);
        erase_id(live.config.orders, c.id);
    }
    // What a live cluster does not have.
    void operator()(const suppose::Granted& /*c*/) const {}
    void operator()(const suppose::Weightless& /*c*/) const {}

  private:
    [[nodiscard]] std::pair<const base::NodeId, NodeStatus>* node(const std::string& name) const {
        for (auto& entry : live.status.nodes) {
            if (entry.second.name == name) return &entry;
        }
        return nullptr;
    }
    void attribute(const std::string& name, const std::string& key, const std::string& value) const {
        const auto* found = node(name);
        if (found == nullptr) return;
        auto& nodes = live.config.nodes;
        auto at =
            std::find_if(nodes.begin(), nodes.end(), [&](const NodeObject& n) { return n.name == name; });
        if (at == nodes.end()) at = nodes.insert(nodes.end(), NodeObject{name, found->first.value, {}});
        at->attributes[key] = value;
    }
    void meta(const std::string& resource, const std::string& key, const std::string& value) const {
        for (Primitive& primitive : live.config.primitives) {
            if (primitive.id == resource) primitive.meta[key] = value;
        }
    }
};

}  // namespace

Live with(Live live, const planner::Hypothesis& hypothesis) {
    for (const planner::Supposition& each : hypothesis.changes) std::visit(Apply{live}, each);
    return live;
}

}  // namespace manager::live

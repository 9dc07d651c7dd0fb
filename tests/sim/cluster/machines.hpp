// The ground truth of a simulated cluster: what really runs on which machine, whatever the daemons believe.
#pragma once

#include <map>
#include <set>
#include <string>

#include "totem/base/ids.hpp"

namespace sim {

class Machines {
  public:
    // From the first moment at which a start could have effect.
    void activate(base::NodeId node, const std::string& resource) { active_[resource].insert(node); }
    void deactivate(base::NodeId node, const std::string& resource) { active_[resource].erase(node); }
    // The machine itself went down: nothing runs there.
    void power_off(base::NodeId node) {
        for (auto& [resource, nodes] : active_) nodes.erase(node);
    }
    [[nodiscard]] bool active(base::NodeId node, const std::string& resource) const {
        const auto at = active_.find(resource);
        return at != active_.end() && at->second.count(node) != 0;
    }
    [[nodiscard]] std::set<std::string> on(base::NodeId node) const {
        std::set<std::string> out;
        for (const auto& [resource, nodes] : active_) {
            if (nodes.count(node) != 0) out.insert(resource);
        }
        return out;
    }
    [[nodiscard]] const std::set<base::NodeId>& where(const std::string& resource) {
        return active_[resource];
    }
    // A resource that is active in two places, or empty.
    [[nodiscard]] std::string doubled() const {
        for (const auto& [resource, nodes] : active_) {
            if (nodes.size() > 1) return resource;
        }
        return "";
    }

  private:
    std::map<std::string, std::set<base::NodeId>> active_;
};

}  // namespace sim

#include "tools/crm/levels.hpp"

namespace tools {

const std::vector<Level>& crm_levels() {
    static const std::vector<Level> levels = {top_level(),      configure_level(),  resource_level(),
                                              node_level(),     ra_level(),         cluster_level(),
                                              corosync_level(), maintenance_level()};
    return levels;
}

std::vector<std::string> active_nodes(const StatusReply& status, const std::string& resource) {
    std::vector<std::string> names;
    for (const auto& [id, node] : status.status.nodes) {
        if (node.clearance == manager::Clearance::clean) continue;
        const auto found = node.resources.find(resource);
        if (found == node.resources.end()) continue;
        const manager::Activity activity = found->second.activity;
        if (activity == manager::Activity::started || activity == manager::Activity::failed)
            names.push_back(node.name);
    }
    return names;
}

bool is_managed(const manager::Configuration& config, const manager::Primitive& primitive) {
    return manager::is_true(manager::meta_value(config, primitive, "is-managed", "true")) &&
           !manager::is_true(manager::property_value(config, "maintenance-mode"));
}

base::Status need_resource(const manager::Configuration& config, const std::string& id) {
    if (config.primitive(id) != nullptr) return base::ok();
    std::vector<std::string> names;
    for (const auto& primitive : config.primitives) names.push_back(primitive.id);
    return base::Error{
        base::Errc::not_found,
        "there is no resource " + id +
            (names.empty() ? ": none is configured yet" : ": the resources are " + joined(names, ", "))};
}

base::Result<const manager::NodeStatus*> need_node(const StatusReply& status, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& [id, node] : status.status.nodes) {
        if (node.name == name) return &node;
        names.push_back(node.name);
    }
    return base::Error{base::Errc::not_found,
                       "there is no node " + name + " in this cluster: the nodes are " + joined(names, ", ")};
}

void add_unsupported(Level& level, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) level.commands.push_back({name, "", "", "", 0, kAny, nullptr});
}

}  // namespace tools

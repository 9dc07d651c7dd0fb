#include "manager/planner/unpack.hpp"

#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"

namespace manager::planner {
namespace {

std::string property(const Cluster& cluster, const std::string& name, const std::string& other,
                     std::string_view otherwise) {
    const cib::Facts facts{.now = cluster.options.now};
    auto value = value_of(cluster.document->properties, name, facts);
    if (!value && !other.empty()) value = value_of(cluster.document->properties, other, facts);
    return value.value_or(std::string(otherwise));
}

bool property_flag(const Cluster& cluster, const std::string& name, const std::string& other,
                   bool otherwise) {
    const std::string value = property(cluster, name, other, "");
    return is_true(value) || (otherwise && !is_false(value));
}

QuorumPolicy quorum_policy(const std::string& word) {
    if (word == "ignore") return QuorumPolicy::ignore;
    if (word == "freeze") return QuorumPolicy::freeze;
    if (word == "demote") return QuorumPolicy::demote;
    if (word == "suicide" || word == "fence") return QuorumPolicy::fence;
    return QuorumPolicy::stop;
}

Strategy strategy_of(const std::string& word) {
    if (word == "utilization") return Strategy::utilization;
    if (word == "minimal") return Strategy::minimal;
    return word == "balanced" ? Strategy::balanced : Strategy::standard;
}

Score property_score(const Cluster& cluster, const std::string& name, Score otherwise) {
    const auto score = parse_score(property(cluster, name, "", to_string(otherwise)));
    return score ? *score : otherwise;
}

Capacity capacity_of(const cib::AttributeSets& sets, const cib::Facts& facts) {
    Capacity out;
    for (const auto& [name, value] : values_of(sets, facts)) out[name] = whole(value, 0);
    return out;
}

// What is true of a node whose manager process is told about, while fencing is in use.
void judge_with_fencing(Cluster& cluster, Node& node, const cib::NodeReport& report, bool in_cluster,
                        bool process) {
    const std::string wanted = get(node.attributes, "terminate");
    const bool terminate = is_true(wanted) || whole(wanted, 0) > 0;
    const std::string expected = report.expected.empty() ? "down" : report.expected;
    node.online = in_cluster;
    if (node.shutdown) {
        node.online = process;
    } else if (!report.in_membership_told) {
        want_fence(cluster, node, "the cluster has not seen it");
    } else if (report.join == "nack") {
        want_fence(cluster, node, "it failed to join");
    } else if (!terminate && expected == "down") {
        if (in_cluster || process) node.standby = node.pending = true;
    } else if (terminate && report.join == "down" && !in_cluster && !process) {
        node.online = false;
    } else if (!in_cluster) {
        want_fence(cluster, node, "it is no longer part of the cluster");
    } else if (!process) {
        want_fence(cluster, node, "its manager process is gone");
    } else if (terminate) {
        want_fence(cluster, node, "its end was asked for");
    } else if (report.join == "pending" || report.join == "down") {
        node.standby = node.pending = true;
    } else if (report.join != "member") {
        want_fence(cluster, node, "it is in an unknown state");
    }
}

void judge_without_fencing(Node& node, const cib::NodeReport& report, bool in_cluster, bool process) {
    if (!in_cluster) return;
    if (process) {
        node.online = report.join == "member";
    } else if (report.expected == "member" && !node.shutdown) {
        node.unclean = true;
        node.fence_reason = "its manager process ended unexpectedly";
    }
}

void unpack_report(Cluster& cluster, const cib::NodeReport& report) {
    Node* node = cluster.node(report.id);
    if (node == nullptr) node = cluster.node(report.name);
    if (node == nullptr) return;
    node->seen = true;
    node->unclean = false;
    const cib::Facts facts{.now = cluster.options.now};
    for (const auto& [name, value] : values_of(report.attributes, facts))
        node->attributes.try_emplace(name, value);
    const std::string shutdown = get(node->attributes, "shutdown");
    node->shutdown = !shutdown.empty() && shutdown != "0";
    node->maintenance = is_true(get(node->attributes, "maintenance"));
    const bool in_cluster = is_true(report.in_membership);
    const bool process = report.process == "online";
    if (cluster.options.fencing) {
        judge_with_fencing(cluster, *node, report, in_cluster, process);
    } else {
        judge_without_fencing(*node, report, in_cluster, process);
    }
    if (is_true(get(node->attributes, "standby"))) node->standby = true;
    if (node->online && !cluster.options.have_quorum && cluster.options.no_quorum == QuorumPolicy::fence)
        want_fence(cluster, *node, "the cluster has no quorum");
}

}  // namespace

void unpack_options(Cluster& cluster) {
    Options& options = cluster.options;
    options.fencing = property_flag(cluster, "stonith-enabled", "fencing-enabled", true);
    options.symmetric = property_flag(cluster, "symmetric-cluster", "", true);
    options.stop_all = property_flag(cluster, "stop-all-resources", "", false);
    options.maintenance = property_flag(cluster, "maintenance-mode", "", false);
    options.startup_fencing = property_flag(cluster, "startup-fencing", "", true);
    options.stop_orphans = property_flag(cluster, "stop-orphan-resources", "stop-removed-resources", true);
    options.shutdown_lock = property_flag(cluster, "shutdown-lock", "", false);
    const auto limit = parse_interval(property(cluster, "shutdown-lock-limit", "", "0"));
    options.shutdown_lock_limit = limit ? limit->ns / 1'000'000'000 : 0;
    options.fence_action = property(cluster, "stonith-action", "fencing-action", "reboot");
    if (options.fence_action == "poweroff") options.fence_action = "off";
    options.have_quorum = cluster.document->have_quorum;
    options.no_quorum = quorum_policy(property(cluster, "no-quorum-policy", "", "stop"));
    // The nodes fence themselves when they lose a quorum, not when they never had one.
    if (options.no_quorum == QuorumPolicy::fence && (!options.fencing || !cluster.document->lost_quorum))
        options.no_quorum = QuorumPolicy::stop;
    options.strategy = strategy_of(property(cluster, "placement-strategy", "", "default"));
    options.health_strategy = property(cluster, "node-health-strategy", "", "none");
    options.health_base = property_score(cluster, "node-health-base", {});
    options.health_green = property_score(cluster, "node-health-green", {});
    options.health_yellow = property_score(cluster, "node-health-yellow", {});
    options.health_red = property_score(cluster, "node-health-red", Score::minus_infinity());
}

void unpack_nodes(Cluster& cluster) {
    const cib::Facts facts{.now = cluster.options.now};
    for (const auto& entry : cluster.document->nodes) {
        auto node = std::make_unique<Node>();
        node->id = entry.id;
        node->name = entry.name;
        node->index = cluster.nodes.size();
        node->unclean = cluster.options.fencing && cluster.options.startup_fencing;
        node->fence_reason = "the cluster has never seen it";
        node->coordinator = entry.id == cluster.document->coordinator;
        node->attributes = values_of(entry.attributes, facts);
        node->free = capacity_of(entry.utilization, facts);
        cluster.nodes.push_back(std::move(node));
    }
    for (const auto& report : cluster.document->reports) unpack_report(cluster, report);
    for (const auto& node : cluster.nodes) {
        Attributes& attributes = node->attributes;
        attributes["#uname"] = node->name;
        attributes["#id"] = node->id;
        attributes["#kind"] = "cluster";
        attributes["#is_dc"] = node->coordinator ? "true" : "false";
        const std::string site = get(attributes, "site-name", property(cluster, "cluster-name", "", ""));
        if (!site.empty()) attributes["#site-name"] = site;
        const std::string name = property(cluster, "cluster-name", "", "");
        if (!name.empty()) attributes["#cluster-name"] = name;
        if (!node->seen) {
            node->standby = is_true(get(attributes, "standby"));
            node->maintenance = is_true(get(attributes, "maintenance"));
            node->fence_wanted = node->unclean && cluster.can_fence(node.get());
        }
    }
}

Cluster unpack(const cib::Document& document, std::int64_t now) {
    Cluster cluster;
    cluster.document = &document;
    cluster.options.now = now;
    cluster.tickets = document.tickets;
    unpack_options(cluster);
    unpack_resources(cluster);
    unpack_nodes(cluster);
    for (const auto& resource : cluster.store) {
        if (!cluster.options.symmetric) break;
        for (const auto& node : cluster.nodes) resource->allowed[node->index];
    }
    unpack_history(cluster);
    return cluster;
}

}  // namespace manager::planner

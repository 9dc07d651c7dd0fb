#include "tools/view/status.hpp"
#include "manager/model/operation.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tools {
namespace {

using manager::Activity;
using manager::Clearance;
using manager::Configuration;
using manager::NodeStatus;
using manager::Primitive;
using manager::ResourceOnNode;

constexpr std::uint32_t kBanned = static_cast<std::uint32_t>(manager::Score::kInfinity);

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
    return out;
}

bool node_flag(const Configuration& config, const NodeStatus& node, const char* name) {
    const manager::NodeObject* object = config.node(node.name);
    if (object == nullptr) return false;
    const auto found = object->attributes.find(name);
    return found != object->attributes.end() && manager::is_true(found->second);
}

// What is said of a resource counts: the node is here, or it may still run what it ran and nothing says
// otherwise.
bool counts(const Configuration& config, const NodeStatus& node) {
    if (node.clearance == Clearance::clean) return false;
    return node.clearance != Clearance::uncleared || manager::demands_proof(config);
}

const ResourceOnNode* record(const NodeStatus& node, const std::string& resource) {
    const auto found = node.resources.find(resource);
    return found == node.resources.end() ? nullptr : &found->second;
}

bool is_active(const ResourceOnNode* at) {
    return at != nullptr && (at->activity == Activity::started || at->activity == Activity::failed);
}

bool has_active(const StatusReply& reply, const NodeStatus& node) {
    return std::any_of(reply.configuration.primitives.begin(), reply.configuration.primitives.end(),
                       [&node](const Primitive& primitive) { return is_active(record(node, primitive.id)); });
}

bool is_disabled(const Configuration& config, const Primitive& primitive) {
    const std::string role = manager::meta_value(config, primitive, "target-role", "Started");
    return role == "Stopped" || role == "stopped";
}

std::string flags(const StatusReply& reply, const Primitive& primitive, bool blocked) {
    const Configuration& config = reply.configuration;
    std::vector<std::string> words;
    if (is_disabled(config, primitive)) words.emplace_back("disabled");
    if (blocked) words.emplace_back("blocked");
    if (manager::is_true(manager::property_value(config, "maintenance-mode"))) {
        words.emplace_back("maintenance");
    } else if (!manager::is_true(manager::meta_value(config, primitive, "is-managed", "true"))) {
        words.emplace_back("unmanaged");
    }
    return words.empty() ? "" : " (" + joined(words, ", ") + ")";
}

// "Starting n2" while an action of the plan runs there.
std::string pending(const StatusReply& reply, const Primitive& primitive) {
    for (const manager::PlannedAction& action : reply.status.actions) {
        if (action.resource != primitive.id || action.state != manager::ActionState::running) continue;
        const auto node = reply.status.nodes.find(action.node);
        if (node == reply.status.nodes.end()) continue;
        if (action.operation == "start") return "Starting " + node->second.name;
        if (action.operation == "stop") return "Stopping " + node->second.name;
    }
    return "";
}

struct Paint {
    bool colour;
    [[nodiscard]] std::string good(const std::string& text) const { return wrap("\x1b[32m", text); }
    [[nodiscard]] std::string bad(const std::string& text) const { return wrap("\x1b[31m", text); }
    [[nodiscard]] std::string strong(const std::string& text) const { return wrap("\x1b[1m", text); }

  private:
    [[nodiscard]] std::string wrap(const char* code, const std::string& text) const {
        return colour ? code + text + "\x1b[0m" : text;
    }
};

// Whether the node that answers may hold what runs in one place only.
std::string lease_text(const LocalLease& lease) {
    if (!lease.enforced) return "not enforced (" + lease.policy + ")";
    if (lease.left_ms > 0)
        return "held, " + std::to_string(lease.left_ms) + " ms left (" + lease.policy + ")";
    return "NOT held: nothing of a single place may run on this node now (" + lease.policy + ")";
}

class Renderer {
  public:
    Renderer(const StatusReply& reply, const StatusStyle& style)
        : reply_(reply),
          config_(reply.configuration),
          style_(style),
          paint_{style.colour} {}

    std::string run() {
        plain_words();
        summary();
        nodes();
        if (!style_.by_node) resources();
        failures();
        if (style_.verbose) fail_counts();
        if (style_.verbose) out_ += "\n" + render_ring(reply_);
        return std::move(out_);
    }

  private:
    void line(const std::string& text) { out_ += text + "\n"; }
    void title(const std::string& text) { out_ += (out_.empty() ? "" : "\n") + paint_.strong(text) + "\n"; }

    // What an administrator has to know first, in whole sentences: the daemon's own trouble, then the
    // scheduler's notes.
    void plain_words() {
        for (const std::string& warning : reply_.local.warnings) line(paint_.bad(warning));
        for (const std::string& note : reply_.local.notes) line(paint_.bad(note));
        const bool started = reply_.local.phase != kWaiting;
        if (started && !reply_.local.synchronised) {
            line(paint_.bad(
                "the members of this view do not agree on one state yet: what follows may be old"));
        }
    }

    void summary() {
        const LocalFacts& local = reply_.local;
        const std::string dc =
            local.coordinator.empty() ? "NONE" : local.coordinator + " (version " + local.version + ")";
        title("Cluster Summary:");
        line("  * Stack: custos");
        line("  * Current DC: " + dc + " - partition " +
             (reply_.status.quorate ? "with" : paint_.bad("WITHOUT")) + " quorum");
        line("  * Last updated: " + style_.time_text(style_.now) + " on " + local.node);
        if (!local.lease.policy.empty()) line("  * Lease: " + lease_text(local.lease));
        if (!local.last_change.empty()) line("  * Last change:  " + local.last_change);
        const std::size_t node_count = reply_.status.nodes.size();
        line("  * " + std::to_string(node_count) + (node_count == 1 ? " node" : " nodes") + " configured");
        const std::size_t count = config_.primitives.size();
        const auto disabled =
            std::count_if(config_.primitives.begin(), config_.primitives.end(),
                          [this](const Primitive& each) { return is_disabled(config_, each); });
        line("  * " + std::to_string(count) + (count == 1 ? " resource instance" : " resource instances") +
             " configured" + (disabled > 0 ? " (" + std::to_string(disabled) + " DISABLED)" : ""));
        const bool maintenance = manager::is_true(manager::property_value(config_, "maintenance-mode"));
        if (maintenance) line("\n              *** Resource management is DISABLED ***");
        if (manager::is_true(manager::property_value(config_, "stop-all-resources"))) {
            line("\n              *** Resources are STOPPED: stop-all-resources=true ***");
        }
    }

    // Empty for a node that is simply online or offline: those share a line.
    [[nodiscard]] std::string special_state(const NodeStatus& node) const {
        const bool standby = node_flag(config_, node, "standby");
        const std::string busy = has_active(reply_, node) ? " (with active resources)" : "";
        switch (node.clearance) {
            case Clearance::joining:
                return "pending";
            case Clearance::clean:
                return standby ? "OFFLINE (standby)" : "";
            case Clearance::uncleared:
                if (manager::demands_proof(config_)) return "UNCLEAN (offline)";
                return standby ? "OFFLINE (standby)" : "";
            case Clearance::member:
                break;
        }
        if (node.leaving) return "shutting down" + busy;
        if (standby) return "standby" + busy;
        if (node_flag(config_, node, "maintenance")) return "maintenance";
        return "";
    }

    void node_resources(const NodeStatus& node) {
        for (const Primitive& primitive : config_.primitives) {
            if (!counts(config_, node) || !is_active(record(node, primitive.id))) continue;
            line("    * " + primitive.id + "\t(" + to_string(primitive.agent) + "):\t " +
                 resource_state(reply_, primitive));
        }
    }

    void nodes() {
        title("Node List:");
        std::vector<const NodeStatus*> sorted;
        for (const auto& [id, node] : reply_.status.nodes) sorted.push_back(&node);
        std::sort(sorted.begin(), sorted.end(),
                  [](const NodeStatus* a, const NodeStatus* b) { return a->name < b->name; });
        std::vector<std::string> online, offline;
        for (const NodeStatus* node : sorted) {
            const std::string special = special_state(*node);
            if (!special.empty() || style_.by_node) {
                const bool here = node->clearance == Clearance::member;
                line("  * Node " + node->name + ": " +
                     (special.empty() ? here ? "online" : "OFFLINE" : special));
                if (style_.by_node) node_resources(*node);
            } else {
                (node->clearance == Clearance::member ? online : offline).push_back(node->name);
            }
        }
        if (!online.empty()) line("  * " + paint_.good("Online:") + " [ " + joined(online, " ") + " ]");
        if (!offline.empty()) line("  * " + paint_.bad("OFFLINE:") + " [ " + joined(offline, " ") + " ]");
    }

    void resources() {
        title(style_.inactive ? "Full List of Resources:" : "Active Resources:");
        bool any = false;
        for (const Primitive& primitive : config_.primitives) {
            const std::string state = resource_state(reply_, primitive);
            if (!style_.inactive && state.rfind("Stopped", 0) == 0) continue;
            any = true;
            const bool good = state.rfind("Started", 0) == 0;
            const bool bad = state.rfind("FAILED", 0) == 0;
            line("  * " + primitive.id + "\t(" + to_string(primitive.agent) + "):\t " +
                 (good  ? paint_.good(state)
                  : bad ? paint_.bad(state)
                        : state));
        }
        if (!any) line(style_.inactive ? "  * No resources" : "  * No active resources");
    }

    void failures() {
        bool first = true;
        for (const Primitive& primitive : config_.primitives) {
            for (const auto& [id, node] : reply_.status.nodes) {
                const ResourceOnNode* at = record(node, primitive.id);
                if (at == nullptr || !at->failure) continue;
                if (std::exchange(first, false)) title("Failed Resource Actions:");
                const manager::Failure& failure = *at->failure;
                const std::string every = failure.interval.ns == 0
                                              ? ""
                                              : (failure.interval.ms() % 1000 == 0
                                                     ? std::to_string(failure.interval.ms() / 1000) + "s"
                                                     : std::to_string(failure.interval.ms()) + "ms") +
                                                    "-interval ";
                line("  * " + primitive.id + " " + every + failure.operation + " on " + node.name +
                     " returned '" + manager::ocf_code_text(failure.code) + "'" +
                     (failure.reason.empty() ? "" : " (" + failure.reason + ")") + " at " +
                     style_.time_text(failure.when));
            }
        }
    }

    void fail_counts() {
        bool first = true;
        for (const auto& [id, node] : reply_.status.nodes) {
            for (const Primitive& primitive : config_.primitives) {
                const ResourceOnNode* at = record(node, primitive.id);
                if (at == nullptr || at->fail_count == 0) continue;
                if (std::exchange(first, false)) title("Migration Summary:");
                line("  * " + primitive.id + " on " + node.name + ": fail-count=" +
                     (at->fail_count >= kBanned ? "INFINITY" : std::to_string(at->fail_count)) +
                     " migration-threshold=" +
                     manager::meta_value(config_, primitive, "migration-threshold", "INFINITY"));
            }
        }
    }

    const StatusReply& reply_;
    const Configuration& config_;
    const StatusStyle& style_;
    Paint paint_;
    std::string out_;
};

}  // namespace

std::string resource_state(const StatusReply& reply, const Primitive& primitive) {
    std::vector<std::string> started, failed;
    bool blocked = false;
    for (const auto& [id, node] : reply.status.nodes) {
        const ResourceOnNode* at = record(node, primitive.id);
        if (at == nullptr || !counts(reply.configuration, node)) continue;
        blocked = blocked || at->blocked;
        const std::string name =
            node.clearance == Clearance::uncleared ? node.name + " (UNCLEAN)" : node.name;
        if (at->activity == Activity::started) started.push_back(name);
        if (at->activity == Activity::failed) failed.push_back(name);
    }
    const std::string more = flags(reply, primitive, blocked);
    if (const std::string moving = pending(reply, primitive); !moving.empty()) return moving + more;
    if (!failed.empty()) {
        failed.insert(failed.end(), started.begin(), started.end());
        return "FAILED " + (failed.size() == 1 ? failed[0] : "[ " + joined(failed, " ") + " ]") + more;
    }
    if (started.empty()) return "Stopped" + more;
    return "Started " + (started.size() == 1 ? started[0] : "[ " + joined(started, " ") + " ]") + more;
}

std::string render_status(const StatusReply& reply, const StatusStyle& style) {
    return Renderer(reply, style).run();
}

std::string render_ring(const StatusReply& reply) {
    const LocalFacts& local = reply.local;
    std::vector<std::string> members;
    for (const base::NodeId id : local.members) {
        const auto node = reply.status.nodes.find(id);
        members.push_back(node == reply.status.nodes.end() ? to_string(id) : node->second.name);
    }
    std::string out = "Ring:\n";
    const auto line = [&out](const std::string& name, const std::string& value) {
        out += "  * " + name + ": " + value + "\n";
    };
    line("Cluster", local.cluster_name);
    line("This node", local.node + " (id " + to_string(local.node_id) + ")");
    line("Ring", (local.ring_id.empty() ? "none" : local.ring_id) + ", " + local.phase +
                     (local.synchronised ? ", synchronised" : ", not synchronised"));
    line("Members", "[ " + joined(members, " ") + (members.empty() ? "]" : " ]"));
    line("Quorum", std::string(reply.status.quorate ? "yes" : "NO") +
                       (local.quorum_reason.empty() ? "" : " (" + local.quorum_reason + ")"));
    line("Token rotation", std::to_string(local.rotation_us) + " us");
    line("Messages", std::to_string(local.ring_delivered) + " delivered, " +
                         std::to_string(local.ring_retransmitted) + " sent again, " +
                         std::to_string(local.ring_tokens) + " tokens, " + std::to_string(local.ring_views) +
                         " views");
    line("Refused frames", std::to_string(local.ring_refused));
    return out;
}

}  // namespace tools

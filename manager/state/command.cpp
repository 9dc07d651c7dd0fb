// What a client's command does at its delivery: every decision about it is made here, by every member alike.
#include <algorithm>

#include "manager/state/nodes.hpp"
#include "manager/state/state.hpp"

namespace manager {

namespace {

using base::Errc;
using base::Error;
using base::Status;

struct NameOf {
    std::string operator()(const PutPrimitive& e) const { return e.value.id; }
    std::string operator()(const PutLocation& e) const { return e.value.id; }
    std::string operator()(const PutColocation& e) const { return e.value.id; }
    std::string operator()(const PutOrder& e) const { return e.value.id; }
    std::string operator()(const PutNode& e) const { return e.value.name; }
    std::string operator()(const Delete& e) const { return e.id; }
    std::string operator()(const SetOption& e) const { return "option " + e.name; }
    std::string operator()(const SetMeta& e) const { return e.resource; }
    std::string operator()(const SetNodeAttribute& e) const { return e.node; }
    std::string operator()(const Erase& /*e*/) const { return "everything"; }
};

std::vector<std::string> node_names(const ClusterStatus& status) {
    std::vector<std::string> names;
    for (const auto& [id, node] : status.nodes) names.push_back(node.name);
    return names;
}

NodeStatus* node_named(ClusterStatus& status, const std::string& name) {
    for (auto& [id, node] : status.nodes) {
        if (node.name == name) return &node;
    }
    return nullptr;
}

Error unknown_node(const ClusterStatus& status, const std::string& name) {
    std::string known;
    for (const std::string& n : node_names(status)) known += (known.empty() ? "" : ", ") + n;
    return {Errc::not_found, "there is no node \"" + name + "\" in this cluster; its nodes are " + known};
}

bool active(const ResourceOnNode& record) {
    return record.activity == Activity::started || record.activity == Activity::failed;
}

// Names of the resources that are active on some member.
std::string active_resources(const State& state) {
    std::string names;
    for (const Primitive& p : state.configuration.primitives) {
        const bool runs =
            std::any_of(state.status.nodes.begin(), state.status.nodes.end(), [&](const auto& entry) {
                const auto record = entry.second.resources.find(p.id);
                return record != entry.second.resources.end() && active(record->second);
            });
        if (runs) names += (names.empty() ? "" : ", ") + p.id;
    }
    return names;
}

Status check_overlap(const State& state, const ChangeConfiguration& change) {
    if (!change.base_version) return base::ok();
    for (const Edit& edit : change.edits) {
        const std::string name = std::visit(NameOf{}, edit);
        const auto at = state.changed.find(name);
        if (at != state.changed.end() && at->second > *change.base_version) {
            return Error{Errc::conflict,
                         name + " was changed by " + state.last_user +
                             " meanwhile; nothing was changed: look at it again (crm configure show) "
                             "and repeat your change"};
        }
    }
    return base::ok();
}

// `crm node delete`: an entry of the configuration and the node's place in status; a member stays.
Status check_node_deletion(State& state, const Delete& edit, Configuration& config) {
    const std::string kind = config.kind_of(edit.id);
    if (!kind.empty() && kind != "node") return base::ok();
    const NodeStatus* node = node_named(state.status, edit.id);
    if (node == nullptr) return base::ok();
    if (node->clearance == Clearance::member || node->clearance == Clearance::joining) {
        return Error{Errc::conflict,
                     "node " + edit.id + " is active: stop its daemon first (crm cluster stop there)"};
    }
    if (node->clearance == Clearance::uncleared && demands_proof(state.configuration)) {
        return Error{Errc::conflict,
                     "node " + edit.id +
                         " is not cleared: it may still run what it ran. Make sure that it is "
                         "switched off, then crm node clearstate " +
                         edit.id + ", then delete it"};
    }
    if (kind.empty()) config.nodes.push_back({edit.id, 0, {}});  // so that the edit finds what it deletes
    return base::ok();
}

void forget_deleted_nodes(State& state, const std::vector<Edit>& edits) {
    for (const Edit& edit : edits) {
        const auto* gone = std::get_if<Delete>(&edit);
        if (gone == nullptr || !state.configuration.kind_of(gone->id).empty()) continue;
        std::erase_if(state.status.nodes, [&](const auto& entry) {
            return entry.second.name == gone->id && entry.second.clearance != Clearance::member;
        });
    }
}

struct Apply {
    State& state;
    const ClientCommand& command;
    bool& durable;

    Status operator()(const ChangeConfiguration& change) const {
        TRY_OK(check_overlap(state, change));
        Configuration config = state.configuration;
        for (const Edit& edit : change.edits) {
            if (const auto* gone = std::get_if<Delete>(&edit))
                TRY_OK(check_node_deletion(state, *gone, config));
            if (std::holds_alternative<Erase>(edit)) {
                if (const std::string active = active_resources(state); !active.empty()) {
                    return Error{
                        Errc::conflict,
                        "nothing was erased: " + active +
                            " still run; stop them first (crm configure property stop-all-resources=true)"};
                }
            }
        }
        TRY(Configuration next, apply_edits(std::move(config), change.edits, node_names(state.status)));
        next.version = state.configuration.version + 1;
        keep_former(state.configuration, next, state.status);
        state.configuration = std::move(next);
        for (const Edit& edit : change.edits)
            state.changed[std::visit(NameOf{}, edit)] = state.configuration.version;
        forget_deleted_nodes(state, change.edits);
        forget_former(state.configuration, state.status);
        state.last_user = command.user;
        state.last_change = command.when;
        advance_head(state);
        durable = true;
        return base::ok();
    }

    Status operator()(const Cleanup& cleanup) const {
        if (!cleanup.resource.empty() && state.configuration.primitive(cleanup.resource) == nullptr &&
            state.status.former.count(cleanup.resource) == 0) {
            return Error{Errc::not_found, "there is no resource \"" + cleanup.resource + "\""};
        }
        if (!cleanup.node.empty() && node_named(state.status, cleanup.node) == nullptr) {
            return unknown_node(state.status, cleanup.node);
        }
        for (auto& [id, node] : state.status.nodes) {
            if (!cleanup.node.empty() && node.name != cleanup.node) continue;
            for (auto& [resource, record] : node.resources) {
                if (cleanup.resource.empty() || resource == cleanup.resource) clean(record);
            }
        }
        return base::ok();
    }

    Status operator()(const ConfirmNode& confirm) const {
        NodeStatus* node = node_named(state.status, confirm.node);
        if (node == nullptr) return unknown_node(state.status, confirm.node);
        if (node->clearance == Clearance::member || node->clearance == Clearance::joining) {
            return Error{Errc::conflict,
                         "node " + confirm.node + " is a member of the cluster right now: it is not down"};
        }
        node->clearance = Clearance::clean;
        node->why = "confirmed down by " + command.user;
        node->resources.clear();
        forget_former(state.configuration, state.status);
        return base::ok();
    }

    Status operator()(const ShutdownNode& shutdown) const {
        NodeStatus* node = node_named(state.status, shutdown.node);
        if (node == nullptr) return unknown_node(state.status, shutdown.node);
        node->leaving = true;
        return base::ok();
    }

    Status operator()(const ChangeNodes& change) const {
        TRY_OK(change_nodes(state, change, command.user));
        state.last_user = command.user;
        state.last_change = command.when;
        advance_head(state);
        durable = true;
        return base::ok();
    }

    // Forgets the failure; what was in doubt is probed again, what runs well is left alone.
    static void clean(ResourceOnNode& record) {
        const bool doubtful = record.activity == Activity::failed || record.cannot_run || record.blocked;
        record.fail_count = 0;
        record.failure.reset();
        record.cannot_run = record.blocked = false;
        if (record.activity != Activity::started) record.found_by_probe = false;
        if (doubtful) {
            record.activity = Activity::unknown;
            record.monitored = false;
        }
        ++record.revision;
    }
};

}  // namespace

CommandOutcome apply_command(State& state, const Sender& sender, const ClientCommand& command) {
    CommandOutcome outcome;
    LastRequest& last = state.requests[sender.node];
    if (last.incarnation == sender.incarnation && command.number <= last.number) {
        outcome.repeated = true;
        return outcome;
    }
    last = {sender.incarnation, command.number};
    outcome.result = std::visit(Apply{state, command, outcome.durable}, command.command);
    return outcome;
}

}  // namespace manager

#include "manager/scheduler/notes.hpp"

#include <algorithm>

#include "manager/model/text.hpp"

namespace manager::scheduling {
namespace {

std::string join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

// The systemd unit that most likely starts what the agent manages (Debian's names).
std::string unit_of(const AgentName& agent) {
    return agent.standard == "ocf" && agent.type == "apache" ? "apache2" : agent.type;
}

std::string because(const NodeFacts& node) {
    return node.status->why.empty() ? node.name : node.name + " (" + node.status->why + ")";
}

// Nothing is configured but what the lease covers.
bool all_covered(const Facts& facts) {
    return std::all_of(facts.config->primitives.begin(), facts.config->primitives.end(),
                       [&](const Primitive& p) { return lease_covers(*facts.config, p); });
}

void note_clearance(const Facts& facts, std::vector<std::string>& notes) {
    std::vector<std::string> taken;
    for (const NodeFacts& node : facts.nodes) {
        if (node.status->clearance == Clearance::joining) {
            notes.push_back("nothing starts: node " + node.name +
                            " is joining, and what it runs is not known yet");
        } else if (node.status->clearance == Clearance::uncleared && facts.proof && node.status->lease_out) {
            if (all_covered(facts)) continue;
            notes.push_back("only addresses start: node " + because(node) +
                            " has dropped those when its lease was out, but it may still run other "
                            "resources; make sure that it is off, then run `crm node clearstate " +
                            node.name + "`");
        } else if (node.status->clearance == Clearance::uncleared && facts.proof && node.status->obeys) {
            notes.push_back("nothing starts: the lease of node " + because(node) +
                            " is waited for; should that last, make sure that it is off, then run `crm node "
                            "clearstate " +
                            node.name + "`");
        } else if (node.status->clearance == Clearance::uncleared && facts.proof) {
            notes.push_back("nothing starts: node " + because(node) +
                            " is not cleared, it may still run resources; make sure that it is off, then run "
                            "`crm node clearstate " +
                            node.name + "` (stonith-enabled=false would do without this proof)");
        } else if (node.status->clearance == Clearance::uncleared) {
            taken.push_back(because(node));
        }
    }
    if (facts.proof) return;
    const bool disabled = is_false(property_value(*facts.config, "stonith-enabled"));
    const std::string policy = disabled ? "stonith-enabled=false" : "no-quorum-policy=ignore";
    notes.push_back(
        taken.empty() ? "not proven: " + policy + ", so what a silent node runs would start elsewhere at once"
                      : "not proven: " + policy + ", so node " + join(taken) +
                            " counts as stopped; what it ran may run twice until it is back or off");
}

void note_cluster(const Facts& facts, std::vector<std::string>& notes) {
    const std::string policy = lower(property_value(*facts.config, "no-quorum-policy"));
    if (!facts.status->quorate) {
        notes.push_back(policy == "ignore" ? "no quorum: resources run all the same (no-quorum-policy=ignore)"
                                           : "no quorum: resources stop here (no-quorum-policy=stop)");
    }
    if (facts.maintenance) notes.push_back("maintenance-mode is on: nothing is started, stopped or watched");
    if (is_true(property_value(*facts.config, "stop-all-resources"))) {
        notes.push_back("stop-all-resources is true: nothing runs");
    }
    // Where resources stop for want of a quorum, to clear a node would help nobody.
    if (facts.status->quorate || policy == "ignore") note_clearance(facts, notes);
}

// A service that the machine itself starts on several nodes fights the cluster for it.
void note_found_outside(const Facts& facts, const ResourceFacts& resource, std::vector<std::string>& notes) {
    std::vector<std::string> found;
    bool still = false;
    for (NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        if (!facts.nodes[n].member || resource.on[n].record == nullptr ||
            !resource.on[n].record->found_by_probe)
            continue;
        found.push_back(facts.nodes[n].name);
        still = still || resource.active_on(n);
    }
    // One alone is what a restarted daemon finds again.
    if (resource.primitive == nullptr || !(found.size() > 1 || (still && resource.active.size() > 1))) return;
    notes.push_back(resource.id + " is enabled outside of the cluster on " + join(found) +
                    ": run `systemctl disable " + unit_of(resource.primitive->agent) + "` there");
}

void note_blocked(const ResourceFacts& resource, std::vector<std::string>& notes) {
    if (!resource.blocked) return;
    std::string text = resource.id + " is ";
    std::string reason = resource.maintenance ? "blocked" : resource.unmanaged;
    for (const NodeIndex n : resource.active) {
        const ResourceOnNode& record = *resource.on[n].record;
        if (record.blocked && record.failure) reason += " (" + failure_text(*record.failure) + ")";
    }
    notes.push_back(text + reason +
                    "; it may be active there still: put it right by hand, then run `crm resource cleanup " +
                    resource.id + "`");
}

void note_orphan(const Facts& facts, const ResourceFacts& resource, std::vector<std::string>& notes) {
    if (resource.primitive != nullptr || resource.active.empty()) return;
    std::vector<std::string> nodes;
    for (const NodeIndex n : resource.active) nodes.push_back(facts.nodes[n].name);
    std::string text = resource.id + " was deleted and is active on " + join(nodes);
    if (!facts.status->former.contains(resource.id)) {
        text += ": how it was defined is not known, stop it by hand and run `crm resource cleanup " +
                resource.id + "`";
    } else if (!resource.unmanaged.empty()) {
        text += ": it is left as it is, " + resource.unmanaged;
    } else {
        text += ": it stops, and is forgotten";
    }
    notes.push_back(text);
}

void note_waiting(const Facts& facts, const ResourceFacts& resource, const Intent& intent,
                  std::vector<std::string>& notes) {
    if (!intent.lasting) return;
    std::string text = resource.id;
    for (const NodeIndex n : resource.active) {
        const auto& failure = resource.on[n].record->failure;
        if (resource.on[n].activity != Activity::failed || !failure) continue;
        text += " failed on " + facts.nodes[n].name + " (" + failure_text(*failure) + ") and";
    }
    notes.push_back(text + " waits: " + intent.waits);
}

}  // namespace

std::vector<std::string> make_notes(const Facts& facts, const std::vector<Intent>& intents,
                                    const Sequence& sequence) {
    std::vector<std::string> notes;
    note_cluster(facts, notes);
    notes.insert(notes.end(), sequence.notes.begin(), sequence.notes.end());
    for (ResourceIndex r = 0; r < facts.resources.size(); ++r) {
        const ResourceFacts& resource = facts.resources[r];
        note_blocked(resource, notes);
        note_found_outside(facts, resource, notes);
        note_orphan(facts, resource, notes);
        note_waiting(facts, resource, intents[r], notes);
    }
    return notes;
}

}  // namespace manager::scheduling

#include "manager/live/answer.hpp"

#include <algorithm>
#include <utility>

#include "manager/live/document.hpp"
#include "manager/planner/plan.hpp"
#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/scheduler.hpp"

namespace manager::live {
namespace {

using planner::Explanation;
using planner::Fate;
using scheduling::Facts;
using scheduling::NodeFacts;
using scheduling::NodeIndex;
using scheduling::ResourceFacts;

// The daemon's own account of one resource.
class Account {
  public:
    Account(const Facts& facts, const Schedule& plan, const ResourceFacts& resource)
        : facts_(facts),
          plan_(plan),
          resource_(resource) {
        for (const Placement& each : plan.placements) {
            if (each.resource == resource.id) placement_ = &each;
        }
    }

    [[nodiscard]] Explanation give(const std::string& asked) const {
        Explanation out;
        out.resource = resource_.id;
        const auto target = target_of();
        if (!resource_.active.empty()) out.from = name(resource_.active.front());
        out.fate = fate(target);
        if (out.fate == Fate::stays) {
            out.from = name(*target);
        } else if ((out.fate == Fate::blocked || out.fate == Fate::unmanaged) && !out.from.empty()) {
            out.to = out.from;
        }
        if (target && !resource_.away && (planner::placed(out.fate) || out.fate == Fate::waits))
            out.to = name(*target);
        if (asked != out.to) out.asked = asked;
        for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) out.nodes.push_back(node_account(n));
        std::sort(out.nodes.begin(), out.nodes.end(),
                  [](const auto& a, const auto& b) { return a.node < b.node; });
        out.decided = decided(out);
        return out;
    }

    // What has to be said of a place beside what decided for it.
    [[nodiscard]] std::string addition(Fate fate) const { return fate == Fate::stays ? restart() : ""; }

  private:
    [[nodiscard]] const std::string& name(NodeIndex node) const { return facts_.nodes[node].name; }

    [[nodiscard]] std::optional<NodeIndex> target_of() const {
        if (placement_ == nullptr || !placement_->node) return std::nullopt;
        for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) {
            if (facts_.nodes[n].id == *placement_->node) return n;
        }
        return std::nullopt;
    }

    [[nodiscard]] bool is_at(const std::string& node, const std::string& operation) const {
        for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) {
            if (name(n) == node) return resource_.on[n].running == operation;
        }
        return false;
    }

    // Planned, or what an agent is at.
    [[nodiscard]] bool happens(const std::string& operation, NodeIndex node) const {
        if (resource_.on[node].running == operation) return true;
        return std::any_of(plan_.actions.begin(), plan_.actions.end(), [&](const ScheduledAction& action) {
            return action.resource == resource_.id && action.operation == operation &&
                   action.node == facts_.nodes[node].id;
        });
    }

    [[nodiscard]] Fate fate(std::optional<NodeIndex> target) const {
        const bool active = !resource_.active.empty();
        if (resource_.away) return Fate::waits;
        if (resource_.blocked && !resource_.maintenance) return Fate::blocked;
        if (!resource_.unmanaged.empty()) return Fate::unmanaged;
        if (target && resource_.active_on(*target) && placement_->waits.empty()) return Fate::stays;
        if (target && happens("start", *target)) return active ? Fate::moves : Fate::starts;
        if (target) return Fate::waits;
        if (!active) return Fate::stopped;
        return happens("stop", resource_.active.front()) ? Fate::stops : Fate::waits;
    }

    [[nodiscard]] planner::NodeAccount node_account(NodeIndex node) const {
        planner::NodeAccount out;
        out.node = name(node);
        out.bar = facts_.nodes[node].against;
        if (placement_ == nullptr) return out;
        const auto found = placement_->contributions.find(facts_.nodes[node].id);
        if (found == placement_->contributions.end()) return out;
        for (const Contribution& each : found->second) {
            if (each.amount.value == 0 || each.cause == out.bar) continue;
            out.reasons.push_back({each.cause, each.amount});
            out.total = out.total + each.amount;
        }
        return out;
    }

    // The scheduler's note that begins so; empty: there is none.
    [[nodiscard]] std::string note(const std::string& start) const {
        for (const std::string& each : plan_.notes) {
            if (each.starts_with(start)) return each;
        }
        return "";
    }

    // Why nothing starts at the moment, with what to do about it.
    [[nodiscard]] std::string hold() const {
        if (resource_.hold.empty()) return "";
        for (const char* start : {"nothing starts: ", "only addresses start: "}) {
            if (std::string found = note(start); !found.empty()) return found;
        }
        return resource_.hold;
    }

    // Of what is blocked the scheduler's note, which says what to do.
    [[nodiscard]] std::string why_alone() const {
        const std::string is = resource_.id + " is ";
        const std::string told = resource_.blocked ? note(is + resource_.unmanaged) : "";
        if (told.empty()) return resource_.unmanaged;
        const std::size_t colon = told.find(": ");
        return told.substr(colon == std::string::npos ? is.size() : colon + 2);
    }

    // It stays, but not without a break.
    [[nodiscard]] std::string restart() const {
        for (const ScheduledAction& action : plan_.actions) {
            if (action.resource == resource_.id && action.operation == "stop")
                return "; it is restarted (" + action.why + ")";
        }
        return "";
    }

    [[nodiscard]] std::string objection(const Explanation& of) const {
        for (const planner::NodeAccount& each : of.nodes) {
            if (each.node != of.asked) continue;
            if (!each.bar.empty()) return each.bar;
            const auto worst =
                std::min_element(each.reasons.begin(), each.reasons.end(),
                                 [](const auto& a, const auto& b) { return a.amount < b.amount; });
            if (each.total.value < 0)
                return each.node + ": " + worst->cause + " (" + to_string(worst->amount) + ")";
        }
        return "";
    }

    [[nodiscard]] std::string decided(const Explanation& of) const {
        if (of.fate == Fate::blocked || of.fate == Fate::unmanaged) return why_alone();
        if (placement_ == nullptr) return resource_.nowhere;
        if (planner::placed(of.fate) && is_at(of.to, "start")) return "its start there is under way";
        const std::string held = hold();
        if (resource_.away) return placement_->why + (held.empty() ? "" : "; " + held);
        if (of.fate == Fate::waits) return held.empty() ? placement_->waits : held;
        if (planner::placed(of.fate) && !of.asked.empty()) {
            if (std::string against = objection(of); !against.empty()) return against;
        }
        // It is where it is because it could start nowhere else.
        return placement_->why + (of.fate == Fate::stays && !held.empty() ? "; " + held : "");
    }

    const Facts& facts_;
    const Schedule& plan_;
    const ResourceFacts& resource_;
    const Placement* placement_{nullptr};  // null: it was deleted
};

base::Error unknown(const std::string& kind, const std::string& name) {
    return {base::Errc::not_found,
            "there is no " + kind + " \"" + name + "\" in the cluster: `custos status` shows what there is"};
}

bool known_node(const Live& live, const std::string& name) {
    return std::any_of(live.status.nodes.begin(), live.status.nodes.end(),
                       [&](const auto& entry) { return entry.second.name == name; });
}

// The planner's account stands for the daemon's where both come to the same end, by scores.
bool same_end(const ResourceFacts& resource, const Explanation& daemon, const Explanation& planned) {
    if (daemon.to != planned.to || resource.in_flight) return false;
    if (planner::placed(daemon.fate)) return planner::placed(planned.fate);
    return daemon.fate == planned.fate && (daemon.fate == Fate::stopped || daemon.fate == Fate::stops);
}

// What only a live cluster can lack: the word that a silent node is off.
std::vector<planner::Hypothesis> clearances(const Live& live) {
    std::vector<planner::Hypothesis> out;
    if (!demands_proof(live.config)) return out;
    for (const auto& [id, node] : live.status.nodes) {
        if (node.clearance == Clearance::uncleared) out.push_back(planner::cleared(node.name));
    }
    return out;
}

planner::Outcome outcome_with(const Live& live, const planner::Hypothesis* change) {
    return forecast(change == nullptr ? live : with(live, *change)).outcome;
}

// What the scheduler would say then and does not say now.
std::string remark_on(const planner::Outcome& before, const planner::Outcome& after) {
    for (const std::string& each : after.notes) {
        if (std::find(before.notes.begin(), before.notes.end(), each) == before.notes.end())
            return "Status would say: " + each + ".";
    }
    return "";
}

}  // namespace

base::Result<Explanation> explain(const Live& live, const std::string& resource, const std::string& node) {
    const Facts facts = scheduling::gather_facts(live.config, live.status);
    const auto found = facts.by_id.find(resource);
    if (found == facts.by_id.end()) return unknown("resource", resource);
    if (!node.empty() && !known_node(live, node)) return unknown("node", node);
    const Schedule plan = schedule(live.config, live.status);
    const ResourceFacts& subject = facts.resources[found->second];
    const Account own(facts, plan, subject);
    Explanation out = own.give(node);

    const cib::Document document = document_of(live.config, live.status);
    // Nothing in the document depends on the time.
    planner::Cluster cluster = planner::plan(document, 0);
    const planner::Resource* planned = cluster.find(resource);
    if (planned == nullptr) return out;  // deleted, and nobody reported it
    Explanation account = planner::account_of(cluster, *planned, node.empty() ? nullptr : cluster.node(node));
    if (same_end(subject, out, account)) {
        account.fate = out.fate;
        account.from = out.from;
        out = std::move(account);
    }
    out.decided += own.addition(out.fate);
    const planner::Trial trial = [&](const planner::Hypothesis* change) {
        return outcome_with(live, change);
    };
    out.otherwise = planner::changes_for(cluster, *planned, out, trial, clearances(live));
    return out;
}

base::Result<planner::Loss> lose(const Live& live, const std::string& node, bool standby,
                                 std::optional<bool> quorate) {
    if (!known_node(live, node)) return unknown("node", node);
    const planner::Hypothesis change = standby ? planner::standby(node, true) : planner::down(node);
    const Forecast before = forecast(live);
    Live then = with(before.rest, change);
    if (!standby && quorate) then.status.quorate = then.status.quorate && *quorate;
    Forecast after = forecast(std::move(then));
    planner::Loss out;
    out.words = change.words;
    out.before = before.outcome;
    out.node_state = after.outcome.nodes[node];
    out.remark = remark_on(before.outcome, after.outcome);
    out.after = std::move(after.outcome);
    return out;
}

}  // namespace manager::live

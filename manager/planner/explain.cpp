#include "manager/planner/explain.hpp"

#include <algorithm>
#include <map>

#include "manager/planner/action.hpp"
#include "manager/planner/blockers.hpp"
#include "manager/planner/plan.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

bool runs_at(const Resource& resource, const Node* node) {
    const auto& nodes = resource.running_on;
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Blocked or not managed, it is left as it is; but its node is to be fenced, and it goes with it.
const Node* goes_with(const Resource& resource) {
    if (resource.managed && !resource.blocked) return nullptr;
    const auto& nodes = resource.running_on;
    const bool all = !nodes.empty() && std::all_of(nodes.begin(), nodes.end(),
                                                   [](const Node* node) { return node->fence_wanted; });
    return all ? nodes.front() : nullptr;
}

Fate fate_of(const Resource& resource) {
    if (goes_with(resource) != nullptr) return Fate::stops;
    if (resource.blocked) return Fate::blocked;
    if (!resource.managed) return Fate::unmanaged;
    const bool active = !resource.running_on.empty();
    if (resource.assigned != nullptr && action_of(resource, Task::start)->possible) {
        if (runs_at(resource, resource.assigned)) return Fate::stays;
        return active ? Fate::moves : Fate::starts;
    }
    if (!active) return Fate::stopped;
    const auto stops = actions_of(resource, Task::stop);
    const bool possible =
        std::any_of(stops.begin(), stops.end(), [](const Action* stop) { return stop->happens(); });
    return possible ? Fate::stops : Fate::blocked;
}

// The primitives that stand for a resource: itself, the first of a group, each instance of a clone.
// NOLINTNEXTLINE(misc-no-recursion): depth 3
void add_leads(const Resource& resource, std::vector<const Resource*>& out) {
    if (resource.group()) return add_leads(*resource.children.front(), out);
    if (resource.clone()) {
        for (const Resource* child : resource.children) add_leads(*child, out);
        return;
    }
    const bool idle = resource.orphan && resource.running_on.empty();
    if (!idle && std::find(out.begin(), out.end(), &resource) == out.end()) out.push_back(&resource);
}

std::vector<const Resource*> leads_of(const Cluster& cluster, const std::string& name) {
    std::vector<const Resource*> out;
    for (const auto& resource : cluster.store) {
        if (resource->id == name) add_leads(*resource, out);
    }
    if (!out.empty()) return out;
    for (const auto& resource : cluster.store) {
        if (resource->base == name) add_leads(*resource, out);
    }
    return out;
}

// One resource of one plan; the answers are made here.
class Inquiry {
  public:
    Inquiry(const Cluster& cluster, const Resource& resource, const Node* asked)
        : cluster_(cluster),
          resource_(resource),
          fate_(fate_of(resource)),
          to_(placed(fate_) ? resource.assigned
              : (fate_ == Fate::blocked || fate_ == Fate::unmanaged) && !resource.running_on.empty()
                  ? resource.running_on.front()
                  : nullptr),
          asked_(asked == to_ ? nullptr : asked) {}

    Explanation answer() {
        Explanation out;
        out.resource = resource_.id;
        out.fate = fate_;
        if (!resource_.running_on.empty()) out.from = resource_.running_on.front()->name;
        if (to_ != nullptr) out.to = to_->name;
        if (asked_ != nullptr) out.asked = asked_->name;
        out.promoted = resource_.next_role == Role::promoted;
        for (const auto& node : cluster_.nodes) out.nodes.push_back(account(*node));
        std::sort(out.nodes.begin(), out.nodes.end(),
                  [](const NodeAccount& a, const NodeAccount& b) { return a.node < b.node; });
        out.decided = decided();
        return out;
    }

  private:
    [[nodiscard]] NodeAccount account(const Node& node) const {
        NodeAccount out;
        out.node = node.name;
        out.allowed = resource_.allowed.contains(node.index);
        out.total = score_on(resource_.allowed, node.index);
        out.bar = bar_of(node);
        for (const auto& each : resource_.contributions) {
            if (each.node == node.index && each.amount.value != 0)
                out.reasons.push_back({each.cause, each.amount});
        }
        return out;
    }

    // --- what decided

    [[nodiscard]] std::string decided() const {
        if (const Node* node = goes_with(resource_); node != nullptr) {
            return node->name + " is to be fenced (" + node->fence_reason + "), and what is " +
                   (resource_.blocked ? "blocked" : "not managed") + " is started nowhere else";
        }
        if (fate_ == Fate::blocked) return why_blocked();
        if (fate_ == Fate::unmanaged) return why_unmanaged();
        if (placed(fate_)) return asked_ != nullptr ? against(*asked_) : why_here();
        if (cluster_.options.stop_all) return "stop-all-resources=true stops everything";
        if (resource_.assigned != nullptr) return action_of(resource_, Task::start)->reason;
        return why_nowhere();
    }

    [[nodiscard]] std::string why_blocked() const {
        for (const NodeHistory& history : resource_.history) {
            if (!history.active) continue;
            const cib::HistoryEntry* last = nullptr;
            for (const auto* entry : history.entries) {
                if (entry->rc != 0 && entry->rc != entry->expected) last = entry;
            }
            if (last == nullptr) continue;
            return "its " + last->operation + " failed on " + cluster_.nodes[history.node]->name + " (code " +
                   std::to_string(last->rc) + "), so nobody knows what it left there";
        }
        if (resource_.running_on.size() > 1) return "it is active in several places";
        for (const Action* stop : actions_of(resource_, Task::stop)) {
            if (!stop->possible) return stop->reason;
        }
        return "a lost ticket freezes it";
    }

    [[nodiscard]] std::string why_unmanaged() const {
        if (cluster_.options.fencing && !cluster_.options.fence_device) {
            return "stonith-enabled is true and there is no fence device, so nothing is started, moved or "
                   "stopped";
        }
        for (const Node* node : resource_.running_on) {
            if (node->maintenance) return node->name + " is in maintenance";
        }
        if (cluster_.options.maintenance) return "maintenance-mode=true";
        return resource_.maintenance ? "it is in maintenance" : "is-managed=false";
    }

    [[nodiscard]] const Node* runner_up() const {
        const Node* out = nullptr;
        for (const auto& node : cluster_.nodes) {
            if (node.get() == to_ || !node->usable() || score_on(resource_.allowed, node->index).value < 0)
                continue;
            if (out == nullptr ||
                score_on(resource_.allowed, node->index) > score_on(resource_.allowed, out->index))
                out = node.get();
        }
        return out;
    }

    [[nodiscard]] std::string why_here() const {
        if (const Node* other = runner_up(); other != nullptr) return against(*other);
        std::string out;
        for (const auto& node : cluster_.nodes) {
            if (node.get() == to_) continue;
            out += (out.empty() ? "" : ", ") + node->name + ": " + objection(*node);
        }
        return out.empty() ? "there is no other node" : "no other node may run it (" + out + ")";
    }

    // Why the place of the plan is preferred to `other`.
    [[nodiscard]] std::string against(const Node& other) const {
        if (const std::string text = objection(other); !text.empty()) return other.name + ": " + text;
        const Score here = score_on(resource_.allowed, to_->index);
        const Score there = score_on(resource_.allowed, other.index);
        const std::string equal =
            to_->name + " and " + other.name + " have the same score (" + to_string(here) + "), and ";
        if (here > there) {
            const std::string cause = decisive(*to_, other);
            return "the score of " + to_->name + " (" + to_string(here) + ") is higher than that of " +
                   other.name + " (" + to_string(there) + ")" + (cause.empty() ? "" : ", by " + cause);
        }
        if (there > here) return "it is held to " + to_->name + " by what it has to be with";
        switch (resource_.choice) {
            case Choice::capacity:
                return equal + to_->name + " has more room";
            case Choice::load:
                return equal + to_->name + " had fewer resources when it was placed";
            case Choice::current:
                return equal + "it runs on " + to_->name + " already";
            case Choice::preferred:
                return equal + to_->name + " is where it runs, or has most room";
            case Choice::name:
                return equal + to_->name + " is the first by name";
            case Choice::none:
            case Choice::score:
                break;
        }
        return equal + to_->name + " came first";
    }

    // What forbids the node; empty: nothing does.
    [[nodiscard]] std::string objection(const Node& node) const {
        if (std::string bar = bar_of(node); !bar.empty()) return bar;
        if (!resource_.allowed.contains(node.index))
            return "no location names it, and symmetric-cluster=false";
        const Score total = score_on(resource_.allowed, node.index);
        if (total.value >= 0) return "";
        const Contribution* worst = nullptr;
        for (const auto& each : resource_.contributions) {
            if (each.node == node.index && (worst == nullptr || each.amount < worst->amount) &&
                (worst == nullptr || worst->amount > Score::minus_infinity()))
                worst = &each;
        }
        if (worst == nullptr) return to_string(total);
        return because(worst->cause) + " (" + to_string(worst->amount) + ")";
    }

    // A colocation says more with the place of the other.
    [[nodiscard]] std::string because(const std::string& cause) const {
        for (const Resource* at = &resource_; at != nullptr; at = at->parent) {
            for (const Colocation* colocation : at->with) {
                const Resource& primary = *colocation->primary;
                if (cause.rfind("colocation " + colocation->id + " with " + primary.id, 0) != 0) continue;
                const std::vector<Node*> nodes = places(primary, true);
                return cause + ", which " +
                       (nodes.empty() ? "has no place" : "is placed on " + nodes.front()->name);
            }
        }
        return cause.rfind("ticket ", 0) == 0 ? cause + " is not granted" : cause;
    }

    // The cause that speaks most for `here` and against `there`.
    [[nodiscard]] std::string decisive(const Node& here, const Node& there) const {
        std::map<std::string, std::int64_t> weight;
        for (const auto& each : resource_.contributions) {
            if (each.node == here.index) weight[each.cause] += each.amount.value;
            if (each.node == there.index) weight[each.cause] -= each.amount.value;
        }
        const auto best = std::max_element(weight.begin(), weight.end(),
                                           [](const auto& a, const auto& b) { return a.second < b.second; });
        if (best == weight.end() || best->second <= 0) return "";
        const auto amount = std::min<std::int64_t>(best->second, Score::kInfinity);
        return best->first + " (" + to_string(Score{static_cast<std::int32_t>(amount)}) + ")";
    }

    [[nodiscard]] std::string why_nowhere() const {
        for (const auto& each : resource_.contributions) {
            if (each.amount > Score::minus_infinity() || !everywhere(each.cause)) continue;
            return because(each.cause);
        }
        std::string out;
        for (const auto& node : cluster_.nodes)
            out += (out.empty() ? "" : ", ") + node->name + ": " + objection(*node);
        return out.empty() ? "there is no node" : "no node may run it (" + out + ")";
    }

    // Whether the cause forbids every node.
    [[nodiscard]] bool everywhere(const std::string& cause) const {
        bool any = false;
        for (const auto& node : cluster_.nodes) {
            if (!resource_.allowed.contains(node->index)) continue;
            any = true;
            const bool banned = std::any_of(resource_.contributions.begin(), resource_.contributions.end(),
                                            [&](const Contribution& each) {
                                                return each.node == node->index && each.cause == cause &&
                                                       each.amount <= Score::minus_infinity();
                                            });
            if (!banned) return false;
        }
        return any;
    }

    const Cluster& cluster_;
    const Resource& resource_;
    Fate fate_;
    const Node* to_;     // where the plan leaves it
    const Node* asked_;  // another node that was asked about
};

// Of the instances the one that an answer about `node` is best given of.
const Resource* instance_for(const std::vector<const Resource*>& leads, const Node& node) {
    const Resource* free = nullptr;
    for (const Resource* lead : leads) {
        if (lead->assigned == &node) return lead;
        if (lead->assigned == nullptr && free == nullptr) free = lead;
    }
    return free != nullptr ? free : leads.front();
}

}  // namespace

bool placed(Fate fate) {
    return fate == Fate::stays || fate == Fate::starts || fate == Fate::moves;
}

Explanation account_of(const Cluster& cluster, const Resource& resource, const Node* asked) {
    return Inquiry(cluster, resource, asked).answer();
}

base::Result<std::vector<Explanation>> explain(const cib::Document& document, std::int64_t now,
                                               const std::string& resource, const std::string& node) {
    Cluster cluster = plan(document, now);
    std::vector<const Resource*> leads = leads_of(cluster, resource);
    if (leads.empty())
        return base::Error{base::Errc::not_found, "there is no resource \"" + resource + "\" in the state"};
    const Node* asked = nullptr;
    if (!node.empty()) {
        asked = cluster.node(node);
        if (asked == nullptr)
            return base::Error{base::Errc::not_found, "there is no node \"" + node + "\" in the state"};
        leads = {instance_for(leads, *asked)};
    }
    const Trial trial = [&](const Hypothesis* change) {
        return simulate(change == nullptr ? document : with(document, *change), now);
    };
    std::vector<Explanation> out;
    out.reserve(leads.size());
    for (const Resource* lead : leads) {
        out.push_back(account_of(cluster, *lead, asked));
        out.back().otherwise = changes_for(cluster, *lead, out.back(), trial, {});
    }
    return out;
}

base::Result<Loss> lose(const cib::Document& document, std::int64_t now, const std::string& node,
                        bool by_standby) {
    const bool known = std::any_of(document.nodes.begin(), document.nodes.end(),
                                   [&](const cib::NodeEntry& entry) { return entry.name == node; });
    if (!known) return base::Error{base::Errc::not_found, "there is no node \"" + node + "\" in the state"};
    const Hypothesis change = by_standby ? standby(node, true) : down(node);
    const cib::Document settled = carry_out(plan(document, now));
    Loss out;
    out.words = change.words;
    out.before = simulate(settled, now);
    out.after = simulate(with(settled, change), now);
    out.node_state = out.after.nodes[node];
    return out;
}

}  // namespace manager::planner

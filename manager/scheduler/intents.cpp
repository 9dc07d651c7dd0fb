#include "manager/scheduler/intents.hpp"

#include <algorithm>

#include "manager/scheduler/wishes.hpp"

namespace manager::scheduling {
namespace {

// Why something cannot happen now; empty: it can.
struct Wait {
    std::string why;
    bool lasting{false};  // until a person does something
};

bool has(const std::vector<NodeIndex>& nodes, NodeIndex node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

class Decider {
  public:
    Decider(const Facts& facts, const std::vector<Table>& own, const std::vector<Assignment>& placed,
            const Sequence& sequence)
        : facts_(facts),
          own_(own),
          placed_(placed),
          sequence_(sequence),
          links_(colocation_links(facts)),
          stuck_(facts.resources.size()),
          put_off_(facts.resources.size()) {}

    std::vector<Intent> run() {
        find_stuck();
        // A start that needs what another resource turns out not to do is put off, and all is decided anew.
        // Each round but the last puts off one resource more: it ends.
        while (true) {
            intents_.assign(facts_.resources.size(), {});
            for (const ResourceIndex r : sequence_.ranked) decide_one(r);
            if (!put_off_unmet()) return std::move(intents_);
        }
    }

  private:
    [[nodiscard]] const ResourceFacts& resource(ResourceIndex r) const { return facts_.resources[r]; }

    // Which resources cannot be stopped now, and why. Those that come first cannot stop before them.
    void find_stuck() {
        for (auto r = sequence_.ranked.rbegin(); r != sequence_.ranked.rend(); ++r)
            stuck_[*r] = why_stuck(*r);
    }

    [[nodiscard]] Wait why_stuck(ResourceIndex r) const {
        const ResourceFacts& self = resource(r);
        if (self.blocked && !self.active.empty()) return {self.id + " is " + self.unmanaged, true};
        if (self.in_flight) return {"an operation on " + self.id + " is running"};
        for (const NodeIndex n : self.active) {
            if (self.busy_on(n)) return {"an operation on " + self.id + " is running"};
        }
        if (self.active.empty()) return {};
        for (const OrderArc& arc : sequence_.serialized) {
            if (arc.first != r && arc.then != r) continue;
            const ResourceFacts& other = resource(arc.first == r ? arc.then : arc.first);
            if (other.in_flight)
                return {"an operation on " + other.id + " is running (order " + arc.constraint->id + ")"};
        }
        for (const OrderArc& arc : sequence_.arcs) {
            if (arc.first != r || !arc.symmetrical() || stuck_[arc.then].why.empty()) continue;
            const ResourceFacts& then = resource(arc.then);
            // What is optional only orders what happens anyway: a stop that runs.
            if (arc.mandatory() ? !then.active.empty() || then.in_flight : then.in_flight) {
                return {"it stops only after " + then.id + " (order " + arc.constraint->id +
                            "): " + stuck_[arc.then].why,
                        stuck_[arc.then].lasting};
            }
        }
        return {};
    }

    void decide_one(ResourceIndex r) {
        const ResourceFacts& self = resource(r);
        Intent& intent = intents_[r];
        if (!self.unmanaged.empty() || self.away) return;
        const auto target = placed_[r].node;
        const std::string cannot_start = target ? why_not_start(r, *target) : "";
        want_stops(r, cannot_start);
        if (intent.stops.size() < self.active.size()) bounce(r);
        if (!intent.stops.empty() && !stuck_[r].why.empty()) {
            intent.waits = stuck_[r].why;
            intent.lasting = stuck_[r].lasting;
            intent.stops.clear();
            return;
        }
        if (!target) return;
        const bool stays = self.active_on(*target) && !has(intent.stops, *target);
        if (stays) return;
        if (intent.stops.size() < self.active.size()) return;  // put off: an instance elsewhere goes on
        if (!cannot_start.empty()) {
            intent.waits = cannot_start;
            return;
        }
        intent.start = target;
        intent.start_why = placed_[r].why;
    }

    // The instances that are to stop for the resource's own sake.
    void want_stops(ResourceIndex r, const std::string& cannot_start) {
        const ResourceFacts& self = resource(r);
        Intent& intent = intents_[r];
        const auto target = placed_[r].node;
        if (self.active.empty()) return;
        if (!target) {
            intent.stops = self.active;
            intent.stop_why = placed_[r].why;
            return;
        }
        if (self.active.size() > 1) return stop_several(r, cannot_start);
        const NodeIndex at = self.active.front();
        const bool failed = self.on[at].activity == Activity::failed;
        bool may_wait = false;
        if (at != *target) {
            // A place that the resource itself may not keep is left in any case.
            may_wait = usable(facts_, own_[r], at) && (idle_wait(r) || (!failed && !self.other_agent));
            intent.stop_why = move_reason(r, at, *target);
        } else if (failed) {
            may_wait = idle_wait(r);
            intent.stop_why = failure_reason(r, at);
        } else if (definition_changed(self, at)) {
            may_wait = !self.other_agent || idle_wait(r);
            intent.stop_why = self.other_agent ? "its agent changed" : "its parameters changed";
        } else {
            return;
        }
        if (may_wait && !cannot_start.empty()) {
            intent.waits = cannot_start;
            intent.lasting = failed && !self.hold.empty();
            return;
        }
        intent.stops = {at};
    }

    // Active on several nodes: all stop, then one starts. When none could start, one goes on.
    void stop_several(ResourceIndex r, const std::string& cannot_start) {
        const ResourceFacts& self = resource(r);
        Intent& intent = intents_[r];
        if (self.unprobed) {
            intent.waits = cannot_start;
            return;
        }
        const bool keeps_one = !self.hold.empty() && self.active_on(*placed_[r].node);
        for (const NodeIndex n : self.active) {
            if (!keeps_one || n != *placed_[r].node) intent.stops.push_back(n);
        }
        intent.stop_why = "it is active on several nodes";
    }

    // Resources that come after one that stops or starts are stopped around it.
    void bounce(ResourceIndex r) {
        const ResourceFacts& self = resource(r);
        if (self.active.empty()) return;
        for (const OrderArc& arc : sequence_.arcs) {
            if (arc.then != r || !arc.mandatory() || !arc.symmetrical()) continue;
            const Intent& first = intents_[arc.first];
            // Of several instances one goes on: nothing is lost.
            const bool goes_on = first.stops.size() < resource(arc.first).active.size();
            if (!first.start && (first.stops.empty() || goes_on)) continue;
            intents_[r].stops = self.active;
            const char* does = first.stops.empty() ? " starts first" : first.start ? " restarts" : " stops";
            intents_[r].stop_why = resource(arc.first).id + does + " (order " + arc.constraint->id + ")";
            return;
        }
    }

    // Whether the only thing to wait for is that starts are allowed again: what is broken then stays as it
    // is.
    [[nodiscard]] bool idle_wait(ResourceIndex r) const {
        return !resource(r).hold.empty() || resource(r).unprobed;
    }

    static bool definition_changed(const ResourceFacts& self, NodeIndex at) {
        const std::string& started = self.on[at].record->started_params;
        return !started.empty() && started != self.digest;
    }

    [[nodiscard]] std::string failure_reason(ResourceIndex r, NodeIndex at) const {
        const auto& failure = resource(r).on[at].record->failure;
        return failure ? "it failed there (" + failure_text(*failure) + ")" : "its state there is not known";
    }

    [[nodiscard]] std::string move_reason(ResourceIndex r, NodeIndex from, NodeIndex to) const {
        if (!facts_.nodes[from].against.empty()) return facts_.nodes[from].against;
        if (resource(r).on[from].activity == Activity::failed) return failure_reason(r, from);
        return "it moves to " + facts_.nodes[to].name + ", " + placed_[r].why;
    }

    // Why `r` cannot start on `node` in this plan even if it stops elsewhere; empty: it can. Resources that
    // come first are decided.
    [[nodiscard]] std::string why_not_start(ResourceIndex r, NodeIndex node) const {
        const ResourceFacts& self = resource(r);
        if (!self.hold.empty()) return self.hold;
        if (self.unprobed) return "not every member has said yet whether it runs it";
        if (self.in_flight || self.busy_on(node)) return "an operation on it is running";
        if (self.other_agent) return "what another agent started stops first";
        if (!put_off_[r].empty()) return put_off_[r];
        for (const OrderArc& arc : sequence_.arcs) {
            // What comes after it, and runs, is stopped around its start: wait until that can be done.
            if (arc.first != r || !arc.mandatory() || !arc.symmetrical()) continue;
            const ResourceFacts& then = resource(arc.then);
            const Wait& stuck = stuck_[arc.then];
            if (then.unmanaged.empty() && !stuck.why.empty() && !stuck.lasting) return stuck.why;
        }
        for (const OrderArc& arc : sequence_.arcs) {
            if (arc.then != r) continue;
            const std::string why = why_not_after(arc);
            if (!why.empty()) return why + " (order " + arc.constraint->id + ")";
        }
        for (const OrderArc& arc : sequence_.serialized) {
            if (arc.first != r && arc.then != r) continue;
            const ResourceFacts& other = resource(arc.first == r ? arc.then : arc.first);
            if (other.in_flight)
                return "an operation on " + other.id + " is running (order " + arc.constraint->id + ")";
        }
        return "";
    }

    [[nodiscard]] std::string why_not_after(const OrderArc& arc) const {
        const ResourceFacts& first = resource(arc.first);
        const Intent& intent = intents_[arc.first];
        if (intent.start) return "";
        if (!arc.mandatory()) {
            return first.in_flight && placed_[arc.first].node ? first.id + " is being started or stopped"
                                                              : "";
        }
        const bool runs = std::any_of(first.active.begin(), first.active.end(), [&](NodeIndex n) {
            return first.on[n].activity == Activity::started && !has(intent.stops, n) && !first.in_flight;
        });
        return runs ? "" : first.id + " does not run yet";
    }

    // Starts that rely on what a colocated resource does in this plan, where it does not. True when one was
    // found.
    bool put_off_unmet() {
        bool found = false;
        for (const Link& link : links_) {
            if (link.score == Score::infinity()) {
                found = put_off_alone(link) || found;
            } else if (link.score == Score::minus_infinity()) {
                found = put_off_together(link.resource, link.with) || found;
                found = put_off_together(link.with, link.resource) || found;
            }
        }
        return found;
    }

    // `link.resource` would start where its partner shall run but does not, and will not by this plan.
    bool put_off_alone(const Link& link) {
        const auto node = intents_[link.resource].start;
        if (!node) return false;
        const bool there = resource(link.with).active_on(*node) && !has(intents_[link.with].stops, *node);
        if (there || intents_[link.with].start == node || resource(link.with).away == node) return false;
        return put_off(link.resource, resource(link.with).id + " does not run there yet");
    }

    // `r` would start where `other`, which it must not meet, goes on running.
    bool put_off_together(ResourceIndex r, ResourceIndex other) {
        const auto node = intents_[r].start;
        if (!node) return false;
        const bool stays = resource(other).active_on(*node) && !has(intents_[other].stops, *node);
        if (!stays && resource(other).on[*node].running != "start") return false;
        return put_off(r, resource(other).id + " still runs there");
    }

    bool put_off(ResourceIndex r, std::string why) {
        if (!put_off_[r].empty()) return false;
        put_off_[r] = std::move(why);
        return true;
    }

    const Facts& facts_;
    const std::vector<Table>& own_;
    const std::vector<Assignment>& placed_;
    const Sequence& sequence_;
    std::vector<Link> links_;
    std::vector<Wait> stuck_;           // why it cannot be stopped now
    std::vector<std::string> put_off_;  // why it cannot be started now, found out in an earlier round
    std::vector<Intent> intents_;
};

}  // namespace

std::vector<Intent> decide(const Facts& facts, const std::vector<Table>& own,
                           const std::vector<Assignment>& placed, const Sequence& sequence) {
    return Decider(facts, own, placed, sequence).run();
}

}  // namespace manager::scheduling

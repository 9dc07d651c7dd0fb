#include "manager/scheduler/actions.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "manager/scheduler/wishes.hpp"

namespace manager::scheduling {
namespace {

using ActionIndex = std::size_t;

class Builder {
  public:
    Builder(const Facts& facts, const std::vector<Intent>& intents, const Sequence& sequence)
        : facts_(facts),
          intents_(intents),
          sequence_(sequence),
          links_(colocation_links(facts)) {}

    std::vector<ScheduledAction> run() {
        for (ResourceIndex r = 0; r < facts_.resources.size(); ++r) {
            for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) {
                if (facts_.nodes[n].member && !facts_.resources[r].busy_on(n)) probe_or_cancel(r, n);
            }
        }
        for (auto r = sequence_.ranked.rbegin(); r != sequence_.ranked.rend(); ++r) {
            for (const NodeIndex n : intents_[*r].stops) stop(*r, n);
        }
        for (const ResourceIndex r : sequence_.ranked) {
            if (intents_[r].start) start(r, *intents_[r].start);
        }
        for (ResourceIndex r = 0; r < facts_.resources.size(); ++r) {
            for (const NodeIndex n : facts_.resources[r].active) watch(r, n);
        }
        keep_apart();
        return std::move(actions_);
    }

  private:
    ActionIndex add(ResourceIndex r, NodeIndex n, const std::string& operation, std::string why) {
        const Instance& instance = facts_.resources[r].on[n];
        ScheduledAction action;
        action.node = facts_.nodes[n].id;
        action.resource = facts_.resources[r].id;
        action.operation = operation;
        action.base_revision = instance.record == nullptr ? 0 : instance.record->revision;
        action.why = std::move(why);
        actions_.push_back(std::move(action));
        return actions_.size() - 1;
    }

    void after(ActionIndex later, ActionIndex earlier) {
        auto& list = actions_[later].after;
        if (std::find(list.begin(), list.end(), earlier) == list.end()) list.push_back(earlier);
        std::sort(list.begin(), list.end());
    }

    [[nodiscard]] std::string title(ResourceIndex r, const std::string& does, NodeIndex n) const {
        return facts_.resources[r].id + " " + does + " on " + facts_.nodes[n].name;
    }

    void probe_or_cancel(ResourceIndex r, NodeIndex n) {
        const ResourceFacts& self = facts_.resources[r];
        const Instance& instance = self.on[n];
        if (instance.activity == Activity::unknown) {
            const bool known = self.primitive != nullptr || facts_.status->former.contains(self.id);
            if (!facts_.maintenance && known)
                add(r, n, "probe", "it is not known whether " + title(r, "runs", n));
            return;
        }
        if (instance.record == nullptr || !instance.record->monitored) return;
        if (self.maintenance) {
            add(r, n, "cancel", title(r, "is not watched", n) + ": " + self.unmanaged);
        } else if (self.primitive != nullptr && monitors_digest(*facts_.config, *self.primitive).empty() &&
                   std::find(intents_[r].stops.begin(), intents_[r].stops.end(), n) ==
                       intents_[r].stops.end()) {
            add(r, n, "cancel", title(r, "is not watched", n) + ": no monitor is configured any more");
        }
    }

    void stop(ResourceIndex r, NodeIndex n) {
        const ActionIndex self = add(r, n, "stop", title(r, "stops", n) + ": " + intents_[r].stop_why);
        for (const OrderArc& arc : sequence_.arcs) {
            if (arc.first == r && arc.symmetrical()) after_stops_of(self, arc.then);
        }
        stops_[{r, n}] = self;
    }

    void start(ResourceIndex r, NodeIndex n) {
        const ActionIndex self = add(r, n, "start", title(r, "starts", n) + ": " + intents_[r].start_why);
        after_stops_of(self, r);
        for (const OrderArc& arc : sequence_.arcs) {
            const auto first = starts_.find(arc.first);
            if (arc.then == r && first != starts_.end()) after(self, first->second);
            // What comes after is down while what it needs comes up.
            if (arc.first == r && arc.mandatory() && arc.symmetrical()) after_stops_of(self, arc.then);
        }
        for (const Link& link : links_) {
            if (link.score != Score::minus_infinity() || (link.resource != r && link.with != r)) continue;
            const auto other = stops_.find({link.resource == r ? link.with : link.resource, n});
            if (other != stops_.end()) after(self, other->second);
        }
        starts_[r] = self;
        const Primitive& primitive = *facts_.resources[r].primitive;
        if (!monitors_digest(*facts_.config, primitive).empty()) {
            after(add(r, n, "monitor", title(r, "is watched", n)), self);
        }
    }

    void after_stops_of(ActionIndex action, ResourceIndex r) {
        for (const auto& [key, index] : stops_) {
            if (key.first == r) after(action, index);
        }
    }

    // Arms the monitors of an instance that stays.
    void watch(ResourceIndex r, NodeIndex n) {
        const ResourceFacts& self = facts_.resources[r];
        if (self.primitive == nullptr || self.maintenance || self.blocked || self.busy_on(n) ||
            stops_.contains({r, n}))
            return;
        if (self.on[n].activity != Activity::started) return;
        const ResourceOnNode& record = *self.on[n].record;
        const std::string digest = monitors_digest(*facts_.config, *self.primitive);
        if (digest.empty() || (record.monitored && record.monitored_digest == digest)) return;
        add(r, n, "monitor", title(r, "is watched", n) + (record.monitored ? ": its monitors changed" : ""));
    }

    // Starts and stops of serialized resources happen one after the other, in the sequence that they have
    // here.
    void keep_apart() {
        const auto moves = [&](ActionIndex a, ResourceIndex r) {
            return actions_[a].resource == facts_.resources[r].id &&
                   (actions_[a].operation == "start" || actions_[a].operation == "stop");
        };
        for (const OrderArc& arc : sequence_.serialized) {
            for (ActionIndex later = 0; later < actions_.size(); ++later) {
                for (ActionIndex earlier = 0; earlier < later; ++earlier) {
                    if ((moves(earlier, arc.first) && moves(later, arc.then)) ||
                        (moves(earlier, arc.then) && moves(later, arc.first))) {
                        after(later, earlier);
                    }
                }
            }
        }
    }

    const Facts& facts_;
    const std::vector<Intent>& intents_;
    const Sequence& sequence_;
    std::vector<Link> links_;
    std::vector<ScheduledAction> actions_;
    std::map<std::pair<ResourceIndex, NodeIndex>, ActionIndex> stops_;
    std::map<ResourceIndex, ActionIndex> starts_;
};

}  // namespace

std::vector<ScheduledAction> make_actions(const Facts& facts, const std::vector<Intent>& intents,
                                          const Sequence& sequence) {
    return Builder(facts, intents, sequence).run();
}

}  // namespace manager::scheduling

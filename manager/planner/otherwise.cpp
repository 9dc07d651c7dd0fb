// What would decide otherwise: candidates are tried, and those that do are named.
#include <algorithm>
#include <utility>

#include "manager/planner/blockers.hpp"
#include "manager/planner/explain.hpp"

namespace manager::planner {
namespace {

constexpr std::size_t kMostChanges = 2;  // that are named

bool left_alone(const Place& place) {
    return std::any_of(place.flags.begin(), place.flags.end(),
                       [](const std::string& flag) { return flag == "blocked" || flag == "unmanaged"; });
}

// It may run there, for all that is known (live clusters only): nothing to count on.
bool unproven(const Place& place) {
    return std::find(place.flags.begin(), place.flags.end(), "uncleared") != place.flags.end();
}

class Finder {
  public:
    Finder(const Cluster& cluster, const Resource& resource, const Explanation& of, const Trial& trial)
        : cluster_(cluster),
          resource_(resource),
          of_(of),
          trial_(trial),
          now_(places_with(nullptr)) {}

    std::vector<std::string> run(const std::vector<Hypothesis>& first) {
        std::vector<Hypothesis> candidates = first;
        for (Hypothesis& each : candidates_of_plan()) candidates.push_back(std::move(each));
        std::vector<std::string> out;
        for (const Hypothesis& each : candidates) {
            if (out.size() < kMostChanges && alters(each)) out.push_back(each.words);
        }
        if (!out.empty() || candidates.size() < 2 || !alters(together(candidates))) return out;
        for (std::size_t i = candidates.size(); i-- > 0;) {
            std::vector<Hypothesis> fewer = candidates;
            fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
            if (alters(together(fewer))) candidates = std::move(fewer);
        }
        out.push_back(together(candidates).words);
        return out;
    }

  private:
    [[nodiscard]] std::vector<Place> places_with(const Hypothesis* change) const {
        Outcome outcome = trial_(change);
        std::vector<Place> out = std::move(outcome.resources[resource_.base]);
        std::erase_if(out, unproven);
        return out;
    }

    [[nodiscard]] bool alters(const Hypothesis& change) const {
        const std::vector<Place> then = places_with(&change);
        const auto at = [&](const std::string& node) {
            return std::any_of(then.begin(), then.end(),
                               [&](const Place& place) { return place.node == node; });
        };
        if (!of_.asked.empty()) return at(of_.asked);
        if (placed(of_.fate)) return !at(of_.to);
        if (of_.fate == Fate::waits && !of_.from.empty()) return then != now_;
        if (of_.fate == Fate::blocked || of_.fate == Fate::unmanaged) {
            const auto alone = std::count_if(then.begin(), then.end(), left_alone);
            return alone < std::count_if(now_.begin(), now_.end(), left_alone) && !then.empty();
        }
        return then.size() > now_.size();
    }

    [[nodiscard]] const NodeAccount* account(const std::string& node) const {
        const auto found = std::find_if(of_.nodes.begin(), of_.nodes.end(),
                                        [&](const NodeAccount& each) { return each.node == node; });
        return found == of_.nodes.end() ? nullptr : &*found;
    }

    // The node that comes next; null: no other can take it.
    [[nodiscard]] const NodeAccount* runner_up() const {
        const NodeAccount* out = nullptr;
        for (const NodeAccount& each : of_.nodes) {
            if (each.node == of_.to || !each.bar.empty() || !each.allowed || each.total.value < 0) continue;
            if (out == nullptr || each.total > out->total) out = &each;
        }
        return out;
    }

    // A location for the node that is worth more than the place of the plan, others at that node set aside
    // as far as they forbid it.
    [[nodiscard]] std::optional<Hypothesis> points_for(const NodeAccount& node) const {
        const Resource* bearer = &resource_;
        while (bearer->parent != nullptr) bearer = bearer->parent;
        const NodeAccount* place = account(of_.to);
        const Score here = place == nullptr || !place->allowed ? Score::minus_infinity() : place->total;
        if (here.value < 0)
            return liked(bearer->base, node.node, Score::infinity(), "a score of INFINITY for " + node.node);
        if (here >= Score::infinity()) return std::nullopt;
        Score sum;
        for (const Reason& each : node.reasons) {
            if (each.amount > Score::minus_infinity()) sum = sum + each.amount;
        }
        const std::int32_t missing = here.value - sum.value + 1;
        if (missing <= 0 || missing >= Score::kInfinity) return std::nullopt;
        return liked(bearer->base, node.node, {missing},
                     "a score of more than " + to_string(here) + " for " + node.node);
    }

    [[nodiscard]] std::vector<Hypothesis> candidates_of_plan() const {
        std::vector<Hypothesis> out;
        if (placed(of_.fate) && of_.asked.empty()) {
            if (const NodeAccount* other = runner_up(); other != nullptr) {
                if (auto points = points_for(*other)) out.push_back(std::move(*points));
            }
            out.push_back(standby(of_.to, true));
            return out;
        }
        const auto asked = std::find_if(cluster_.nodes.begin(), cluster_.nodes.end(),
                                        [&](const auto& node) { return node->name == of_.asked; });
        out = blockers(cluster_, resource_, asked == cluster_.nodes.end() ? nullptr : asked->get());
        const NodeAccount* wanted = account(of_.asked);
        if (wanted != nullptr) {
            if (auto points = points_for(*wanted)) out.push_back(std::move(*points));
        }
        return out;
    }

    const Cluster& cluster_;
    const Resource& resource_;
    const Explanation& of_;
    const Trial& trial_;
    std::vector<Place> now_;
};

}  // namespace

std::vector<std::string> changes_for(const Cluster& cluster, const Resource& resource, const Explanation& of,
                                     const Trial& trial, const std::vector<Hypothesis>& first) {
    return Finder(cluster, resource, of, trial).run(first);
}

}  // namespace manager::planner

#include "manager/scheduler/placement.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "manager/scheduler/wishes.hpp"

namespace manager::scheduling {
namespace {

// Why mandatory constraints keep a resource from running anywhere, or anywhere but where it runs.
struct Force {
    std::string why;
    bool may_stay{false};  // it may go on where it runs
    bool keeps_place{
        false};  // it waits for another: its place counts as taken, so that nobody has to move when it starts
    bool operator==(const Force&) const = default;
};
using Forced = std::map<ResourceIndex, Force>;

// One round: places every resource, given those that are known to run nowhere.
class Round {
  public:
    Round(const Facts& facts, const std::vector<Table>& own, const std::vector<Link>& links,
          const Forced& forced)
        : facts_(facts),
          tables_(own),
          links_(links),
          forced_(forced),
          placed_(facts.resources.size()),
          open_(facts.resources.size()),
          assigned_(facts.nodes.size()),
          result_(facts.resources.size()) {}

    std::vector<Assignment> run() {
        std::vector<ResourceIndex> order(facts_.resources.size());
        std::iota(order.begin(), order.end(), ResourceIndex{0});
        std::stable_sort(order.begin(), order.end(), [&](ResourceIndex a, ResourceIndex b) {
            return facts_.resources[a].priority > facts_.resources[b].priority;
        });
        for (const ResourceIndex r : order) place_after_partners(r);
        return std::move(result_);
    }

  private:
    // Depth first along "with"; a partner that is being placed already closes a loop and is not waited for.
    void place_after_partners(ResourceIndex first) {
        if (placed_[first]) return;
        std::vector<ResourceIndex> path{first};
        open_[first] = true;
        while (!path.empty()) {
            const ResourceIndex r = path.back();
            const auto next = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
                return link.resource == r && !placed_[link.with] && !open_[link.with];
            });
            if (next != links_.end()) {
                open_[next->with] = true;
                path.push_back(next->with);
                continue;
            }
            assign(r);
            placed_[r] = true;
            tell_followers(r);
            open_[r] = false;
            path.pop_back();
        }
    }

    // Who follows `r` is pulled or pushed at once, so that its wishes to its other partners count that in.
    void tell_followers(ResourceIndex r) {
        const Assignment& assignment = result_[r];
        for (const Link& link : links_) {
            if (link.with != r || placed_[link.resource]) continue;
            const bool wish = link.score > Score{} && link.score < Score::infinity();
            const auto& node = wish && assignment.kept ? assignment.kept : assignment.node;
            add_partner(facts_, link, node, tables_[link.resource]);
        }
    }

    void assign(ResourceIndex r) {
        const ResourceFacts& resource = facts_.resources[r];
        Assignment& assignment = result_[r];
        assignment.table = tables_[r];
        if (resource.away) {
            assignment.node = resource.away;
            const NodeFacts& node = facts_.nodes[*resource.away];
            assignment.why = "it was last started on " + node.name + ", which is " +
                             (node.status->clearance == Clearance::joining ? "joining" : "not cleared");
        } else if (!resource.unmanaged.empty()) {
            assignment.node = resource.current();
            assignment.why = "it is left as it is: " + resource.unmanaged;
        } else if (!resource.nowhere.empty()) {
            assignment.why = resource.nowhere;
        } else if (const auto forced = forced_.find(r);
                   forced != forced_.end() && !forced->second.keeps_place) {
            assignment.why = forced->second.why;
        } else {
            add_wishes(facts_, tables_, links_, r, placed_, assignment.table);
            choose(r, assignment);
            if (forced == forced_.end()) {
                name_partner(r, assignment);
            } else {
                withhold(resource, forced->second, assignment);
            }
        }
        if (assignment.node) ++assigned_[*assignment.node];
    }

    void choose(ResourceIndex r, Assignment& assignment) const {
        const ResourceFacts& resource = facts_.resources[r];
        std::vector<NodeIndex> candidates;
        for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) {
            if (usable(facts_, assignment.table, n)) candidates.push_back(n);
        }
        if (candidates.empty()) {
            assignment.why = why_none(assignment.table);
            return;
        }
        // While nothing may start, what runs stays: to stop it would gain nothing.
        if (!resource.hold.empty() || resource.unprobed || forced_.contains(r)) {
            std::vector<NodeIndex> running;
            std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(running),
                         [&](NodeIndex n) { return resource.active_on(n); });
            if (!running.empty()) {
                assignment.node = best(resource, assignment.table, running).first;
                assignment.why = "it runs there, and cannot start elsewhere now";
                return;
            }
        }

        const auto [node, why] = best(resource, assignment.table, candidates);
        assignment.node = node;
        assignment.why = why;
    }

    // It waits for another resource, so it runs nowhere, or where it does; its place is kept.
    void withhold(const ResourceFacts& resource, const Force& force, Assignment& assignment) {
        if (!assignment.node || (force.may_stay && resource.active_on(*assignment.node))) return;
        ++assigned_[*assignment.node];
        std::swap(assignment.kept, assignment.node);
        assignment.why = force.why;
    }

    // A partner that it must be with says more than the scores that follow from it.
    void name_partner(ResourceIndex r, Assignment& assignment) const {
        for (const Link& link : links_) {
            if (link.resource != r || link.score != Score::infinity() || !placed_[link.with]) continue;
            const std::string partner = "it must be with " + facts_.resources[link.with].id;
            const auto place = result_[link.with].node;
            if (!place) {
                assignment.why = partner + ", which runs nowhere";
                return;
            }
            const NodeFacts& node = facts_.nodes[*place];
            assignment.why = partner;
            if (!assignment.node) {
                assignment.why +=
                    node.against.empty() ? ", but may not run on " + node.name : ", but " + node.against;
            }
        }
    }

    [[nodiscard]] std::pair<NodeIndex, std::string> best(const ResourceFacts& resource, const Table& table,
                                                         std::vector<NodeIndex> candidates) const {
        if (candidates.size() == 1) return {candidates.front(), "no other node may run it"};
        // Keeps the candidates with the least key; true when that left one.
        const auto narrow = [&](const auto& key) {
            const auto least =
                key(*std::min_element(candidates.begin(), candidates.end(),
                                      [&](NodeIndex a, NodeIndex b) { return key(a) < key(b); }));
            candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                            [&](NodeIndex n) { return least < key(n); }),
                             candidates.end());
            return candidates.size() == 1;
        };
        const auto current = resource.current();
        if (narrow([&](NodeIndex n) { return -table.score[n].value; })) {
            return {candidates.front(), "best score (" + to_string(table.score[candidates.front()]) + ")"};
        }
        const Score score = table.score[candidates.front()];
        const std::string equal = "equal scores (" + to_string(score) + "), ";
        const bool stays =
            current && std::find(candidates.begin(), candidates.end(), *current) != candidates.end();
        if (stays && score > Score{}) return {*current, equal + "and it runs there"};
        const std::size_t tied = candidates.size();
        if (narrow([&](NodeIndex n) { return assigned_[n]; })) {
            return {candidates.front(), equal + "and fewer resources there"};
        }
        const char* first_by_name =
            candidates.size() < tied ? "fewer resources there, first by name" : "first by name";
        if (current && std::find(candidates.begin(), candidates.end(), *current) != candidates.end()) {
            return {*current, equal + "and it runs there"};
        }
        narrow([&](NodeIndex n) { return facts_.nodes[n].name; });
        return {candidates.front(), equal + first_by_name};
    }

    // The first cause that rules each node out.
    [[nodiscard]] std::string why_none(const Table& table) const {
        std::string text = "no node may run it";
        for (NodeIndex n = 0; n < facts_.nodes.size(); ++n) {
            std::string cause = facts_.nodes[n].against;
            const auto& causes = table.causes[n];
            if (cause.empty()) {
                const auto worst = std::min_element(
                    causes.begin(), causes.end(),
                    [](const Contribution& a, const Contribution& b) { return a.amount < b.amount; });
                if (worst != causes.end()) cause = facts_.nodes[n].name + ": " + worst->cause;
            }
            text += (n == 0 ? " (" : "; ") + cause;
        }
        return facts_.nodes.empty() ? text : text + ")";
    }

    const Facts& facts_;
    std::vector<Table> tables_;  // by ResourceIndex: own scores, and what placed partners do to them
    const std::vector<Link>& links_;
    const Forced& forced_;
    std::vector<bool> placed_, open_;
    std::vector<std::size_t> assigned_;  // by NodeIndex: resources placed there in this round
    std::vector<Assignment> result_;
};

// Whether a constraint may still make the resource run nowhere.
bool movable(const Facts& facts, const std::vector<Assignment>& placed, ResourceIndex r) {
    const ResourceFacts& resource = facts.resources[r];
    return placed[r].node && resource.unmanaged.empty() && !resource.away;
}

void force(Forced& forced, ResourceIndex r, Force by) {
    const auto [at, added] = forced.try_emplace(r, by);
    // What leaves less wins: nowhere at all, then nowhere with a place kept, then where it runs.
    if (!added && (at->second.keeps_place > by.keeps_place || at->second.may_stay > by.may_stay))
        at->second = std::move(by);
}

// Colocations that a round could not see because they close a loop.
void force_by_colocation(const Facts& facts, const std::vector<Link>& links,
                         const std::vector<Assignment>& placed, Forced& forced) {
    for (const Link& link : links) {
        if (!movable(facts, placed, link.resource)) continue;
        const bool together = placed[link.resource].node == placed[link.with].node;
        const std::string& partner = facts.resources[link.with].id;
        const std::string by = " (colocation " + link.constraint->id + ")";
        if (link.score == Score::infinity() && !together) {
            force(
                forced, link.resource,
                {"it must be with " + partner + by +
                 (placed[link.with].node ? ", which cannot be where it would run" : ", which runs nowhere")});
        } else if (link.score == Score::minus_infinity() && together) {
            force(forced, link.resource, {"it must not be with " + partner + by});
        }
    }
}

void force_by_order(const Facts& facts, const std::vector<Assignment>& placed, Forced& forced) {
    for (const Order& order : facts.config->orders) {
        if (order.kind != OrderKind::mandatory) continue;
        const auto first = facts.by_id.find(order.first);
        const auto then = facts.by_id.find(order.then);
        if (first == facts.by_id.end() || then == facts.by_id.end() || !movable(facts, placed, then->second))
            continue;
        if (placed[first->second].node) continue;

        // Unmanaged, but active on several nodes: it has no one place, yet it is there.
        if (!facts.resources[first->second].unmanaged.empty() &&
            !facts.resources[first->second].active.empty())
            continue;
        // An order for starts alone does not end what runs.
        force(forced, then->second,
              {order.first + " must run first (order " + order.id + "), but runs nowhere", !order.symmetrical,
               true});
    }
}

}  // namespace

std::vector<Assignment> place(const Facts& facts, const std::vector<Table>& own) {
    const std::vector<Link> links = colocation_links(facts);
    Forced forced;
    // Each round but the last forces at least one resource more, or harder: it ends.
    while (true) {
        std::vector<Assignment> placed = Round(facts, own, links, forced).run();
        const Forced before = forced;
        force_by_colocation(facts, links, placed, forced);
        force_by_order(facts, placed, forced);
        if (forced == before) return placed;
    }
}

}  // namespace manager::scheduling

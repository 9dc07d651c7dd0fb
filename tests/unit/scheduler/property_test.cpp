// Random small clusters: the scheduler's actions succeed, in any sequence that `after` allows, until there is
// nothing left to do. That ends soon, and on the way nothing is done that must not be done.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "random.hpp"
#include "scenario.hpp"
#include "totem/base/rng.hpp"

namespace m = manager;
using m::Activity;
using m::Clearance;

namespace {

constexpr int kSeeds = 3000;
constexpr int kMostRounds = 10;
constexpr int kMostSteps = 400;

// What must hold, seen with eyes of its own: nothing here asks the scheduler.
class Watcher {
  public:
    explicit Watcher(const m::Scenario& scenario) : s_(scenario) {}

    [[nodiscard]] const m::ResourceOnNode* record(const std::string& resource, base::NodeId node) const {
        const auto& all = s_.status.nodes.at(node).resources;
        const auto at = all.find(resource);
        return at == all.end() ? nullptr : &at->second;
    }
    [[nodiscard]] bool active(const std::string& resource, base::NodeId node) const {
        const auto* r = record(resource, node);
        return s_.status.nodes.at(node).clearance == Clearance::member && r != nullptr &&
               (r->activity == Activity::started || r->activity == Activity::failed);
    }
    [[nodiscard]] std::vector<base::NodeId> places(const std::string& resource) const {
        std::vector<base::NodeId> result;
        for (const auto& [id, node] : s_.status.nodes) {
            if (active(resource, id)) result.push_back(id);
        }
        return result;
    }
    [[nodiscard]] bool started(const std::string& resource) const {
        const auto all = places(resource);
        return std::any_of(all.begin(), all.end(), [&](base::NodeId n) {
            return record(resource, n)->activity == Activity::started;
        });
    }
    // Left as it is: by an attribute, by its node, or because it is blocked.
    [[nodiscard]] bool hands_off(const std::string& resource) const {
        const m::Primitive* p = s_.config.primitive(resource);
        if (p != nullptr && m::is_false(meta_value(s_.config, *p, "is-managed"))) return true;
        const auto all = places(resource);
        return std::any_of(all.begin(), all.end(), [&](base::NodeId n) {
            return record(resource, n)->blocked || attribute(n, "maintenance");
        });
    }
    [[nodiscard]] bool attribute(base::NodeId node, const std::string& name) const {
        const m::NodeObject* entry = s_.config.node(s_.status.nodes.at(node).name);
        return entry != nullptr && entry->attributes.contains(name);
    }
    [[nodiscard]] bool ignores_quorum() const {
        return property_value(s_.config, "no-quorum-policy") == "ignore";
    }
    [[nodiscard]] bool held() const {
        const bool proof = property_value(s_.config, "stonith-enabled") == "true" && !ignores_quorum();
        return std::any_of(s_.status.nodes.begin(), s_.status.nodes.end(), [&](const auto& entry) {
            return entry.second.clearance == Clearance::joining ||
                   (proof && entry.second.clearance == Clearance::uncleared);
        });
    }

    void before_start(const std::string& resource, base::NodeId node) const {
        CHECK_FALSE(held());
        CHECK((s_.status.quorate || ignores_quorum()));
        CHECK_FALSE(hands_off(resource));
        CHECK(places(resource).empty());
        for (const auto& [id, status] : s_.status.nodes) {
            if (status.clearance != Clearance::member) continue;
            REQUIRE(record(resource, id) != nullptr);
            CHECK(record(resource, id)->activity != Activity::unknown);
        }
        const m::NodeStatus& host = s_.status.nodes.at(node);
        CHECK(host.clearance == Clearance::member);
        CHECK_FALSE(host.leaving);
        CHECK_FALSE(attribute(node, "standby"));
        CHECK_FALSE(attribute(node, "maintenance"));
        CHECK_FALSE(record(resource, node)->cannot_run);
        for (const m::Location& l : s_.config.locations) {
            if (l.resource == resource && l.node == host.name) CHECK(l.score > m::Score::minus_infinity());
        }
        for (const m::Colocation& c : s_.config.colocations) {
            if (c.score != m::Score::minus_infinity() || (c.resource != resource && c.with != resource))
                continue;
            CHECK_FALSE(active(c.resource == resource ? c.with : c.resource, node));
        }
        for (const m::Order& o : s_.config.orders) {
            if (o.then == resource && o.kind == m::OrderKind::mandatory) CHECK(started(o.first));
            if (o.first == resource && o.kind == m::OrderKind::mandatory && o.symmetrical &&
                !waits_for_blocked(o.then)) {
                CHECK(places(o.then).empty());
            }
        }
    }

    void before_stop(const std::string& resource, base::NodeId node) const {
        CHECK(active(resource, node));
        CHECK_FALSE(hands_off(resource));
        if (held() && places(resource).size() > 1) return;  // one instance goes on
        for (const m::Order& o : s_.config.orders) {
            if (o.first != resource || o.kind != m::OrderKind::mandatory || !o.symmetrical) continue;
            const bool unmanaged =
                m::is_false(meta_value(s_.config, *s_.config.primitive(o.then), "is-managed"));
            bool maintenance = false;
            for (const base::NodeId n : places(o.then))
                maintenance = maintenance || attribute(n, "maintenance");
            if (!unmanaged && !maintenance) CHECK(places(o.then).empty());
        }
    }

    void when_quiet() const {
        for (const auto& [id, definition] : s_.status.former) {
            if (s_.config.primitive(id) == nullptr && !hands_off(id)) CHECK(places(id).empty());
        }
        for (const m::Primitive& p : s_.config.primitives) {
            if (hands_off(p.id)) continue;
            if (!held() && !waits_for_blocked(p.id)) CHECK(places(p.id).size() <= 1);
            for (const base::NodeId n : places(p.id)) {
                if (held() || waits_for_blocked(p.id)) continue;
                CHECK(record(p.id, n)->activity == Activity::started);
                CHECK(record(p.id, n)->monitored == !monitors_digest(s_.config, p).empty());
                CHECK_FALSE(attribute(n, "standby"));
                CHECK_FALSE(s_.status.nodes.at(n).leaving);
                CHECK((s_.status.quorate || ignores_quorum()));
            }
        }
        if (held()) return;
        for (const m::Colocation& c : s_.config.colocations) quiet_colocation(c);
        for (const m::Order& o : s_.config.orders) {
            if (o.kind != m::OrderKind::mandatory || !o.symmetrical || hands_off(o.then) ||
                waits_for_blocked(o.then))
                continue;
            if (!places(o.then).empty()) CHECK_FALSE(places(o.first).empty());
        }
    }

  private:
    // Something that comes after it is blocked, so that it cannot be stopped; or it follows something like
    // that.
    [[nodiscard]] bool waits_for_blocked(const std::string& resource) const {
        std::set<std::string> reached{resource};
        for (std::size_t before = 0; before != reached.size();) {
            before = reached.size();
            for (const m::Order& o : s_.config.orders) {
                if (reached.contains(o.first)) reached.insert(o.then);
            }
            for (const m::Colocation& c : s_.config.colocations) {
                if (reached.contains(c.resource)) reached.insert(c.with);
                if (reached.contains(c.with)) reached.insert(c.resource);
            }
        }
        return std::any_of(reached.begin(), reached.end(),
                           [&](const std::string& other) { return hands_off(other); });
    }

    void quiet_colocation(const m::Colocation& c) const {
        if (hands_off(c.resource) || places(c.resource).empty() || waits_for_blocked(c.resource)) return;
        const auto mine = places(c.resource);
        const auto theirs = places(c.with);
        if (c.score == m::Score::infinity()) CHECK(mine == theirs);
        if (c.score == m::Score::minus_infinity()) CHECK(mine != theirs);
    }

    const m::Scenario& s_;
};

void check_plan(const m::Scenario& s, const m::Schedule& plan) {
    CHECK(plan.placements.size() == s.config.primitives.size());
    std::set<std::pair<std::string, base::NodeId>> running;
    for (const m::PlannedAction& a : s.status.actions) {
        if (a.state == m::ActionState::running) running.insert({a.resource, a.node});
    }
    for (std::size_t i = 0; i < plan.actions.size(); ++i) {
        const m::ScheduledAction& a = plan.actions[i];
        for (const std::size_t before : a.after) CHECK(before < i);
        CHECK_FALSE(running.contains({a.resource, a.node}));
        for (const m::PlannedAction& r : s.status.actions) {
            const bool moves = r.operation == "start" || r.operation == "stop";
            if (r.resource == a.resource && moves) CHECK(a.operation != "start");
        }
    }
}

void carry_out_checked(m::Scenario& s, const m::ScheduledAction& action) {
    const Watcher watcher(s);
    if (action.operation == "start") watcher.before_start(action.resource, action.node);
    if (action.operation == "stop") watcher.before_stop(action.resource, action.node);
    carry_out(s, action);
}

// The indices of actions that may be carried out now.
std::vector<std::size_t> ready(const m::Schedule& plan, const std::set<std::size_t>& done) {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < plan.actions.size(); ++i) {
        const auto& after = plan.actions[i].after;
        if (!done.contains(i) &&
            std::all_of(after.begin(), after.end(), [&](std::size_t a) { return done.contains(a); })) {
            result.push_back(i);
        }
    }
    return result;
}

}  // namespace

TEST_CASE("plans that succeed lead to rest, and do no harm on the way") {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        m::Scenario s = m::random_scenario(seed);
        base::Rng rng(seed * 977);
        int rounds = 0;
        m::Schedule plan = schedule(s.config, s.status);
        while (!plan.actions.empty() && rounds < kMostRounds) {
            if (plan.actions.front().operation != "probe") ++rounds;
            check_plan(s, plan);
            std::set<std::size_t> done;
            for (auto open = ready(plan, done); !open.empty(); open = ready(plan, done)) {
                const std::size_t next = open[rng.below(open.size())];
                carry_out_checked(s, plan.actions[next]);
                done.insert(next);
                // What a probe found changes the picture: the rest is planned anew.
                if (plan.actions[next].operation == "probe") break;
            }
            plan = schedule(s.config, s.status);
        }
        CHECK(plan.actions.empty());
        Watcher(s).when_quiet();
    }
}

TEST_CASE("replanning at every step, with operations running, leads to the same rest") {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        m::Scenario s = m::random_scenario(seed);
        base::Rng rng(seed * 1013);
        std::vector<m::ScheduledAction> running;
        int steps = 0;
        for (; steps < kMostSteps; ++steps) {
            const m::Schedule plan = schedule(s.config, s.status);
            check_plan(s, plan);
            const auto open = ready(plan, {});
            if (open.empty() && running.empty()) break;
            if (!open.empty() && (running.empty() || rng.chance(600))) {
                const m::ScheduledAction& action = plan.actions[open[rng.below(open.size())]];
                const Watcher watcher(s);
                if (action.operation == "start") watcher.before_start(action.resource, action.node);
                if (action.operation == "stop") watcher.before_stop(action.resource, action.node);
                running.push_back(action);
            } else {
                const auto at = running.begin() + static_cast<std::ptrdiff_t>(rng.below(running.size()));
                carry_out(s, *at);
                running.erase(at);
            }
            s.status.actions.clear();
            for (const m::ScheduledAction& a : running) {
                s.status.actions.push_back(
                    {1, a.node, a.resource, a.operation, {}, 0, m::ActionState::running, ""});
            }
        }
        CHECK(steps < kMostSteps);
        CHECK(schedule(s.config, s.status).actions.empty());
        Watcher(s).when_quiet();
    }
}

// Random small clusters: the scheduler's actions succeed, in any sequence that `after` allows, until there is
// nothing left to do. That ends soon, and on the way nothing is done that must not be done.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "manager/model/edit.hpp"
#include "scenario.hpp"
#include "totem/base/rng.hpp"

namespace m = manager;
using m::Activity;
using m::Clearance;

namespace {

constexpr int kSeeds = 3000;
constexpr int kMostRounds = 10;
constexpr int kMostSteps = 400;

// One draw from the list.
template <typename T>
T pick(base::Rng& rng, std::initializer_list<T> choices) {
    return *(choices.begin() + rng.below(choices.size()));
}

std::string resource_name(std::uint64_t i) {
    return std::string(1, static_cast<char>('a' + i));
}
std::string node_name(std::uint64_t i) {
    return "n" + std::to_string(i + 1);
}

m::Primitive random_primitive(base::Rng& rng, const std::string& id) {
    m::Primitive primitive{id, {"ocf", "heartbeat", "Dummy"}, {{"x", std::to_string(rng.below(2))}}, {}, {},
                           ""};
    if (rng.chance(700)) primitive.operations.push_back({"monitor", base::seconds(10), "10s", {}});
    if (rng.chance(300)) primitive.meta["resource-stickiness"] = pick(rng, {"1", "100", "INFINITY"});
    if (rng.chance(150)) primitive.meta["priority"] = pick(rng, {"1", "5"});
    if (rng.chance(80)) primitive.meta["target-role"] = "Stopped";
    if (rng.chance(50)) primitive.meta["is-managed"] = "false";
    if (rng.chance(200)) primitive.meta["migration-threshold"] = pick(rng, {"1", "2"});
    return primitive;
}

m::Edit random_constraint(base::Rng& rng, const std::string& id, std::uint64_t resources,
                          std::uint64_t nodes) {
    const std::string a = resource_name(rng.below(resources));
    const std::string b = resource_name(rng.below(resources));
    const m::Score score = pick(rng, {m::Score::infinity(), m::Score::infinity(), m::Score::minus_infinity(),
                                      m::Score{100}, m::Score{-100}, m::Score{500'000}});
    switch (rng.below(3)) {
        case 0:
            return m::PutLocation{{id, a, node_name(rng.below(nodes)), score}};
        case 1:
            return m::PutColocation{{id, a, b, score}};
        default:
            break;
    }
    const auto kind = pick(rng, {m::OrderKind::mandatory, m::OrderKind::mandatory, m::OrderKind::optional,
                                 m::OrderKind::serialize});
    return m::PutOrder{{id, a, b, kind, rng.chance(800)}};
}

m::ResourceOnNode random_record(base::Rng& rng, const m::Configuration& config,
                                const m::Primitive& primitive) {
    m::ResourceOnNode record;
    record.revision = 1;
    const auto draw = rng.below(10);
    record.activity = draw < 5   ? Activity::stopped
                      : draw < 8 ? Activity::started
                      : draw < 9 ? Activity::failed
                                 : Activity::unknown;
    if (record.activity == Activity::started || record.activity == Activity::failed) {
        record.started_params = rng.chance(850) ? params_digest(primitive) : "former";
        record.monitored = rng.chance(800);
        if (record.monitored)
            record.monitored_digest = rng.chance(800) ? monitors_digest(config, primitive) : "former";
    }
    if (record.activity == Activity::failed) {
        record.failure = m::Failure{pick(rng, {"monitor", "start"}), {}, 1, "", {}};
        record.fail_count = static_cast<std::uint32_t>(1 + rng.below(2));
        record.blocked = rng.chance(150);
    }
    record.cannot_run = rng.chance(50);
    return record;
}

// The administrator deletes a resource, or gives it another agent, while it may run.
void change_under_way(base::Rng& rng, m::Scenario& s, std::uint64_t resources) {
    const m::Configuration before = s.config;
    const std::string id = resource_name(rng.below(resources));
    m::Primitive other = *before.primitive(id);
    other.agent.type = "Stateful";
    const m::Edit edit = rng.chance(500) ? m::Edit(m::Delete{id}) : m::Edit(m::PutPrimitive{other, true});
    s.config = apply_edits(s.config, {edit}).value();
    keep_former(before, s.config, s.status);
    forget_former(s.config, s.status);
}

m::Scenario random_scenario(std::uint64_t seed) {
    base::Rng rng(seed);
    m::Scenario s{{}, {{}, {}, {}, true}, {}, false};
    const std::uint64_t nodes = 1 + rng.below(4);
    const std::uint64_t resources = 1 + rng.below(5);
    std::vector<m::Edit> edits;
    for (std::uint64_t i = 0; i < resources; ++i)
        edits.push_back(m::PutPrimitive{random_primitive(rng, resource_name(i))});
    if (rng.chance(500)) edits.push_back(m::SetOption{m::Section::properties, "stonith-enabled", "false"});
    if (rng.chance(100)) edits.push_back(m::SetOption{m::Section::properties, "no-quorum-policy", "ignore"});
    if (rng.chance(100)) edits.push_back(m::SetOption{m::Section::properties, "symmetric-cluster", "false"});
    for (std::uint64_t i = 0; i < nodes; ++i) {
        if (rng.chance(150)) edits.push_back(m::SetNodeAttribute{node_name(i), "standby", "on"});
        if (rng.chance(50)) edits.push_back(m::SetNodeAttribute{node_name(i), "maintenance", "on"});
    }
    s.config = apply_edits(s.config, edits).value();
    for (std::uint64_t i = 0; i < rng.below(7); ++i) {
        // What contradicts what is there already is refused, and left out.
        const auto more =
            apply_edits(s.config, {random_constraint(rng, "c" + std::to_string(i), resources, nodes)});
        if (more) s.config = *more;
    }
    s.status.quorate = rng.chance(950);
    for (std::uint64_t i = 0; i < nodes; ++i) {
        m::NodeStatus& node = s.status.nodes[{static_cast<std::uint32_t>(i + 1)}];
        node.name = node_name(i);
        const auto draw = rng.below(20);
        node.clearance = draw < 16    ? Clearance::member
                         : draw == 16 ? Clearance::joining
                         : draw == 17 ? Clearance::clean
                                      : Clearance::uncleared;
        node.leaving = rng.chance(50);
        for (const m::Primitive& p : s.config.primitives) {
            if (node.clearance == Clearance::clean) continue;
            node.resources[p.id] = random_record(rng, s.config, p);
            if (rng.chance(300)) s.finds.insert({p.id, {static_cast<std::uint32_t>(i + 1)}});
        }
    }
    if (rng.chance(200)) change_under_way(rng, s, resources);
    return s;
}

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
        m::Scenario s = random_scenario(seed);
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
        m::Scenario s = random_scenario(seed);
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

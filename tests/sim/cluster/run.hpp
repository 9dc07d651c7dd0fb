// One run of the cluster simulator: a seed's faults, then a healed phase in which everything must come to
// rest as configured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster/cluster.hpp"

namespace sim {

using base::milliseconds;
using base::seconds;
using manager::Command;
using manager::Edit;

struct Totals {
    std::uint64_t kills{0}, outages{0}, partitions{0}, shutdowns{0}, breaks{0}, commands{0}, wipes{0};
    std::uint64_t added{0}, removed{0};  // nodes
    std::uint64_t acknowledged{0}, refused{0}, operations{0}, starts{0}, by_lease{0}, drops{0};
    double hours{0};
};

class Run {
  public:
    Run(std::uint64_t seed, bool trace, ClusterBug bug = ClusterBug::none)
        : rng_(seed),
          first_(static_cast<std::uint32_t>(2 + rng_.below(4))),
          nodes_(first_ + (rng_.chance(500) ? static_cast<std::uint32_t>(rng_.below(3)) : 0)),
          cluster_(seed, first_, nodes_ - first_, draw_rules(), trace) {
        cluster_.bug = bug;
        cluster_.proof = rng_.chance(600);
        cluster_.mood.start_fails = rng_.chance(400) ? 50 : 0;
        cluster_.mood.stop_fails = rng_.chance(300) ? 30 : 0;
        cluster_.mood.slow = rng_.chance(300) ? 100 : 0;
    }

    // Empty: all well.
    std::string execute(Totals& totals) {
        begin();
        const int events = static_cast<int>(10 + rng_.below(60));
        for (int i = 0; i < events && cluster_.violation().empty(); ++i) {
            chaos(totals);
            advance(milliseconds(static_cast<std::int64_t>(20 + rng_.below(rng_.chance(300) ? 4000 : 400))));
        }
        if (cluster_.violation().empty()) rest();
        totals.acknowledged += cluster_.acknowledged;
        totals.refused += cluster_.refused;
        totals.operations += cluster_.operations;
        totals.starts += cluster_.moves;
        totals.by_lease += cluster_.by_lease;
        totals.drops += cluster_.drops;
        totals.added += cluster_.added;
        totals.removed += cluster_.removed;
        totals.hours += static_cast<double>(cluster_.world().now().ns) / 3.6e12;
        return cluster_.violation().empty() ? liveness_ : cluster_.violation();
    }
    [[nodiscard]] std::uint64_t hash() const { return cluster_.hash(); }

  private:
    membership::QuorumRules draw_rules() {
        membership::QuorumRules rules;
        rules.two_node = first_ == 2 && rng_.chance(700);
        rules.wait_for_all = rules.two_node ? rng_.chance(800) : rng_.chance(300);
        rules.last_man_standing = !rules.two_node && rng_.chance(300);
        rules.last_man_standing_window = milliseconds(static_cast<std::int64_t>(100 + rng_.below(3000)));
        if (!rules.two_node && rng_.chance(300)) rules.tie_breaker = membership::TieBreaker::lowest;
        wipes_ =
            rules.tie_breaker == membership::TieBreaker::none;  // one disk may be the majority's only one
        return rules;
    }
    NodeId any() { return NodeId{static_cast<std::uint32_t>(1 + rng_.below(nodes_))}; }
    std::string name(NodeId n) { return "n" + std::to_string(n.value); }
    std::string resource() { return "r" + std::to_string(rng_.below(4)); }
    void advance(base::Duration how_long) { cluster_.world().run_until(cluster_.world().now() + how_long); }
    bool up(NodeId n) { return cluster_.node(n) != nullptr; }

    void change(NodeId at, std::vector<Edit> edits) {
        cluster_.command(at, manager::ChangeConfiguration{std::move(edits), std::nullopt});
    }

    void begin() {
        for (std::uint32_t i = 1; i <= first_; ++i) cluster_.start(NodeId{i});
        advance(seconds(3));
        std::vector<Edit> edits;
        edits.push_back(manager::SetOption{manager::Section::properties, "stonith-enabled",
                                           cluster_.proof ? "true" : "false"});
        if (rng_.chance(500)) {
            edits.push_back(manager::SetOption{manager::Section::rsc_defaults, "resource-stickiness", "100"});
        }
        for (int i = 0; i < 4; ++i) {
            manager::Primitive p;
            p.id = "r" + std::to_string(i);
            p.agent = {"ocf", "heartbeat", Cluster::native(p.id) ? "IPaddr2" : "Dummy"};
            if (i != 3) p.operations.push_back({"monitor", seconds(1), "1s", {}});
            edits.push_back(manager::PutPrimitive{p});
        }
        if (rng_.chance(500))
            edits.push_back(manager::PutColocation{{"c", "r1", "r0", manager::Score::infinity()}});
        if (rng_.chance(500))
            edits.push_back(manager::PutOrder{{"o", "r0", "r1", manager::OrderKind::mandatory, true}});
        if (rng_.chance(300)) edits.push_back(manager::PutLocation{{"l", "r2", "n1", manager::Score{200}}});
        change(NodeId{1}, std::move(edits));
        advance(seconds(2));
    }

    void chaos(Totals& totals) {
        const NodeId n = any();
        if (nodes_ > first_ && rng_.chance(150)) {
            change_nodes();
            if (rng_.chance(600)) advance(milliseconds(static_cast<std::int64_t>(rng_.below(3000))));
            return;
        }
        switch (rng_.below(13)) {
            case 0:
                if (up(n)) {
                    ++totals.kills;
                    if (rng_.chance(500)) {
                        cluster_.kill_heard(n);
                    } else {
                        cluster_.kill(n, false);
                    }
                }
                break;
            case 1:
                if (up(n)) {
                    ++totals.outages;
                    cluster_.kill(n, true);
                }
                break;
            case 2:
            case 3:
                if (!up(n) && listed(n)) cluster_.start(n);
                break;
            case 4:
                ++totals.partitions;
                split();
                break;
            case 5:
            case 6:
                cluster_.heal();
                break;
            case 7:
                cluster_.world().weather.loss =
                    rng_.chance(500) ? 0 : static_cast<std::uint32_t>(rng_.below(100));
                break;
            case 8:
                ++totals.breaks;
                cluster_.break_resource("r" + std::to_string(rng_.below(3)));  // r3 is not monitored
                break;
            case 9:
                if (up(n) && rng_.chance(300)) {
                    ++totals.shutdowns;
                    cluster_.shut_down(n);
                    leaving_.insert(n);
                }
                break;
            case 10:
                // One disk at a time: acknowledged is what a majority of the disks has.
                if (wipes_ && rng_.chance(300) && cluster_.all_vote()) {
                    ++totals.wipes;
                    if (up(n)) cluster_.kill(n, true);
                    cluster_.wipe_disk(n);
                }
                break;
            default:
                ++totals.commands;
                command(n);
        }
    }

    [[nodiscard]] bool listed(NodeId n) const { return cluster_.newest().find(n) != nullptr; }

    // n1 stays. Who vouches has looked: the machine is off.
    void change_nodes() {
        const NodeId node{static_cast<std::uint32_t>(2 + rng_.below(nodes_ - 1))};
        const bool there = listed(node);
        // As an administrator would: a new node is started soon.
        if (there && !up(node) && rng_.chance(500)) cluster_.start(node);
        if (there && cluster_.newest().nodes.size() <= 2) return;
        const bool vouched = there && rng_.chance(300);
        if (vouched) cluster_.kill(node, true);
        const NodeId at = any();
        if (at != node) cluster_.change_nodes(at, node, vouched);
    }

    void split() {
        std::vector<base::NodeSet> groups(2);
        for (std::uint32_t i = 1; i <= nodes_; ++i) groups[rng_.below(2)].insert(NodeId{i});
        cluster_.partition(groups);
    }

    void command(NodeId at) {
        switch (rng_.below(6)) {
            case 0:
                change(at,
                       {manager::SetNodeAttribute{name(any()), "standby", rng_.chance(500) ? "on" : "off"}});
                break;
            case 1:
                change(at, {manager::SetMeta{resource(), "target-role",
                                             rng_.chance(500) ? "Stopped" : "Started"}});
                break;
            case 2:
                cluster_.command(at, manager::Cleanup{});
                break;
            case 3:
                change(at, {manager::PutLocation{{"m", resource(), name(any()), manager::Score{300}}, true}});
                break;
            case 4:
                change(at, {manager::SetOption{manager::Section::properties, "stop-all-resources",
                                               rng_.chance(300) ? "true" : "false"}});
                break;
            default:
                change(at, {manager::SetOption{manager::Section::rsc_defaults, "note",
                                               std::to_string(rng_.below(9))}});
        }
    }

    void expect(bool holds, const std::string& what) {
        if (!holds && liveness_.empty()) liveness_ = what + "\n" + cluster_.describe();
    }

    void start_all() {
        for (const membership::ListedNode& node : cluster_.newest().nodes) {
            if (!up(node.id)) cluster_.start(node.id);
        }
    }

    // Faults end: all nodes come back, and everything must come to rest as configured.
    void rest() {
        cluster_.mood = {};
        cluster_.heal();
        cluster_.world().weather.loss = 0;
        // A node that was told to leave and cannot (a stop that failed) would go in the middle of what
        // follows.
        for (const NodeId n : leaving_) {
            if (up(n)) cluster_.kill(n, false);
        }
        advance(seconds(1));
        start_all();
        const auto limit = [this](std::int64_t s) { return cluster_.world().now() + seconds(s); };
        // A node that is leaving for good goes, and is started again.
        const auto all_up = [this] {
            start_all();
            return cluster_.settled();
        };
        expect(cluster_.world().run_until(all_up, limit(120)),
               "the cluster does not settle after the faults");
        if (!liveness_.empty()) return;
        std::vector<Edit> edits{
            manager::SetOption{manager::Section::properties, "stop-all-resources", "false"}};
        for (const membership::ListedNode& node : cluster_.newest().nodes)
            edits.push_back(manager::SetNodeAttribute{node.name, "standby", "off"});
        for (int i = 0; i < 4; ++i)
            edits.push_back(manager::SetMeta{"r" + std::to_string(i), "target-role", "Started"});
        bool answered = false;
        bool converged = false;
        cluster_.command(
            NodeId{1}, manager::ChangeConfiguration{edits, std::nullopt}, [&](const manager::Answer& a) {
                if (!a.status)
                    liveness_ = "a change was refused in a healthy cluster: " + a.status.error().message;
                answered = true;
            });
        expect(cluster_.world().run_until([&] { return answered; }, limit(10)), "a command gets no answer");
        cluster_.command(NodeId{1}, manager::Cleanup{}, {});
        advance(milliseconds(200));
        cluster_.wait(NodeId{1}, 0, [&](const manager::Answer&) { converged = true; });
        expect(cluster_.world().run_until([&] { return converged; }, limit(60)), "a wait gets no answer");
        expect(cluster_.world().run_until([&] { return cluster_.settled(); }, limit(60)),
               "the cluster does not settle after the last change");
        for (int i = 0; i < 4; ++i) {
            const std::string id = "r" + std::to_string(i);
            if (cluster_.node(NodeId{1}) == nullptr ||
                cluster_.node(NodeId{1})->state().configuration.primitive(id) == nullptr) {
                continue;
            }
            expect(cluster_.machines().where(id).size() == 1,
                   id + " runs in " + std::to_string(cluster_.machines().where(id).size()) +
                       " places at the end");
        }
        const std::uint64_t said = cluster_.log_lines;
        advance(seconds(20));
        expect(cluster_.log_lines == said, "a cluster at rest writes to the log");
    }

    base::Rng rng_;
    std::uint32_t first_, nodes_;  // in the cluster at first; and that ever may be
    bool wipes_{false};
    Cluster cluster_;
    base::NodeSet leaving_;
    std::string liveness_;
};

}  // namespace sim

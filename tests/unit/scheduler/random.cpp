#include "random.hpp"

#include "manager/model/edit.hpp"
#include "totem/base/rng.hpp"

namespace manager {
namespace {

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

Primitive random_primitive(base::Rng& rng, const std::string& id) {
    Primitive primitive{id, {"ocf", "heartbeat", "Dummy"}, {{"x", std::to_string(rng.below(2))}}, {}, {}, ""};
    if (rng.chance(700)) primitive.operations.push_back({"monitor", base::seconds(10), "10s", {}});
    if (rng.chance(300)) primitive.meta["resource-stickiness"] = pick(rng, {"1", "100", "INFINITY"});
    if (rng.chance(150)) primitive.meta["priority"] = pick(rng, {"1", "5"});
    if (rng.chance(80)) primitive.meta["target-role"] = "Stopped";
    if (rng.chance(50)) primitive.meta["is-managed"] = "false";
    if (rng.chance(200)) primitive.meta["migration-threshold"] = pick(rng, {"1", "2"});
    return primitive;
}

Edit random_constraint(base::Rng& rng, const std::string& id, std::uint64_t resources, std::uint64_t nodes) {
    const std::string a = resource_name(rng.below(resources));
    const std::string b = resource_name(rng.below(resources));
    const Score score = pick(rng, {Score::infinity(), Score::infinity(), Score::minus_infinity(), Score{100},
                                   Score{-100}, Score{500'000}});
    switch (rng.below(3)) {
        case 0:
            return PutLocation{{id, a, node_name(rng.below(nodes)), score}};
        case 1:
            return PutColocation{{id, a, b, score}};
        default:
            break;
    }
    const auto kind =
        pick(rng, {OrderKind::mandatory, OrderKind::mandatory, OrderKind::optional, OrderKind::serialize});
    return PutOrder{{id, a, b, kind, rng.chance(800)}};
}

ResourceOnNode random_record(base::Rng& rng, const Configuration& config, const Primitive& primitive) {
    ResourceOnNode record;
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
        record.failure = Failure{pick(rng, {"monitor", "start"}), {}, 1, "", {}};
        record.fail_count = static_cast<std::uint32_t>(1 + rng.below(2));
        record.blocked = rng.chance(150);
    }
    record.cannot_run = rng.chance(50);
    return record;
}

// The administrator deletes a resource, or gives it another agent, while it may run.
void change_under_way(base::Rng& rng, Scenario& s, std::uint64_t resources) {
    const Configuration before = s.config;
    const std::string id = resource_name(rng.below(resources));
    Primitive other = *before.primitive(id);
    other.agent.type = "Stateful";
    const Edit edit = rng.chance(500) ? Edit(Delete{id}) : Edit(PutPrimitive{other, true});
    s.config = apply_edits(s.config, {edit}).value();
    keep_former(before, s.config, s.status);
    forget_former(s.config, s.status);
}

}  // namespace

Scenario random_scenario(std::uint64_t seed) {
    base::Rng rng(seed);
    Scenario s{{}, {{}, {}, {}, true}, {}, false};
    const std::uint64_t nodes = 1 + rng.below(4);
    const std::uint64_t resources = 1 + rng.below(5);
    std::vector<Edit> edits;
    for (std::uint64_t i = 0; i < resources; ++i)
        edits.push_back(PutPrimitive{random_primitive(rng, resource_name(i))});
    if (rng.chance(500)) edits.push_back(SetOption{Section::properties, "stonith-enabled", "false"});
    if (rng.chance(100)) edits.push_back(SetOption{Section::properties, "no-quorum-policy", "ignore"});
    if (rng.chance(100)) edits.push_back(SetOption{Section::properties, "symmetric-cluster", "false"});
    for (std::uint64_t i = 0; i < nodes; ++i) {
        if (rng.chance(150)) edits.push_back(SetNodeAttribute{node_name(i), "standby", "on"});
        if (rng.chance(50)) edits.push_back(SetNodeAttribute{node_name(i), "maintenance", "on"});
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
        NodeStatus& node = s.status.nodes[{static_cast<std::uint32_t>(i + 1)}];
        node.name = node_name(i);
        const auto draw = rng.below(20);
        node.clearance = draw < 16    ? Clearance::member
                         : draw == 16 ? Clearance::joining
                         : draw == 17 ? Clearance::clean
                                      : Clearance::uncleared;
        node.leaving = rng.chance(50);
        for (const Primitive& p : s.config.primitives) {
            if (node.clearance == Clearance::clean) continue;
            node.resources[p.id] = random_record(rng, s.config, p);
            if (rng.chance(300)) s.finds.insert({p.id, {static_cast<std::uint32_t>(i + 1)}});
        }
    }
    if (rng.chance(200)) change_under_way(rng, s, resources);
    return s;
}

}  // namespace manager

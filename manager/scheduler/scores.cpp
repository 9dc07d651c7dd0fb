#include "manager/scheduler/scores.hpp"

#include <algorithm>

namespace manager::scheduling {
namespace {

void add_locations(const Facts& facts, const ResourceFacts& resource, Table& table) {
    for (NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        bool named = false;
        for (const Location& location : facts.config->locations) {
            if (location.resource != resource.id || location.node != facts.nodes[n].name) continue;
            named = true;
            table.add(n, location.score, "location " + location.id);
        }
        if (!facts.symmetric && !named) {
            table.add(n, Score::minus_infinity(),
                      "symmetric-cluster is false, and no location names " + facts.nodes[n].name);
        }
    }
}

// Why the resource must not be on the node after what happened there; empty: it may.
std::string ban(const Facts& facts, const ResourceFacts& resource, const ResourceOnNode& record) {
    if (record.cannot_run) {
        return "cannot run there" +
               (record.failure ? " (" + failure_text(*record.failure) + ")" : std::string());
    }
    const auto threshold = parse_score(meta_value(*facts.config, *resource.primitive, "migration-threshold"));
    const std::int32_t limit = threshold ? threshold->value : Score::kInfinity;
    if (limit == 0) return "";  // 0: failures never ban
    if (record.failure && on_fail(*facts.config, *resource.primitive, *record.failure) == "ignore") return "";
    if (facts.start_failure_is_fatal && record.failure && record.failure->operation == "start") {
        return "its start failed there (" + failure_text(*record.failure) + ")";
    }
    if (record.fail_count < static_cast<std::uint32_t>(limit)) return "";
    if (limit >= Score::kInfinity) return "failed there too often";
    return "failed there " + std::to_string(record.fail_count) +
           (record.fail_count == 1 ? " time" : " times") + " (migration-threshold " + std::to_string(limit) +
           ")";
}

Table own_table(const Facts& facts, const ResourceFacts& resource) {
    Table table;
    table.score.resize(facts.nodes.size());
    table.causes.resize(facts.nodes.size());
    if (resource.primitive == nullptr) return table;
    add_locations(facts, resource, table);
    const auto current = resource.current();
    if (current && resource.unmanaged.empty() && resource.stickiness > Score{}) {
        table.add(*current, resource.stickiness, "stickiness");
    }
    for (NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        if (resource.on[n].record == nullptr || !facts.nodes[n].member) continue;
        const std::string cause = ban(facts, resource, *resource.on[n].record);
        if (!cause.empty()) table.add(n, Score::minus_infinity(), cause);
    }
    return table;
}

}  // namespace

std::vector<Table> own_scores(const Facts& facts) {
    std::vector<Table> tables;
    for (const ResourceFacts& resource : facts.resources) tables.push_back(own_table(facts, resource));
    return tables;
}

bool usable(const Facts& facts, const Table& table, NodeIndex node) {
    return facts.nodes[node].against.empty() && table.score[node] >= Score{};
}

}  // namespace manager::scheduling

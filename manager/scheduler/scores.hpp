// Second pass: how much each resource wants each node by itself, before other resources are looked at
// (manager reference: Pacemaker's order of node scores). Every amount is kept with its cause.
#pragma once

#include <vector>

#include "manager/scheduler/facts.hpp"
#include "manager/scheduler/scheduler.hpp"

namespace manager::scheduling {

// The scores of one resource by node, and what they are made of.
struct Table {
    std::vector<Score> score;                       // by NodeIndex
    std::vector<std::vector<Contribution>> causes;  // by NodeIndex
    void add(NodeIndex node, Score amount, const std::string& cause) {
        score[node] = score[node] + amount;
        causes[node].push_back({cause, amount});
    }
};

// Location constraints, stickiness, bans after failures: one table for each resource, by ResourceIndex.
// Deleted resources have an empty one.
[[nodiscard]] std::vector<Table> own_scores(const Facts& facts);

// Whether the resource may be placed on the node: the node takes resources and the score is 0 or more.
[[nodiscard]] bool usable(const Facts& facts, const Table& table, NodeIndex node);

}  // namespace manager::scheduling

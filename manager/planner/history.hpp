// Judging reported operations. Private to manager/planner.
#pragma once

#include "manager/planner/unpack.hpp"

namespace manager::planner {

// What is known of one resource on one node while its operations are gone through, oldest first. The role
// itself is kept in the resource.
struct Judgement {
    Cluster& cluster;
    Resource& resource;
    Node& node;
    OnFail failure{OnFail::ignore};
    const cib::HistoryEntry* last_failure{nullptr};
};
void judge(Judgement& judgement, const cib::HistoryEntry& entry);

// The resource is active on the node; more than one such node is judged by multiple-active.
void add_running(const Cluster& cluster, Resource& resource, Node& node);

// Half-done live migrations.
void judge_migrated(Judgement& judgement, const cib::HistoryEntry& entry);
void judge_failed_migration(Judgement& judgement, const cib::HistoryEntry& entry);

}  // namespace manager::planner

#include "manager/planner/plan.hpp"

#include "manager/planner/action.hpp"
#include "manager/planner/assign.hpp"
#include "manager/planner/criteria.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {

Cluster act(Cluster cluster) {
    create_actions(cluster);
    relate_parts(cluster);
    relate_orders(cluster);
    relate_fencing(cluster);
    choose_migrations(cluster);
    settle(cluster);
    create_migrations(cluster);
    return cluster;
}

Cluster plan(const cib::Document& document, std::int64_t now) {
    return act(assign(apply_criteria(unpack(document, now))));
}

}  // namespace manager::planner

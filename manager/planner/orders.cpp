// Order constraints become relations between actions.
#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/criteria.hpp"

namespace manager::planner {
namespace {

using namespace relation;

// One order between two resources: `first` has to be done before `second`.
struct Order {
    std::string cause;
    Resource* first;
    Task first_task;
    Resource* second;
    Task second_task;
    OrderKind kind;
    bool symmetrical;
};

bool brings_up(Task task) {
    return task == Task::start || task == Task::promote;
}

Task parse_task(const std::string& word, Task otherwise) {
    if (word == "start") return Task::start;
    if (word == "stop") return Task::stop;
    if (word == "promote") return Task::promote;
    if (word == "demote") return Task::demote;
    return otherwise;
}

std::uint32_t kind_of(const Order& order) {
    if (order.kind != OrderKind::mandatory) return kSequence;
    if (!brings_up(order.second_task)) return order.symmetrical ? kForcesFirst | kEnables : kSequence;
    if (!brings_up(order.first_task)) return kEnables;
    return order.symmetrical ? kForcesSecond | kEnables : kIfNeeded;
}

std::vector<Action*> begins(const Resource& resource, Task task) {
    return actions_of(resource, task);
}

std::vector<Action*> ends(const Resource& resource, Task task) {
    return actions_of(resource, resource.primitive() ? task : end_of(task));
}

void relate_all(Cluster& cluster, const Order& order, const Resource& first, const Resource& second) {
    for (Action* a : ends(first, order.first_task)) {
        for (Action* b : begins(second, order.second_task)) relate(cluster, *a, *b, kind_of(order), order.cause);
    }
}

// Each instance of an interleaved clone waits for the one on its own node only.
void relate_instances(Cluster& cluster, const Order& order) {
    for (Resource* second : order.second->children) {
        const bool planned = brings_up(order.second_task);
        for (const Node* node : places(*second, planned)) {
            bool found = false;
            for (Resource* first : order.first->children) {
                const std::vector<Node*> at = places(*first, brings_up(order.first_task));
                if (std::find(at.begin(), at.end(), node) == at.end()) continue;
                found = true;
                relate_all(cluster, order, *first, *second);
            }
            if (found || !planned || (kind_of(order) & kEnables) == 0) continue;
            for (Action* action : begins(*second, order.second_task))
                forbid(*action, order.first->id + " has no instance on " + node->name);
        }
    }
}

void relate_one_way(Cluster& cluster, const Order& order) {
    if (order.first->clone() && order.second->clone() && order.second->interleave && order.first != order.second)
        return relate_instances(cluster, order);
    relate_all(cluster, order, *order.first, *order.second);
}

void relate_order(Cluster& cluster, const Order& order) {
    if (order.first == order.second) return;
    relate_one_way(cluster, order);
    if (!order.symmetrical) return;
    Order back = order;
    std::swap(back.first, back.second);
    back.first_task = opposite(order.second_task);
    back.second_task = opposite(order.first_task);
    if (order.first->clone() && order.second->clone() && order.second->interleave) {
        // Pairs are told by the second of the order as it was written.
        for (Resource* second : order.second->children) {
            for (const Node* node : places(*second, false)) {
                for (Resource* first : order.first->children) {
                    const std::vector<Node*> at = places(*first, false);
                    if (std::find(at.begin(), at.end(), node) != at.end())
                        relate_all(cluster, back, *second, *first);
                }
            }
        }
        return;
    }
    relate_one_way(cluster, back);
}

std::vector<Resource*> members_of(Cluster& cluster, const cib::ResourceSet& set) {
    std::vector<Resource*> out;
    for (const auto& id : set.members) {
        for (Resource* resource : named(cluster, id)) out.push_back(resource);
    }
    return out;
}

// Enough that one of the set can run.
void relate_any(Cluster& cluster, const cib::OrderObject& object, const std::vector<Resource*>& firsts, Task first_task,
                const std::vector<Resource*>& seconds, Task second_task) {
    Action& gate = add_action(cluster, Task::gate, nullptr, nullptr);
    gate.pseudo = true;
    gate.quota = 1;
    for (Resource* first : firsts) {
        for (Action* action : ends(*first, first_task)) relate(cluster, *action, gate, kOneOf, object.id);
    }
    for (Resource* second : seconds) {
        for (Action* action : begins(*second, second_task)) relate(cluster, gate, *action, kEnables, object.id);
        for (Resource* first : firsts) {
            for (Action* last : ends(*second, opposite(second_task))) {
                for (Action* action : begins(*first, opposite(first_task)))
                    relate(cluster, *last, *action, kSequence, object.id);
            }
        }
    }
}

void relate_sets(Cluster& cluster, const cib::OrderObject& object, bool symmetrical) {
    std::vector<Resource*> before;
    Task task_before = Task::start;
    bool all_before = true;
    for (const auto& set : object.sets) {
        std::vector<Resource*> members = members_of(cluster, set);
        if (members.empty()) continue;
        const Task task = parse_task(set.action, Task::start);
        for (std::size_t i = 1; set.sequential && i < members.size(); ++i)
            relate_order(cluster, {object.id, members[i - 1], task, members[i], task, object.kind, symmetrical});
        const std::vector<Resource*> heads =
            set.sequential ? std::vector<Resource*>{members.front()} : members;
        if (!before.empty() && !all_before) {
            relate_any(cluster, object, before, task_before, heads, task);
        } else {
            for (Resource* first : before) {
                for (Resource* second : heads)
                    relate_order(cluster, {object.id, first, task_before, second, task, object.kind, symmetrical});
            }
        }
        before = set.sequential ? std::vector<Resource*>{members.back()} : members;
        task_before = task;
        all_before = set.require_all;
    }
}

}  // namespace

void relate_orders(Cluster& cluster) {
    for (const auto& object : cluster.document->orders) {
        const bool symmetrical = object.symmetrical.value_or(object.kind != OrderKind::serialize) &&
                                 object.kind != OrderKind::serialize;
        if (!object.sets.empty()) {
            relate_sets(cluster, object, symmetrical);
            continue;
        }
        const Task first_task = parse_task(object.first_action, Task::start);
        const Task second_task = parse_task(object.then_action, first_task);
        for (Resource* first : named(cluster, object.first)) {
            for (Resource* second : named(cluster, object.then))
                relate_order(cluster, {object.id, first, first_task, second, second_task, object.kind, symmetrical});
        }
    }
}

}  // namespace manager::planner

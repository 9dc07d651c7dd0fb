// Order constraints become relations between actions.
#include <algorithm>
#include <set>
#include <tuple>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/criteria.hpp"

namespace manager::planner {
namespace {

using relation::kEnables;
using relation::kForcesFirst;
using relation::kForcesSecond;
using relation::kIfNeeded;
using relation::kOneOf;
using relation::kSequence;
using relation::kUnordered;

// One order between two resources: `first` has to be done before `second`.
struct Order {
    std::string cause;
    Resource* first;
    Task first_task;
    Resource* second;
    Task second_task;
    OrderKind kind;
    bool symmetrical;
    bool back{false};  // the way down of another
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
    // An old meta attribute: a restart of the first restarts the second, be the order but a wish.
    const bool renews = order.kind == OrderKind::optional && order.first_task == order.second_task &&
                        get(order.second->meta, "restart-type") == "restart";
    if (order.kind != OrderKind::mandatory) return renews ? kForcesSecond : kSequence;
    if (!order.symmetrical) return brings_up(order.second_task) ? kIfNeeded : kSequence;
    if (!order.back) return kForcesSecond | kEnables;
    return brings_up(order.first_task) ? kForcesFirst : kForcesFirst | kEnables;
}

std::vector<Action*> begins(const Resource& resource, Task task) {
    return actions_of(resource, task);
}

std::vector<Action*> ends(const Resource& resource, Task task) {
    return actions_of(resource, resource.primitive() ? task : end_of(task));
}

// What is not managed (in maintenance, say) does not keep others from stopping, unless it is stuck.
bool stays_as_it_is(Resource& resource) {
    bool unmanaged = false;
    bool stuck = false;
    for_each_part(resource, [&](const Resource& part) {
        unmanaged = unmanaged || (part.primitive() && !part.managed);
        stuck = stuck || part.blocked;
    });
    return unmanaged && !stuck;
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3
void relate_all(Cluster& cluster, const Order& order, const Resource& first, const Resource& second) {
    // What matters of an asymmetrical order is whether each part of the second has to do something itself.
    if (kind_of(order) == kIfNeeded) {
        for (const Resource* part : second.children) relate_all(cluster, order, first, *part);
    }
    // What renews the second is each part of the first, not the moment after all of them.
    if (kind_of(order) == kForcesSecond) {
        for (const Resource* part : first.children) relate_all(cluster, order, *part, second);
    }
    for (Action* a : ends(first, order.first_task)) {
        const bool down = !brings_up(order.first_task) || !brings_up(order.second_task);
        const bool free = down && stays_as_it_is(*a->resource);
        for (Action* b : begins(second, order.second_task))
            relate(cluster, *a, *b, free ? kSequence : kind_of(order), order.cause);
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
            if (found || !planned || !brings_up(order.first_task) || (kind_of(order) & kEnables) == 0)
                continue;
            for (Action* action : begins(*second, order.second_task))
                forbid(*action, order.first->id + " has no instance on " + node->name);
        }
    }
}

bool paired(const Order& order) {
    return order.first->clone() && order.second->clone() && order.second->interleave;
}

// What waits for a clone that is not interleaved needs any of its instances, and does not mind that others
// stop. A clone that waits is renewed with any of them, other resources with the one on their node.
void relate_to_clone(Cluster& cluster, const Order& order) {
    const std::uint32_t kind = kind_of(order);
    const std::uint32_t renews = order.second->clone() ? kind : kind & ~kForcesSecond;
    // As above: what counts is whether a part of the second has to start itself.
    if (kind == kIfNeeded) {
        for (Resource* child : order.second->children) {
            for_each_part(*child, [&](const Resource& part) {
                for (Action* a : ends(*order.first, order.first_task)) {
                    for (Action* b : begins(part, order.second_task))
                        relate(cluster, *a, *b, kind, order.cause);
                }
            });
        }
    }
    for (Action* a : ends(*order.first, order.first_task)) {
        for (Action* b : begins(*order.second, order.second_task))
            relate(cluster, *a, *b, renews, order.cause);
    }
    if (order.second->clone() || (kind & kForcesSecond) == 0) return;
    for (const Node* node : places(*order.second, true)) {
        for (Resource* instance : order.first->children) {
            const std::vector<Node*> at = places(*instance, true);
            if (std::find(at.begin(), at.end(), node) == at.end()) continue;
            for (Action* a : ends(*instance, order.first_task)) {
                for (Action* b : begins(*order.second, order.second_task))
                    relate(cluster, *a, *b, kForcesSecond, order.cause);
            }
        }
    }
}

// The way down: what came up last goes first.
Order opposite_of(const Order& order) {
    Order out = order;
    std::swap(out.first, out.second);
    out.first_task = opposite(order.second_task);
    out.second_task = opposite(order.first_task);
    out.back = !order.back;
    return out;
}

// Pairs are told by the second of the order as it was written.
void relate_instances_back(Cluster& cluster, const Order& order) {
    const Order back = opposite_of(order);
    for (Resource* second : order.second->children) {
        for (const Node* node : places(*second, false)) {
            for (Resource* first : order.first->children) {
                const std::vector<Node*> at = places(*first, false);
                if (std::find(at.begin(), at.end(), node) != at.end())
                    relate_all(cluster, back, *second, *first);
            }
        }
    }
}

// What orders have spoken of. Of several about the same two actions the one that was written first counts.
using Spoken = std::set<std::tuple<const Resource*, Task, const Resource*, Task>>;

bool first_word(Spoken& spoken, const Order& order) {
    return spoken.emplace(order.first, order.first_task, order.second, order.second_task).second;
}

bool on_clone(const Order& order) {
    return order.first->clone() && brings_up(order.first_task) && brings_up(order.second_task);
}

void relate_up(Cluster& cluster, const Order& order) {
    if (paired(order)) return relate_instances(cluster, order);
    if (on_clone(order)) return relate_to_clone(cluster, order);
    relate_all(cluster, order, *order.first, *order.second);
}

void relate_down(Cluster& cluster, const Order& order) {
    if (paired(order)) return relate_instances_back(cluster, order);
    Order back = opposite_of(order);
    if (on_clone(order)) back.kind = OrderKind::optional;
    relate_all(cluster, back, *back.first, *back.second);
}

void relate_order(Cluster& cluster, Spoken& spoken, const Order& order) {
    if (order.first == order.second) return;
    if (first_word(spoken, order)) relate_up(cluster, order);
    if (order.symmetrical && first_word(spoken, opposite_of(order))) relate_down(cluster, order);
}

// What counts of a first where a number of several is enough: of a group, cloned or not, that it sets out;
// whether its members arrive is not asked.
std::vector<Action*> counted(const Resource& resource, Task task) {
    const bool of_group = resource.group() || (resource.clone() && resource.children.front()->group());
    return of_group ? begins(resource, task) : ends(resource, task);
}

// Possible where `quota` of the firsts are.
Action& add_gate(Cluster& cluster, const std::string& cause, const std::vector<Resource*>& firsts, Task task,
                 int quota) {
    Action& gate = add_action(cluster, Task::gate, nullptr, nullptr);
    gate.pseudo = true;
    gate.quota = quota;
    for (Resource* first : firsts) {
        for (Action* action : counted(*first, task)) relate(cluster, *action, gate, kOneOf, cause);
    }
    return gate;
}

// With clone-min, that many instances are enough, wherever they are; it is a must, be the order but a wish.
bool relate_minimum(Cluster& cluster, Spoken& spoken, const Order& order, bool require_all) {
    if (!order.first->clone() || !brings_up(order.first_task)) return false;
    const int least = order.first->clone_min > 0 ? order.first->clone_min : require_all ? 0 : 1;
    if (least == 0) return false;
    Action& gate = add_gate(cluster, order.cause, order.first->children, order.first_task, least);
    for (Action* action : begins(*order.second, order.second_task))
        relate(cluster, gate, *action, kEnables, order.cause);
    Order back = opposite_of(order);
    back.kind = OrderKind::optional;
    if (order.symmetrical && first_word(spoken, back)) relate_all(cluster, back, *back.first, *back.second);
    return true;
}

// Enough that one of the set can run.
void relate_any(Cluster& cluster, const cib::OrderObject& object, const std::vector<Resource*>& firsts,
                Task first_task, const std::vector<Resource*>& seconds, Task second_task, bool symmetrical) {
    Action& gate = add_gate(cluster, object.id, firsts, first_task, 1);
    for (Resource* second : seconds) {
        for (Action* action : begins(*second, second_task))
            relate(cluster, gate, *action, symmetrical ? kEnables : kIfNeeded, object.id);
        for (Resource* first : firsts) {
            for (Action* last : ends(*second, opposite(second_task))) {
                for (Action* action : begins(*first, opposite(first_task)))
                    relate(cluster, *last, *action, kSequence, object.id);
            }
        }
    }
}

void relate_sets(Cluster& cluster, Spoken& spoken, const cib::OrderObject& object, bool symmetrical) {
    std::vector<Resource*> before;
    Task task_before = Task::start;
    bool all_before = true;
    for (const auto& set : object.sets) {
        std::vector<Resource*> members = members_of(cluster, set);
        if (members.empty()) continue;
        const Task task = parse_task(set.action, Task::start);
        for (std::size_t i = 1; set.sequential && i < members.size(); ++i) {
            relate_order(cluster, spoken,
                         {object.id, members[i - 1], task, members[i], task, object.kind, symmetrical});
        }
        const std::vector<Resource*> heads =
            set.sequential ? std::vector<Resource*>{members.front()} : members;
        if (!before.empty() && !all_before) {
            relate_any(cluster, object, before, task_before, heads, task, symmetrical);
        } else {
            for (Resource* first : before) {
                for (Resource* second : heads) {
                    relate_order(cluster, spoken,
                                 {object.id, first, task_before, second, task, object.kind, symmetrical});
                }
            }
        }
        before = set.sequential ? std::vector<Resource*>{members.back()} : members;
        task_before = task;
        all_before = set.require_all;
    }
}

// Whether it is a group, cloned or not, or part of one.
bool about_group(const Resource& resource) {
    const Resource& inner = resource.clone() ? *resource.children.front() : resource;
    return inner.group() || (inner.parent != nullptr && inner.parent->group());
}

// What must be with another cannot start where that cannot, as something else keeps it from it. (What follows
// from its having no place was seen to when places were chosen, as far as constraints that contradict one
// another let it.)
void relate_colocation(Cluster& cluster, const Colocation& colocation) {
    if (colocation.score < Score::infinity()) return;
    // With a group, or what is not managed, only the places count: what is with it stays.
    if (!colocation.primary->managed || about_group(*colocation.primary)) return;
    const Task first = colocation.primary_role == Role::promoted ? Task::promote : Task::start;
    const Action* own = action_of(*colocation.primary, first);
    if (colocation.primary->primitive() && (own == nullptr || !own->possible)) return;
    const Task second = colocation.dependent_role == Role::promoted ? Task::promote : Task::start;
    if (colocation.primary_role == Role::unpromoted || colocation.dependent_role == Role::unpromoted) return;
    for (Action* a : ends(*colocation.primary, first)) {
        for (Action* b : begins(*colocation.dependent, second)) {
            relate(cluster, *a, *b, kEnables | kUnordered, "colocation " + colocation.id);
        }
    }
}

}  // namespace

void relate_orders(Cluster& cluster) {
    for (const auto& colocation : cluster.colocations) relate_colocation(cluster, *colocation);
    Spoken spoken;
    for (const auto& object : cluster.document->orders) {
        const bool symmetrical = object.symmetrical.value_or(object.kind != OrderKind::serialize) &&
                                 object.kind != OrderKind::serialize;
        if (!object.sets.empty()) {
            relate_sets(cluster, spoken, object, symmetrical);
            continue;
        }
        const Task first_task = parse_task(object.first_action, Task::start);
        const Task second_task = parse_task(object.then_action, first_task);
        for (Resource* first : named(cluster, object.first)) {
            for (Resource* second : named(cluster, object.then)) {
                const Order order{object.id,   first,       first_task, second,
                                  second_task, object.kind, symmetrical};
                if (relate_minimum(cluster, spoken, order, object.require_all)) continue;
                relate_order(cluster, spoken, order);
            }
        }
    }
}

}  // namespace manager::planner

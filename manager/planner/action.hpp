// Operations of a plan and the relations between them.
//
// Every resource has an action for each thing that could be done to it, whether or not it will be: what is
// known at first (needed, possible) then spreads along the relations until nothing changes. Both facts only
// ever change in one direction, so the outcome does not depend on the order in which they spread.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

// Of a group or clone, start and stop are the moments before its first part, running and stopped those after
// its last; they do nothing themselves. So for promote and demote.
enum class Task {
    stop,
    stopped,
    start,
    running,
    demote,
    demoted,
    promote,
    promoted,
    migrate_to,
    migrate_from,
    reload,
    fence,
    unfence,
    gate,  // stands for "enough of these" in a relation of sets
};
[[nodiscard]] std::string_view to_string(Task task);
// start: running; others of a primitive: themselves.
[[nodiscard]] Task end_of(Task task);
// start and stop, promote and demote.
[[nodiscard]] Task opposite(Task task);

// What "the first before the second" means beyond the sequence.
namespace relation {
constexpr std::uint32_t kSequence = 0;
constexpr std::uint32_t kForcesSecond = 1U << 0U;  // the first is needed: so is the second
constexpr std::uint32_t kForcesFirst = 1U << 1U;   // the second is needed: so is the first
constexpr std::uint32_t kEnables = 1U << 2U;       // the first is impossible: so is the second
constexpr std::uint32_t kIfNeeded = 1U << 3U;      // kEnables, but only of a second that is needed
constexpr std::uint32_t kOneOf = 1U << 4U;         // one of several of which the second needs `quota`
constexpr std::uint32_t kUnordered = 1U << 5U;     // the two may happen in any sequence
}  // namespace relation

struct Action;
struct Relation {
    Action* first{nullptr};
    Action* second{nullptr};
    std::uint32_t kind{0};
    std::string cause;  // the constraint or structure that it comes from
};

struct Action {
    Task task{Task::stop};
    Resource* resource{nullptr};  // null: of a node
    Node* node{nullptr};
    bool needed{false};
    bool possible{true};
    bool resumed{false};  // was under way: done, but nothing else has to follow
    bool pseudo{false};   // nothing is done: it stands for others, or happens by itself
    int quota{0};
    std::string reason;                    // what made it needed or impossible
    std::vector<Relation*> before, after;  // relations in which it is second, first
    [[nodiscard]] bool happens() const { return (needed || resumed) && possible; }
};

Action& add_action(Cluster& cluster, Task task, Resource* resource, Node* node);
void relate(Cluster& cluster, Action& first, Action& second, std::uint32_t kind, const std::string& cause);

// The actions of that task; a primitive has one stop for each node where it is active.
[[nodiscard]] std::vector<Action*> actions_of(const Resource& resource, Task task);
[[nodiscard]] Action* action_of(const Resource& resource, Task task, const Node* node = nullptr);

void need(Action& action, const std::string& reason);
void forbid(Action& action, const std::string& reason);

// The parts of the pass, in order.
void create_actions(Cluster& cluster);
void relate_parts(Cluster& cluster);
void relate_orders(Cluster& cluster);
void relate_fencing(Cluster& cluster);
void settle(Cluster& cluster);
// What follows within one resource from its actions: a restart stops first, and the like. True: something
// changed.
bool settle_resource(Cluster& cluster, Resource& resource);
void choose_migrations(Cluster& cluster);
void create_migrations(Cluster& cluster);

}  // namespace manager::planner

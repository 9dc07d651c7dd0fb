// What the passes of the planner work on: nodes and resources with what is known of them (unpack), then with
// scores and places (assign), then with actions (act). Each pass takes the cluster of the pass before and
// returns it with its own part added; nothing that an earlier pass wrote is taken back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <boost/container/small_vector.hpp>

#include "manager/cib/document.hpp"

namespace manager::planner {

struct Action;
struct Relation;
struct Resource;

// In the order of what they demand. A resource that is no clone instance of a promotable clone is started.
enum class Role { unknown, stopped, started, unpromoted, promoted };
[[nodiscard]] Role parse_role(std::string_view text);  // both vocabularies; unknown for other words

// What a failure asks for, mildest first.
enum class OnFail { ignore, demote, restart, ban, block, stop, standby, fence };
enum class Requires { nothing, quorum, fencing, unfencing };
enum class MultipleActive { stop_start, stop_only, block, stop_unexpected };
enum class QuorumPolicy { stop, freeze, ignore, demote, fence };
enum class Strategy { standard, utilization, minimal, balanced };
enum class Discovery { always, never, exclusive };

using Capacity = std::map<std::string, std::int64_t>;

struct Node {
    std::string id, name;
    std::size_t index{0};
    bool online{false}, unclean{false}, pending{false}, standby{false}, standby_on_fail{false};
    bool maintenance{false}, shutdown{false}, seen{false}, coordinator{false};
    bool fence_wanted{false};
    std::string fence_reason;
    Attributes attributes;    // lasting ones, then those until reboot, then #uname and its kin
    Capacity free;            // what is left of its capacity
    std::size_t assigned{0};  // how many resources this plan has placed here
    std::vector<Resource*> running;
    [[nodiscard]] bool usable() const { return online && !shutdown && !unclean && !standby && !maintenance; }
};

// What a resource's entry for one node says; no entry: not allowed there.
struct Standing {
    Score score;
    int count{0};  // clones: instances placed here by this plan
    Discovery discovery{Discovery::always};
    bool outweighed{
        false};  // while others lend: it was liked, and is disliked more; in the end just above nothing
};
// By node index. Flat: there are as many entries as nodes, and they are looked at all the time.
using Standings = boost::container::flat_map<std::size_t, Standing>;

// Why a score changed. Those of a resource and node add up, in their sequence, to its score there.
struct Contribution {
    std::string cause;
    std::size_t node{0};
    Score amount;
};

// What made one node better than the next one when a place was chosen.
enum class Choice { none, score, preferred, capacity, load, current, name };

struct Colocation {
    std::string id;
    Resource* dependent{nullptr};
    Resource* primary{nullptr};
    Role dependent_role{Role::unknown}, primary_role{Role::unknown};
    std::string attribute;  // nodes with equal values count as one; "#uname": the node itself
    Score score;
    bool influence{true};
};

struct Location {
    std::string id;
    Role role{Role::unknown};
    Discovery discovery{Discovery::always};
    std::map<std::size_t, Score> scores;
};

// What was reported of one resource on one node, in the order in which it happened.
struct NodeHistory {
    std::size_t node{0};
    const cib::ResourceHistory* report{nullptr};
    boost::container::small_vector<const cib::HistoryEntry*, 4> entries;
    bool active{false};  // it is by this report that the resource runs there
};

struct Resource {
    std::string id;    // "web", "web:1"
    std::string base;  // without the number of the instance
    cib::ResourceKind kind{cib::ResourceKind::primitive};
    const cib::ResourceObject* object{nullptr};  // null: known from history only
    Resource* parent{nullptr};
    std::vector<Resource*> children;
    int number{-1};  // of a clone's instance

    Attributes meta;
    std::string standard;
    bool managed{true}, maintenance{false}, blocked{false}, failed{false}, stop_wanted{false}, orphan{false};
    bool unique{true}, promotable{false}, critical{true}, failure_ignored{false}, start_pending{false};
    bool interleave{false}, ordered{false}, fence_device{false}, migratable{false};
    bool exclusive_discovery{false};
    Requires required{Requires::quorum};
    MultipleActive multiple_active{MultipleActive::stop_start};
    int priority{0};
    Score stickiness;
    int migration_threshold{Score::kInfinity};
    std::int64_t failure_timeout{0};  // seconds; 0: failures do not expire
    int clone_max{0}, clone_node_max{1}, promoted_max{1}, promoted_node_max{1}, clone_min{0};
    Capacity utilization;

    std::vector<Node*> running_on;
    std::set<std::size_t> stop_wanted_on;    // where it failed so that it has to be stopped
    std::set<std::size_t> demote_wanted_on;  // where on-fail=demote asks for it, be it promoted or not
    boost::container::flat_set<std::size_t> known_on;
    std::string history_name;  // as the history calls it, where that differs from the id
    std::vector<NodeHistory> history;
    Role target{Role::unknown};  // what target-role allows at most; unknown: all
    Role role{Role::unknown}, next_role{Role::unknown};
    Node* pending_node{nullptr};
    std::string pending_operation;
    Node* migration_target{nullptr};  // of a migration that is half done
    Node* locked_to{nullptr};         // the node that shut down and keeps it
    std::vector<Node*> dangling;      // where a failed migration may have left it

    Standings allowed;
    std::vector<Location> locations;
    std::vector<Colocation*> with;       // this one is the dependent
    std::vector<Colocation*> followers;  // this one is the primary
    std::vector<Contribution> contributions;
    Node* assigned{nullptr};
    Choice choice{Choice::none};  // what decided for `assigned`; none: no other was there
    bool provisional{true}, assigning{false}, merging{false};
    Score promotion, sort_key;
    bool migrating{false};  // it moves alive

    std::vector<Action*> actions;

    [[nodiscard]] bool primitive() const { return kind == cib::ResourceKind::primitive; }
    [[nodiscard]] bool group() const { return kind == cib::ResourceKind::group; }
    [[nodiscard]] bool clone() const { return kind == cib::ResourceKind::clone; }
    [[nodiscard]] Resource* top();
    [[nodiscard]] const Resource* top() const { return const_cast<Resource*>(this)->top(); }
    // Of an anonymous or unique clone: an instance, or a member of one.
    [[nodiscard]] bool in_clone() const { return top()->clone() && !clone(); }
};

struct Options {
    bool fencing{true}, fence_device{false}, symmetric{true}, stop_all{false}, maintenance{false};
    bool startup_fencing{true}, stop_orphans{true}, have_quorum{false};
    bool unfencing{false}, shutdown_lock{false};
    std::int64_t shutdown_lock_limit{0};  // seconds; 0: for ever
    std::string fence_action{"reboot"};
    QuorumPolicy no_quorum{QuorumPolicy::stop};
    Strategy strategy{Strategy::standard};
    std::string health_strategy;
    Score health_base, health_green, health_yellow, health_red{Score::minus_infinity()};
    std::int64_t now{0};
};

struct Cluster {
    const cib::Document* document{nullptr};
    Options options;
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<std::unique_ptr<Resource>> store;  // owns all resources
    std::vector<Resource*> resources;              // top-level ones, by priority, then as configured
    std::vector<std::unique_ptr<Colocation>> colocations;
    std::vector<std::unique_ptr<Action>> actions;
    std::vector<std::unique_ptr<Relation>> relations;
    std::map<std::string, cib::TicketReport> tickets;

    Cluster();
    Cluster(Cluster&&) noexcept;
    Cluster& operator=(Cluster&&) noexcept;
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster();

    [[nodiscard]] Node* node(std::string_view id_or_name);
    // To be called for each resource of the store once it has its id and base, which stay.
    void enter(Resource& resource);
    // Any resource with that id; an anonymous instance by its base finds the first.
    [[nodiscard]] Resource* find(std::string_view id);
    [[nodiscard]] bool can_fence(const Node* node) const;

  private:
    // By id and by base, in the order of the store. Hashed, because nobody goes through it; the names are the
    // resources'.
    std::unordered_map<std::string_view, std::vector<Resource*>> by_name_;
};

// The first value of `name` in sets whose rule holds.
[[nodiscard]] std::optional<std::string> value_of(const cib::AttributeSets& sets, const std::string& name,
                                                  const cib::Facts& facts);
[[nodiscard]] Attributes values_of(const cib::AttributeSets& sets, const cib::Facts& facts);
[[nodiscard]] std::string get(const Attributes& attributes, const std::string& name,
                              std::string_view otherwise = "");
// "5", "INFINITY"; `otherwise` for what is no number.
[[nodiscard]] int whole(std::string_view text, int otherwise);
// The resource or group of resources active (current role above stopped) or, if `planned`, to be active.
[[nodiscard]] std::vector<Node*> places(const Resource& resource, bool planned);
// The highest role of a resource's parts; `current`: as it is, else as planned.
[[nodiscard]] Role state_of(const Resource& resource, bool current);
// `visit` for the resource and all parts of it.
template <typename Visit>
void for_each_part(Resource& resource, const Visit& visit) {  // NOLINT(misc-no-recursion): depth 3
    visit(resource);
    for (Resource* child : resource.children) for_each_part(*child, visit);
}
// A group whose members need not be together (collocated=false).
[[nodiscard]] bool scattered(const Resource& group);
// Minus infinity where it is not allowed.
[[nodiscard]] Score score_on(const Standings& standings, std::size_t node);
// Adds to a resource's standing on a node, and to its members' and instances' as far as they share it.
void add_score(Resource& resource, std::size_t node, Score amount, const std::string& cause);
// On every node, be it allowed there or not: what allows it afterwards (in an asymmetric cluster) is
// outweighed.
void ban_everywhere(const Cluster& cluster, Resource& resource, const std::string& cause);
void want_fence(Cluster& cluster, Node& node, const std::string& reason);

}  // namespace manager::planner

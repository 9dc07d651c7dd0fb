#include "tests/unit/quorum/model/reference.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace model {

namespace {

bool all_in(Set part, Set whole) {
    return (part & ~whole) == 0;
}

bool is_majority(const Rules& rules, Set roster, int ghosts, Set set) {
    int here = 0;
    int elsewhere = ghosts;
    for (int node = 0; node < rules.nodes; ++node) {
        for (int ballot = 0; in(roster, node) && ballot < rules.votes[static_cast<std::size_t>(node)]; ++ballot)
            ++(in(set, node) ? here : elsewhere);
    }
    if (here != elsewhere) return here > elsewhere;
    for (const int node : rules.tie_breakers) {
        if (in(roster & with_vote(rules), node)) return here > 0 && in(set, node);
    }
    return false;
}

// The lists are made once for each roster.
Family family(const Rules& rules, const Roster& roster) {
    int ghosts = 0;
    if (roster.epoch == 0) {
        ghosts = rules.expected;
        for (const int votes : rules.votes) ghosts -= votes;
        ghosts = std::max(ghosts, 0);
    }
    using Key = std::tuple<int, std::array<int, kMost>, std::vector<int>, Set, int>;
    static std::map<Key, Family> made;
    const auto [at, is_new] =
        made.try_emplace(Key{rules.nodes, rules.votes, rules.tie_breakers, roster.nodes, ghosts}, 0);
    if (is_new) at->second = majorities(rules, roster.nodes, ghosts);
    return at->second;
}

bool has(Family family, Set set) {
    return (family >> set & 1u) != 0;
}

Roster configured(const Rules& rules) {
    return {0, with_vote(rules)};
}

std::vector<Roster> rosters(const Rules& rules, const Node& node) {
    if (!rules.last_man_standing) return {configured(rules)};
    std::vector<Roster> list{node.known.now};
    if (node.known.open) list.push_back(node.known.before);
    return list;
}

bool majority_of_all(const Rules& rules, const std::vector<Roster>& list, Set set) {
    return std::all_of(list.begin(), list.end(),
                       [&](const Roster& r) { return has(family(rules, r), set & everybody(rules)); });
}

void judge(const Rules& rules, Node& node) {
    const Set votes = node.voters;
    const bool majority = majority_of_all(rules, rosters(rules, node), votes);
    int all = 0;
    for (const int v : rules.votes) all += v;
    const bool pair = rules.two_node && std::max(all, rules.expected) == 2;
    node.enough_votes = majority || (pair && (votes & with_vote(rules)) != 0);
    const bool lonely = !node.linked && node.members != 0 && (node.members & (node.members - 1)) == 0 && rules.nodes > 1;
    node.quorate = node.members != 0 && node.enough_votes && node.satisfied && !lonely;
    node.majority = node.quorate && majority;
}

Set written(const Node& node) {
    Set set = 0;
    for (int i = 0; i < kMost; ++i) {
        if (in(node.voters, i) && node.epochs[static_cast<std::size_t>(i)] == node.known.now.epoch) set |= 1u << i;
    }
    return set;
}

// After each event.
void conclude(const Rules& rules, Node& node) {
    judge(rules, node);
    if (!node.majority) return;
    if (node.known.open && enough(rules, node, written(node))) {
        node.known.open = false;
        node.known.before = {};
        judge(rules, node);
    }
    node.memory = node.known;
    node.memory.voter = true;
    if (node.memory == node.asked) return;
    node.asked = node.memory;
    node.writes.push_back(node.memory);
}

}  // namespace

Set everybody(const Rules& rules) {
    return (1u << rules.nodes) - 1;
}

Set with_vote(const Rules& rules) {
    Set set = 0;
    for (int i = 0; i < rules.nodes; ++i) {
        if (rules.votes[static_cast<std::size_t>(i)] > 0) set |= 1u << i;
    }
    return set;
}

Family majorities(const Rules& rules, Set roster, int ghosts) {
    Family out = 0;
    for (Set set = 0; set <= everybody(rules); ++set) {
        if (is_majority(rules, roster, ghosts, set)) out |= 1u << set;
    }
    return out;
}

Memory blank(const Rules& rules) {
    Memory memory;
    memory.now = configured(rules);
    return memory;
}

Node fresh(const Rules& rules, const Memory& disk) {
    Node node;
    node.memory = node.asked = node.disk = disk;
    node.known = blank(rules);
    return node;
}

Hello hello_of(const Rules& rules, const Node& node) {
    return {node.memory, node.disk.voter, node.disk.now.epoch,
            rules.wait_for_all && node.satisfied && node.enough_votes};
}

void install(const Rules& rules, Node& node, int ring, Set members, const std::array<Hello, kMost>& hellos) {
    node.ring = ring;
    node.members = members;
    node.voters = 0;
    node.epochs = {};
    node.proposed = false;
    node.known = blank(rules);
    const bool rosters_matter = rules.wait_for_all || rules.last_man_standing;
    int newest = 0;
    for (int i = 0; i < rules.nodes; ++i) {
        const Hello& hello = hellos[static_cast<std::size_t>(i)];
        if (!in(members, i)) continue;
        if (hello.voter) node.voters |= 1u << i;
        node.epochs[static_cast<std::size_t>(i)] = hello.epoch;
        if (rosters_matter) newest = std::max(newest, hello.memory.now.epoch);
    }
    if (members == everybody(rules)) node.voters = members;
    bool known_to_count = newest == 0;
    for (int i = 0; i < rules.nodes && newest > 0; ++i) {
        const Memory& memory = hellos[static_cast<std::size_t>(i)].memory;
        if (!in(members, i) || memory.now.epoch != newest) continue;
        known_to_count = known_to_count || !memory.open;
        node.known.now = memory.now;
        if (memory.open) node.known.before = memory.before;
    }
    node.known.open = !known_to_count;
    if (!node.known.open) node.known.before = {};
    const int settled = node.known.open ? node.known.before.epoch : node.known.now.epoch;
    const Set waited_for = node.known.now.nodes | (node.known.open ? node.known.before.nodes : 0);
    node.satisfied = !rules.wait_for_all || all_in(waited_for, members);
    for (int i = 0; i < rules.nodes; ++i) {
        const Hello& hello = hellos[static_cast<std::size_t>(i)];
        if (in(members, i) && hello.satisfied && hello.memory.now.epoch >= settled) node.satisfied = true;
    }
    conclude(rules, node);
}

void propose(const Rules& rules, Node& node) {
    const Set next = node.members & with_vote(rules);
    const bool rosters_matter = rules.wait_for_all || rules.last_man_standing;
    if (!rosters_matter || node.proposed || !node.majority || node.known.open || next == node.known.now.nodes) return;
    if (rules.last_man_standing && !has(family(rules, {node.ring, next}), node.voters)) return;
    node.proposed = true;
    node.known.open = true;
    node.known.before = node.known.now;
    node.known.now = {node.ring, next};
    conclude(rules, node);
}

void heard(const Rules& rules, Node& node, int who, bool voter, int epoch) {
    if (!in(node.members, who)) return;
    if (voter) node.voters |= 1u << who;
    node.epochs[static_cast<std::size_t>(who)] = epoch;
    conclude(rules, node);
}

void cancel(const Rules& rules, Node& node) {
    node.satisfied = true;
    conclude(rules, node);
}

void link(const Rules& rules, Node& node, bool usable) {
    node.linked = usable;
    conclude(rules, node);
}

bool enough(const Rules& rules, const Node& node, Set nodes) {
    return majority_of_all(rules, rosters(rules, node), nodes & node.voters);
}

}  // namespace model

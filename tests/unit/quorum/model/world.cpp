#include "tests/unit/quorum/model/world.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <optional>

namespace model {

namespace {

using base::NodeId;

NodeId id_of(int node) {
    return {static_cast<std::uint32_t>(node + 1)};
}
base::NodeSet set_of(Set set) {
    base::NodeSet out;
    for (int i = 0; i < kMost; ++i) {
        if (in(set, i)) out.insert(id_of(i));
    }
    return out;
}
base::RingId ring_of(int ring) {
    return {static_cast<std::uint64_t>(ring), {1}, {1}};
}

membership::QuorumRules real(const Rules& rules) {
    membership::QuorumRules out;
    for (int i = 0; i < rules.nodes; ++i)
        out.votes[id_of(i)] = static_cast<std::uint32_t>(rules.votes[static_cast<std::size_t>(i)]);
    out.expected_votes = static_cast<std::uint32_t>(rules.expected);
    out.two_node = rules.two_node;
    out.wait_for_all = rules.wait_for_all;
    out.last_man_standing = rules.last_man_standing;
    if (rules.tie_breakers.empty()) return out;
    out.tie_breaker = membership::TieBreaker::listed;
    for (const int node : rules.tie_breakers) out.tie_breaker_nodes.push_back(id_of(node));
    return out;
}

membership::Roster real(const Roster& roster) {
    if (roster.epoch == 0) return {};
    return {static_cast<std::uint64_t>(roster.epoch), set_of(roster.nodes)};
}
membership::QuorumMemory real(const Memory& memory) {
    membership::QuorumMemory out{memory.voter, real(memory.now), {}};
    if (memory.open) out.before = real(memory.before);
    return out;
}

Set mask_of(const base::NodeSet& nodes) {
    Set set = 0;
    for (const NodeId n : nodes) set |= 1u << (n.value - 1);
    return set;
}
Memory memory_of(const membership::QuorumMemory& real) {
    Memory out;
    out.voter = real.voter;
    out.now = {static_cast<int>(real.roster.epoch), mask_of(real.roster.nodes)};
    out.open = real.before.has_value();
    if (out.open) out.before = {static_cast<int>(real.before->epoch), mask_of(real.before->nodes)};
    return out;
}

constexpr base::Instant kNow{0};

}  // namespace

std::string text(Set set) {
    return to_string(set_of(set));
}

World::World(std::shared_ptr<const Rules> rules, Set blank_disks, bool compare)
    : rules_(std::move(rules)),
      real_rules_(real(*rules_)),
      compare_(compare),
      counted_{0, with_vote(*rules_)} {
    for (int i = 0; i < rules_->nodes; ++i) {
        Memory disk = blank(*rules_);
        disk.voter = !in(blank_disks, i);
        nodes_.push_back(std::make_shared<Machine>(fresh(i, real(disk), disk)));
    }
}

World::Machine& World::touch(int node) {
    std::shared_ptr<Machine>& machine = nodes_[static_cast<std::size_t>(node)];
    if (machine.use_count() > 1) machine = std::make_shared<Machine>(*machine);
    touched_ |= 1u << node;
    return *machine;
}

World::Machine World::fresh(int node, const membership::QuorumMemory& disk, const Memory& reference_disk) const {
    return {membership::Quorum(id_of(node), real_rules_, disk), model::fresh(*rules_, reference_disk), disk};
}

void World::fail(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
}

// --- events

void World::form(Set members) {
    const int ring = next_ring_++;
    std::array<Hello, kMost> hellos{};
    std::map<NodeId, membership::QuorumHello> real_hellos;
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(members, i)) continue;
        Machine& m = touch(i);
        hellos[static_cast<std::size_t>(i)] = hello_of(*rules_, m.reference);
        real_hellos[id_of(i)] = m.quorum.hello();
    }
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(members, i)) continue;
        Machine& m = touch(i);
        m.attached = true;
        m.quorum.view_installed(kNow, ring_of(ring), real_hellos);
        install(*rules_, m.reference, ring, members, hellos);
    }
    hear_what_is_stale(members);
    check();
}

void World::propose(Set view, Set told) {
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(told, i)) continue;
        Machine& m = touch(i);
        m.quorum.roster_proposed(kNow, ring_of(m.reference.ring));
        model::propose(*rules_, m.reference);
    }
    lose_attached(view, told);
    check();
}

void World::write(int node, Set told) {
    Machine& self = touch(node);
    const Set view = attached(node);
    std::optional<membership::QuorumStamp> announced;
    if (!self.writes.empty()) {
        self.disk = self.writes.front();
        self.writes.erase(self.writes.begin());
        self.quorum.persisted(kNow, self.disk);
        announced = self.quorum.drain().announce;
    }
    const Memory before = self.reference.disk;
    if (!self.reference.writes.empty()) {
        self.reference.disk = self.reference.writes.front();
        self.reference.writes.erase(self.reference.writes.begin());
    }
    const Memory& disk = self.reference.disk;
    const bool is_new = disk.voter != before.voter || disk.now.epoch != before.now.epoch;
    if (compare_ && announced.has_value() != is_new) fail("a node does not say what it has written");
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(told, i)) continue;
        Machine& m = touch(i);
        if (announced) m.quorum.member_persisted(kNow, ring_of(m.reference.ring), id_of(node), *announced);
        if (is_new) heard(*rules_, m.reference, node, disk.voter, disk.now.epoch);
    }
    if (announced) lose_attached(view, told);
    check();
}

void World::cancel(Set view, Set told) {
    cancelled_ = true;
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(told, i)) continue;
        Machine& m = touch(i);
        m.quorum.cancel_wait_for_all(kNow, ring_of(m.reference.ring));
        model::cancel(*rules_, m.reference);
    }
    lose_attached(view, told);
    check();
}

void World::link(int node, bool usable) {
    Machine& m = touch(node);
    m.quorum.links(kNow, usable ? 1 : 0);
    model::link(*rules_, m.reference, usable);
    check();
}

void World::restart(Set nodes) {
    for (int i = 0; i < rules_->nodes; ++i) {
        if (in(nodes, i)) touch(i) = fresh(i, at(i).disk, Memory(at(i).reference.disk));
    }
    check();
}

void World::wipe(int node) {
    touch(node).disk = {};
    touch(node).reference.disk = blank(*rules_);
    restart(1u << node);
}

// What was sent in another view, or by a node that is not in this one, is as if it had not been said.
void World::hear_what_is_stale(Set listeners) {
    const membership::QuorumStamp stamp{true, static_cast<std::uint64_t>(next_ring_)};
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(listeners, i)) continue;
        Machine& m = touch(i);
        for (int from = 0; from < rules_->nodes; ++from) {
            const bool member = in(m.reference.members, from);
            m.quorum.member_persisted(kNow, ring_of(member ? next_ring_ : m.reference.ring), id_of(from), stamp);
        }
        m.quorum.cancel_wait_for_all(kNow, ring_of(next_ring_));
        m.quorum.roster_proposed(kNow, ring_of(next_ring_));
    }
}

// --- what there is

Set World::in_view(int ring) const {
    Set set = 0;
    for (int i = 0; i < rules_->nodes; ++i) {
        const Node& node = at(i).reference;
        if (node.members != 0 && node.ring == ring) set |= 1u << i;
    }
    return set;
}

Set World::attached(int node) const {
    const Machine& self = at(node);
    if (self.reference.members == 0 || !self.attached) return 0;
    Set set = 0;
    for (int i = 0; i < rules_->nodes; ++i) {
        if (in(in_view(self.reference.ring), i) && at(i).attached) set |= 1u << i;
    }
    return set;
}

std::vector<Set> World::views() const {
    std::vector<Set> list;
    for (int i = 0; i < rules_->nodes; ++i) {
        const Set set = attached(i);
        if (set != 0 && std::find(list.begin(), list.end(), set) == list.end()) list.push_back(set);
    }
    return list;
}

bool World::has_writes(int node) const {
    return !at(node).writes.empty();
}
bool World::linked(int node) const {
    return at(node).reference.linked;
}

void World::lose_attached(Set view, Set told) {
    for (int i = 0; i < rules_->nodes; ++i) {
        if (in(view & ~told, i)) touch(i).attached = false;
    }
}

// --- what must hold

void World::check() {
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!in(touched_, i)) continue;
        collect(i);
        if (compare_) compare(i);
        check_counted(i);
    }
    touched_ = 0;
    check_disjoint();
    check_start();
}

void World::collect(int node) {
    Machine& m = touch(node);
    const membership::QuorumOutbox out = m.quorum.drain();
    if (out.write) m.writes.push_back(*out.write);
    if (m.had_quorum != m.quorum.quorate() && out.changes.empty())
        fail("node " + to_string(id_of(node)) + " changes its mind and does not say why");
    m.had_quorum = m.quorum.quorate();
}

void World::compare(int node) {
    const Machine& m = at(node);
    const std::string name = "node " + to_string(id_of(node));
    if (m.quorum.quorate() != m.reference.quorate || m.quorum.majority() != m.reference.majority) {
        fail(name + " differs from the reference: it says " + (m.quorum.quorate() ? "quorate" : "not quorate") +
             (m.quorum.majority() ? " by majority" : "") + " (" + m.quorum.state().reason + ")");
    }
    const membership::QuorumHello hello = m.quorum.hello();
    const Hello want = hello_of(*rules_, m.reference);
    const membership::QuorumStamp stamp{want.voter, static_cast<std::uint64_t>(want.epoch)};
    if (hello.memory != real(want.memory) || hello.satisfied != want.satisfied || hello.durable != stamp)
        fail(name + " differs from the reference in what it would say of itself");
    const bool same = std::equal(m.writes.begin(), m.writes.end(), m.reference.writes.begin(), m.reference.writes.end(),
                                 [](const auto& a, const Memory& b) { return a == real(b); });
    if (!same) fail(name + " differs from the reference in what it writes");
}

// Q1, as the lease needs it: of two groups of nodes that are each in one view, only one may be a majority: a
// view that is whole by what it says, one that was left by some by those who remain. Without last_man_standing
// no two majority views are disjoint, whoever is left in them.
void World::check_disjoint() {
    Set holder = 0;
    for (int i = 0; i < rules_->nodes; ++i) {
        const Machine& m = at(i);
        if (!m.quorum.majority()) continue;
        const Set here = in_view(m.reference.ring);
        for (int k = 0; k < i && !rules_->last_man_standing; ++k) {
            const Machine& other = at(k);
            if (other.quorum.majority() && (other.reference.members & m.reference.members) == 0)
                fail("two majority views without a common member: " + text(other.reference.members) + " and " +
                     text(m.reference.members));
        }
        if (here != m.reference.members && !m.quorum.enough(set_of(here))) continue;
        if (holder != 0 && holder != here) fail("two majorities at once: " + text(holder) + " and " + text(here));
        holder = here;
    }
}

// When a roster is found to count, whatever is a majority of the former one or of it has a node that has it on
// disk. (Or one that lost its disk and with it its vote.)
void World::check_counted(int node) {
    const Memory memory = memory_of(at(node).quorum.hello().memory);
    if (memory.open || memory.now.epoch <= counted_.epoch) return;
    Set disks = 0;
    for (int i = 0; i < rules_->nodes; ++i) {
        const membership::QuorumMemory& disk = at(i).disk;
        if (!disk.voter || static_cast<int>(disk.roster.epoch) >= memory.now.epoch) disks |= 1u << i;
    }
    const Set all = everybody(*rules_);
    int ghosts = rules_->expected - std::accumulate(rules_->votes.begin(), rules_->votes.end(), 0);
    for (const Roster& roster : {counted_, memory.now}) {
        const bool is_configured = roster.epoch == 0 || !rules_->last_man_standing;
        const Family family = majorities(*rules_, is_configured ? with_vote(*rules_) : roster.nodes,
                                         is_configured ? std::max(ghosts, 0) : 0);
        for (Set set = 0; set <= all; ++set) {
            if ((family >> set & 1u) != 0 && (set & disks) == 0)
                fail("node " + std::to_string(node + 1) + " counts the roster " + text(memory.now.nodes) + ", of which " +
                     text(set) + ", a majority of " + text(roster.nodes) + ", need not know");
        }
    }
    counted_ = memory.now;
}

// wait_for_all: when no process is left that has seen quorum, the first view that has it holds all of the
// roster. The first one ever holds every voter.
void World::check_start() {
    const bool somebody = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& m) { return m->seen_quorum; });
    for (int i = 0; i < rules_->nodes; ++i) {
        if (!at(i).quorum.quorate() || at(i).seen_quorum) continue;
        const Machine& m = touch(i);
        touch(i).seen_quorum = true;
        if (!somebody && rules_->wait_for_all && !cancelled_ && (counted_.nodes & ~m.reference.members) != 0)
            fail("a start that has not seen all of " + text(counted_.nodes) + ": " + text(m.reference.members));
    }
}

// --- keys

namespace {

// Writes a state down with the numbers of rings replaced by their rank and the nodes in another order.
class Writer {
  public:
    Writer(const std::array<int, kMost>& order, const std::vector<int>& numbers) : order_(order), numbers_(numbers) {}

    void flag(bool value) { bytes.push_back(value ? 1 : 0); }
    void set(Set value) {
        std::uint8_t byte = 0;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            if (in(value, order_[i])) byte = static_cast<std::uint8_t>(byte | 1u << i);
        }
        bytes.push_back(byte);
    }
    void number(int value) {
        const auto at = std::lower_bound(numbers_.begin(), numbers_.end(), value);
        bytes.push_back(static_cast<std::uint8_t>(at - numbers_.begin()));
    }
    void roster(const Roster& value) {
        number(value.epoch);
        set(value.nodes);
    }
    void memory(const Memory& value) {
        flag(value.voter);
        flag(value.open);
        roster(value.now);
        roster(value.before);
    }
    std::vector<std::uint8_t> bytes;

  private:
    const std::array<int, kMost>& order_;
    const std::vector<int>& numbers_;
};

void add_numbers(std::vector<int>& numbers, const Memory& memory) {
    numbers.push_back(memory.now.epoch);
    numbers.push_back(memory.before.epoch);
}

// What does not depend on how the others are called.
void put_alone(Writer& out, const Node& node) {
    for (const Memory& memory : {node.memory, node.asked, node.disk, node.known}) {
        out.number(memory.now.epoch);
        out.flag(memory.open);
        out.bytes.push_back(static_cast<std::uint8_t>(std::popcount(memory.now.nodes)));
    }
    out.number(node.ring);
    out.bytes.push_back(static_cast<std::uint8_t>(std::popcount(node.members)));
    out.bytes.push_back(static_cast<std::uint8_t>(node.writes.size()));
    out.flag(node.disk.voter);
    out.flag(node.satisfied);
}

std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
    return hash;
}

void put(Writer& out, const Node& node, const std::array<int, kMost>& order) {
    out.memory(node.memory);
    out.memory(node.asked);
    out.memory(node.disk);
    out.bytes.push_back(static_cast<std::uint8_t>(node.writes.size()));
    for (const Memory& memory : node.writes) out.memory(memory);
    out.set(node.members);
    out.flag(node.linked);
    if (node.members == 0) return;
    out.number(node.ring);
    out.set(node.voters);
    for (const int i : order) out.number(node.epochs[static_cast<std::size_t>(i)]);
    out.memory(node.known);
    out.flag(node.satisfied);
    out.flag(node.proposed);
}

}  // namespace

std::vector<std::uint8_t> World::written_down(const std::array<int, kMost>& order,
                                              const std::vector<int>& numbers) const {
    Writer out(order, numbers);
    for (int i = 0; i < rules_->nodes; ++i) {
        const Machine& m = at(order[static_cast<std::size_t>(i)]);
        put(out, m.reference, order);
        out.flag(m.attached);
        out.flag(m.seen_quorum);
        if (compare_) continue;  // then it is the same
        out.memory(memory_of(m.quorum.hello().memory));
        out.memory(memory_of(m.disk));
        out.set(mask_of(m.quorum.voters()));
        out.flag(m.quorum.quorate());
        out.bytes.push_back(static_cast<std::uint8_t>(m.writes.size()));
    }
    out.roster(counted_);
    out.flag(cancelled_);
    return std::move(out.bytes);
}

std::uint64_t World::key(bool interchangeable) const {
    std::vector<int> numbers{0, counted_.epoch};
    for (int i = 0; i < rules_->nodes; ++i) {
        const Machine& m = at(i);
        numbers.push_back(m.reference.ring);
        for (const Memory& memory : {m.reference.memory, m.reference.asked, m.reference.disk, m.reference.known,
                                     memory_of(m.quorum.hello().memory), memory_of(m.disk)})
            add_numbers(numbers, memory);
        for (const Memory& memory : m.reference.writes) add_numbers(numbers, memory);
        numbers.insert(numbers.end(), m.reference.epochs.begin(), m.reference.epochs.end());
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    std::array<int, kMost> order{};
    std::iota(order.begin(), order.end(), 0);
    if (!interchangeable) return hash_of(written_down(order, numbers));
    // Of all orders of the nodes the one that reads least. Nodes that differ by themselves have a fixed order.
    std::array<std::uint64_t, kMost> alone{};
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        Writer out(order, numbers);
        put_alone(out, nodes_[i]->reference);
        alone[i] = hash_of(out.bytes);
    }
    std::vector<std::uint8_t> least;
    do {
        const auto before = [&](int a, int b) {
            return alone[static_cast<std::size_t>(a)] < alone[static_cast<std::size_t>(b)];
        };
        if (!std::is_sorted(order.begin(), order.begin() + rules_->nodes, before)) continue;
        std::vector<std::uint8_t> bytes = written_down(order, numbers);
        if (least.empty() || bytes < least) least = std::move(bytes);
    } while (std::next_permutation(order.begin(), order.begin() + rules_->nodes));
    return hash_of(least);
}

}  // namespace model

#include "tests/sim/stack/world.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/stack/machine.hpp"
#include "totem/base/check.hpp"

namespace stack_sim {
namespace {

base::NodeSet roster_of(std::uint32_t nodes) {
    base::NodeSet out;
    for (std::uint32_t n = 1; n <= nodes; ++n) out.insert(NodeId{n});
    return out;
}

}  // namespace

World::World(std::uint64_t seed, const Setup& setup, bool trace)
    : network(seed, setup.by_group.size(), setup.nodes, hits),
      witness(timeline, roster_of(setup.nodes), trace),
      past(base::Rng(seed ^ 0x70617374)),
      setup_(setup),
      roster_(roster_of(setup.nodes)),
      machine_rng_(seed ^ 0x6e6f6465),
      junk_rng_(seed ^ 0x6a756e6b) {
    std::array<std::uint8_t, totem::MasterKey::kSize> key{};
    key.fill(7);
    for (const NodeId node : roster_)
        machines_.emplace(node,
                          std::make_unique<Machine>(*this, node, Machine::Kind::node, totem::MasterKey(key)));
}

World::~World() = default;

std::vector<NodeId> World::running() const {
    std::vector<NodeId> out;
    for (const auto& [node, machine] : machines_) {
        if (machine->up()) out.push_back(node);
    }
    return out;
}

std::vector<Member> World::living() const {
    std::vector<Member> out;
    for (const NodeId node : running()) out.push_back(machine(node).member());
    return out;
}

bool World::copy_subject(std::size_t at, bool same_address) {
    const Machine& original = machine(subject);
    if (!original.up() || original.inputs() == 0) return false;
    const auto kind = same_address ? Machine::Kind::double_ : Machine::Kind::moved;
    if (same_address) witness.distrust();
    at = std::min(at, original.inputs());
    copies_.push_back(std::make_unique<Machine>(*this, subject, kind, original.keys_at(at)));
    Machine& copy = *copies_.back();
    std::unique_ptr<Core> core = original.image(at, copy);
    core->reseed(machine_rng_.next());
    copy.start_copy(std::move(core), original.member());
    return true;
}

void World::start_double(NodeId node, bool same_incarnation, bool same_address) {
    const Machine& original = machine(node);
    if (!original.up()) return;
    const auto kind = same_address ? Machine::Kind::double_ : Machine::Kind::moved;
    if (same_address) witness.distrust();
    copies_.push_back(std::make_unique<Machine>(*this, node, kind, original.keys()));
    const std::uint64_t number = original.member().incarnation.value;
    copies_.back()->start_as({same_incarnation ? number : number - 1000 + machine_rng_.below(2000)});
}

void World::put_back(const Snapshot& was, bool with_disk, bool clock_shows) {
    ++hits.put_back;
    Machine& at = machine(was.member.node);
    witness.tell("node " + base::to_string(was.member.node) + " goes on as what it was at " +
                 std::to_string(was.inputs.back().now.ns / 1000) + " us" +
                 (with_disk ? ", disk included" : "") +
                 (clock_shows ? "" : "; its clock does not show that"));
    at.put_back(was, with_disk, clock_shows);
    if (!at.is_from_the_past()) ++hits.unheard;
}

NodeId World::from_the_past() const {
    for (const auto& [node, machine] : machines_) {
        if (machine->is_from_the_past()) return node;
    }
    return {};
}

void World::remove_copies() {
    for (const auto& copy : copies_) copy->crash();
}

void World::transmit(const Machine& from, const Sent& sent) {
    if (from.kind() == Machine::Kind::node) past.sent(from.member(), sent.link, sent.bytes, now());
    const bool by_group = !sent.to && setup_.by_group[sent.link];
    for (const NodeId to : roster_) {
        if (to != from.node() && (!sent.to || *sent.to == to)) carry(from, to, sent, by_group);
    }
}

void World::carry(const Machine& from, NodeId to, const Sent& sent, bool by_group) {
    Path& path = network.path(sent.link, from.node(), to);
    const base::IpAddress source = from.address(sent.link);
    // By a group, copies for whoever is not heard at all reach others, too, who got theirs by another link.
    const bool matters =
        !sent.whole && sent.bytes->size() + kHeaders > path.mtu && machine(to).up() && from.up();
    if (matters && from.uses(sent.link, to)) {
        too_large = std::to_string(sent.bytes->size() + kHeaders) + " bytes from node " +
                    base::to_string(from.node()) + " to " + base::to_string(to) + " by link " +
                    std::to_string(sent.link) + ", which carries " + std::to_string(path.mtu);
    }
    for (const Duration delay : network.carry(path, weather, sent.bytes->size(), sent.whole, by_group)) {
        timeline.at(now() + delay,
                    [this, who = from.member(), source, to, link = sent.link, bytes = sent.bytes, by_group] {
                        reach(who, source, to, link, bytes, by_group);
                    });
        litter(from, to, sent, delay);
    }
}

// What comes along with a frame, before it or after.
void World::litter(const Machine& from, NodeId to, const Sent& sent, Duration delay) {
    const auto throw_around = [&](const Arrival& stray) {
        const std::uint64_t wait = junk_rng_.below(static_cast<std::uint64_t>(2 * delay.ns) + 1);
        timeline.at(now() + Duration{static_cast<std::int64_t>(wait)},
                    [this, to, link = sent.link, stray] { machine(to).arrive(link, stray); });
    };
    if (junk_rng_.chance(weather.damaged)) {
        const auto how = static_cast<Junk>(junk_rng_.below(kWaysToDamage));
        count_junk(how);
        throw_around({from.address(sent.link), damage(*sent.bytes, how, junk_rng_), true, from.node()});
    }
    if (junk_rng_.chance(weather.damaged / 4)) {
        count_junk(Junk::wrong_source);
        throw_around({foreign_address(sent.link, from.node()), sent.bytes, true, from.node()});
    }
    if (junk_rng_.chance(weather.stray))
        throw_junk_later(to, static_cast<Junk>(junk_rng_.below(static_cast<std::size_t>(Junk::kinds))));
}

void World::throw_junk_later(NodeId at, Junk kind) {
    timeline.at(now() + base::microseconds(1), [this, at, kind] { throw_junk(at, kind); });
}

void World::reach(const Member& from, base::IpAddress source, NodeId to, std::size_t link, const Frame& bytes,
                  bool by_group) {
    Machine& at = machine(to);
    if (!at.listens(link)) return;
    const bool refused = !at.up() && network.rng.chance(weather.refused);
    const bool rumour = at.up() && network.rng.chance(weather.rumour);
    if ((refused || rumour) && !by_group) {
        ++(refused ? hits.refused : hits.rumours);
        timeline.at(now() + network.path(link, to, from.node).delay,
                    [this, from, to] { machine(from.node).hint(to); });
    }
    at.arrive(link, {source, bytes, !source.same_as(address_of(link, from.node)), from.node});
    for (const auto& copy : copies_) {
        const bool meant = copy->node() == to && copy->kind() == Machine::Kind::double_;
        if (copy->up() && (meant || by_group)) copy->arrive(link, {source, bytes, false, from.node});
    }
}

// What the process at `at` cannot take for news: of a former start of a node that it knows; of one that had
// ended long before it started; and what was sealed as long before that.
std::vector<Past::Recorded> World::former(NodeId at, const Member& who) const {
    constexpr Duration kLong = base::seconds(3);
    const Instant started = machine(at).started_at();
    const Machine& of = machine(who.node);
    const bool gone = who == of.member() && !of.up() && of.ended_at() + kLong < started;
    const bool replaced = who != of.member() && of.up();
    std::vector<Past::Recorded> out = past.of(who);
    std::erase_if(
        out, [&](const Past::Recorded& frame) { return !gone && !replaced && frame.at + kLong >= started; });
    return out;
}

void World::throw_recording(NodeId at, Duration within) {
    const std::vector<Member> all = past.processes();
    const std::vector<Past::Recorded> frames = former(at, all[junk_rng_.below(all.size())]);
    for (const Past::Recorded& frame : frames) {
        const std::uint64_t wait = junk_rng_.below(static_cast<std::uint64_t>(within.ns));
        timeline.at(now() + Duration{static_cast<std::int64_t>(wait)},
                    [this, at, frame, to = machine(at).member()] {
                        if (!machine(at).up() || machine(at).member() != to) return;
                        count_junk(Junk::former);
                        machine(at).arrive(
                            frame.link, {address_of(frame.link, frame.node), frame.bytes, true, frame.node});
                    });
    }
}

std::optional<Past::Recorded> World::one_of(const std::vector<Past::Recorded>& frames) {
    if (frames.empty()) return std::nullopt;
    return frames[junk_rng_.below(frames.size())];
}

void World::throw_junk(NodeId at, Junk kind) {
    Machine& to = machine(at);
    if (!to.up()) return;
    std::size_t link = junk_rng_.below(links());
    NodeId node{1 + static_cast<std::uint32_t>(junk_rng_.below(roster_.size()))};
    if (node == at) node = NodeId{node.value % static_cast<std::uint32_t>(roster_.size()) + 1};
    Arrival stray{address_of(link, node), {}, true, node};
    if (kind == Junk::other_cluster || kind == Junk::other_key) {
        stray.bytes = forge(machine(node).member(), roster_, machine(node).keys(), kind, junk_rng_);
    } else {
        const std::vector<Member> all = past.processes();
        const auto frame = kind == Junk::former  ? one_of(former(at, all[junk_rng_.below(all.size())]))
                           : kind == Junk::again ? (at == subject ? past.again() : std::nullopt)
                           : kind == Junk::own   ? one_of(past.of(to.member()))
                                                 : one_of(past.of(machine(node).member()));
        if (!frame) return;
        link = frame->link;
        stray.from = frame->node;
        stray.source =
            kind == Junk::wrong_source ? foreign_address(link, stray.from) : address_of(link, stray.from);
        const bool intact = kind >= Junk::former;
        stray.bytes = intact ? frame->bytes : damage(*frame->bytes, kind, junk_rng_);
    }
    count_junk(kind);
    to.arrive(link, std::move(stray));
}

}  // namespace stack_sim

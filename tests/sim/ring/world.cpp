#include "tests/sim/ring/world.hpp"

#include <utility>

#include "tests/sim/ring/node.hpp"
#include "totem/base/check.hpp"

namespace sim {

World::World(std::uint64_t seed, std::uint32_t nodes, const totem::RingConfig& base_config,
             Observer& observer)
    : base_config_(base_config),
      observer_(observer),
      network_(seed, hits),
      node_rng_(seed ^ 0x6e6f6465),
      link_rng_(seed ^ 0x6c696e6b) {
    for (std::uint32_t n = 1; n <= nodes; ++n) {
        roster_.insert(NodeId{n});
        nodes_.emplace(NodeId{n}, std::make_unique<Node>(*this, NodeId{n}));
    }
    listen();
}

World::~World() = default;

void World::start(NodeId node, Memory memory, bool clock_set_back) {
    if (!up(node)) nodes_.at(node)->start(memory, clock_set_back);
}
void World::crash(NodeId node) {
    if (!up(node)) return;
    nodes_.at(node)->stop();
    if (!network_.rng().chance(weather.guarded)) return;
    ++hits.last_words;
    transmit(member(node), {std::nullopt, totem::Ring::last_words()});
}
void World::crash_while_sending(NodeId node, bool so) {
    if (up(node)) nodes_.at(node)->tear(so);
}
void World::leave(NodeId node) {
    if (up(node) && !nodes_.at(node)->paused()) nodes_.at(node)->leave();
}
void World::pause(NodeId node, Duration how_long) {
    if (up(node)) nodes_.at(node)->pause(how_long);
}
void World::stall(NodeId node, Duration how_long) {
    if (up(node)) nodes_.at(node)->stall(how_long);
}
void World::slow_down(NodeId node, Duration handler) {
    nodes_.at(node)->slow_down(handler);
}
void World::drift(NodeId node, std::int64_t ppm) {
    nodes_.at(node)->drift(ppm);
}
void World::put_back(NodeId node, Instant to, bool with_disk, bool with_clock) {
    if (up(node) || member(node).incarnation.value == 0) return;
    ++hits.put_back;
    nodes_.at(node)->put_back(to, with_disk, with_clock);
}
Instant World::clock(NodeId node) const {
    return nodes_.at(node)->clock();
}
bool World::was_put_back(NodeId node) const {
    return up(node) && nodes_.at(node)->was_put_back();
}
void World::disk(NodeId node, const DiskTrouble& trouble) {
    nodes_.at(node)->disk().trouble = trouble;
}

totem::Submit World::submit(NodeId node, base::Bytes payload, totem::Guarantee guarantee) {
    Node& n = *nodes_.at(node);
    if (!n.up() || n.paused()) return totem::Submit::queue_full;
    // Told before: a ring of one delivers at once.
    const bool fits = n.ring().status().queued_bytes + payload.size() <= base_config_.max_queued;
    if (fits) observer_.submitted(n.member(), payload, guarantee);
    const totem::Submit result = n.submit(std::move(payload), guarantee);
    ASSERT(fits == (result == totem::Submit::accepted));
    return result;
}

void World::resize_receive_buffer(NodeId node, std::size_t bytes) {
    nodes_.at(node)->resize(bytes);
}

void World::inject(const Member& from, NodeId to, base::Bytes bytes) {
    nodes_.at(to)->arrive(from, std::make_shared<const base::Bytes>(std::move(bytes)));
}

void World::hint(NodeId node, NodeId about, totem::Hint hint) {
    nodes_.at(node)->hint(about, hint);
}

// What the monitors of links do, as far as a ring sees it: a heartbeat from each to each every quarter of a
// token timeout, and three in a row that do not come are silence.
void World::listen() {
    const Duration interval = base_config_.token_timeout / 4;
    for (const NodeId node : roster_) {
        for (const NodeId about : roster_) {
            if (weather.watched && node != about) listen(node, about);
        }
    }
    at(now_ + interval, [this] { listen(); });
}

void World::listen(NodeId node, NodeId about) {
    const std::pair pair{node, about};
    Instant& heard_at = heard_at_.try_emplace(pair, Instant::never()).first->second;
    if (!up(node)) {
        heard_at = Instant::never();
        silent_.erase(pair);
        return;
    }
    const bool hears = up(about) && !nodes_.at(about)->paused() && !network_.is_cut(about, node) &&
                       !link_rng_.chance(weather.loss);
    if (hears || nodes_.at(node)->paused()) {  // who is paused accuses nobody
        if (hears) heard_at = now_;
        if (!hears && heard_at != Instant::never()) heard_at = now_;
        if (silent_.erase(pair) != 0) hint(node, about, totem::Hint::heard);
        if (!link_rng_.chance(weather.hushed)) return;
        ++hits.false_silences;
        return hint(node, about, totem::Hint::silent);
    }
    if (heard_at == Instant::never() || now_ - heard_at < base_config_.token_timeout / 4 * 3) return;
    if (!silent_.insert(pair).second) return;
    ++hits.silences;
    hint(node, about, totem::Hint::silent);
}

bool World::up(NodeId node) const {
    return nodes_.at(node)->up();
}
Member World::member(NodeId node) const {
    return nodes_.at(node)->member();
}
totem::RingStatus World::status(NodeId node) const {
    return nodes_.at(node)->ring().status();
}

const std::deque<totem::MembershipChange>& World::changes(NodeId node) const {
    return nodes_.at(node)->ring().changes();
}

std::vector<NodeId> World::running() const {
    std::vector<NodeId> ids;
    for (const auto& [id, node] : nodes_) {
        if (node->up()) ids.push_back(id);
    }
    return ids;
}

bool World::united() const {
    std::vector<Member> members;
    for (const NodeId id : running()) members.push_back(member(id));
    totem::View first;
    for (const NodeId id : running()) {
        const totem::RingStatus s = status(id);
        if (s.phase != "operational" || s.view.members != members) return false;
        if (first.members.empty()) first = s.view;
        if (s.view.ring != first.ring) return false;
    }
    return true;
}

void World::transmit(const Member& from, const totem::Datagram& datagram) {
    observer_.sent(from, datagram);
    const auto bytes = std::make_shared<const base::Bytes>(datagram.bytes);
    if (datagram.to) {
        carry(from, *datagram.to, bytes);
        return;
    }
    for (const NodeId to : roster_) {
        if (to != from.node) carry(from, to, bytes);
    }
}

void World::transmit_torn(const Member& from, const totem::Datagram& datagram) {
    observer_.sent(from, datagram);
    const auto bytes = std::make_shared<const base::Bytes>(datagram.bytes);
    for (const NodeId to : roster_) {
        if (to == from.node || (datagram.to && *datagram.to != to)) continue;
        if (network_.rng().chance(500)) {
            carry(from, to, bytes);
        } else {
            ++hits.torn;
        }
    }
}

void World::carry(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes) {
    const bool arrives = !network_.is_cut(from.node, to);
    const int count = copies && arrives ? copies(from.node, to, *bytes) : 1;
    for (const Duration delay : network_.carry(from.node, to, weather, count))
        at(now_ + delay, [this, from, to, bytes] { reach(from, to, bytes); });
}

void World::reach(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes) {
    const bool refused = !up(to) && network_.rng().chance(weather.refused);
    const bool rumour = up(to) && network_.rng().chance(weather.rumour);
    if (refused || rumour) {
        ++(refused ? hits.refused : hits.rumours);
        at(now_ + weather.delay, [this, from, to] { hint(from.node, to); });
    }
    nodes_.at(to)->arrive(from, bytes);
}

void World::at(Instant when, std::function<void()> action) {
    happenings_.push({when, order_++, std::move(action)});
}

void World::step() {
    // The queue's top is const; the action is moved out before the entry goes.
    auto& next = const_cast<Happening&>(happenings_.top());
    ASSERT(next.at >= now_);
    steps_at_once_ = next.at == now_ ? steps_at_once_ + 1 : 1;
    most_steps_at_once = std::max(most_steps_at_once, steps_at_once_);
    now_ = next.at;
    const std::function<void()> action = std::move(next.action);
    happenings_.pop();
    ++steps;
    action();
}

void World::run_until(Instant when) {
    while (!livelocked() && !happenings_.empty() && happenings_.top().at <= when) step();
    if (!livelocked()) now_ = std::max(now_, when);
}

bool World::run_until(const std::function<bool()>& condition, Instant limit) {
    while (!condition()) {
        if (livelocked()) return false;
        if (happenings_.empty() || happenings_.top().at > limit) {
            now_ = std::max(now_, limit);
            return false;
        }
        step();
    }
    return true;
}

}  // namespace sim

#include "tests/sim/ring/world.hpp"

#include <utility>

#include "totem/base/check.hpp"

namespace sim {

Hits& Hits::operator+=(const Hits& o) {
    lost += o.lost;
    torn += o.torn;
    duplicated += o.duplicated;
    slowed += o.slowed;
    cut += o.cut;
    stale_disk += o.stale_disk;
    refused += o.refused;
    rumours += o.rumours;
    last_words += o.last_words;
    silences += o.silences;
    false_silences += o.false_silences;
    return *this;
}

// One node: its disk lives as long as the world, its processes come and go.
class World::Node final : public base::Tracer {
  public:
    Node(World& world, NodeId id) : world_(world) { member_.node = id; }

    void start(bool with_disk) {
        if (!with_disk) {
            epoch_ = 0;
            ++world_.hits.stale_disk;
        }
        // Larger than that of the former process, and never the same in two seeds.
        member_.incarnation.value += 1 + world_.node_rng_.below(1000);
        totem::RingConfig config = world_.base_config_;
        config.self = member_;
        config.roster = world_.roster_;
        if (world_.features) config.features = world_.features(member_);
        world_.observer_.started(member_);
        paused_ = false;
        ring_ = std::make_unique<totem::Ring>(std::move(config), epoch_, world_.node_rng_.split(), *this,
                                              world_.now_);
        flush();
    }

    void stop() {
        ring_.reset();
        socket_.clear();
        tearing_ = false;
        world_.observer_.ended(member_);
    }

    void tear(bool so) { tearing_ = so; }

    void leave() {
        ring_->leave(world_.now_);
        flush();
        stop();
    }

    void pause(Duration how_long) {
        if (paused_) return;
        paused_ = true;
        world_.at(world_.now_ + how_long, [this, process = member_] {
            if (!ring_ || process != member_) return;
            paused_ = false;
            // Whichever of its sources the event loop sees first: the timer or the sockets.
            if (world_.node_rng_.chance(500)) ring_->advance(world_.now_);
            drain_socket();
        });
    }

    void arrive(const Member& from, std::shared_ptr<const base::Bytes> bytes) {
        if (!ring_) return;
        socket_.emplace_back(from, std::move(bytes));
        if (paused_ || socket_.size() > 1) return;  // somebody will read
        if (!world_.node_rng_.chance(world_.weather.lazy)) return drain_socket();
        const Duration later{static_cast<std::int64_t>(
            world_.node_rng_.below(static_cast<std::uint64_t>(world_.weather.lazy_by.ns)))};
        world_.at(world_.now_ + later, [this, process = member_] {
            if (ring_ && process == member_ && !paused_) drain_socket();
        });
    }

    void hint(NodeId about, totem::Hint hint) {
        if (!ring_ || paused_) return;
        ring_->peer_hint(world_.now_, about, hint);
        flush();
    }

    totem::Submit submit(base::Bytes payload, totem::Guarantee guarantee) {
        const totem::Submit result = ring_->submit(world_.now_, std::move(payload), guarantee);
        flush();
        return result;
    }

    void note(base::Level level, const std::string& text) override {
        world_.observer_.noted(member_, level, text);
    }

    [[nodiscard]] bool up() const { return ring_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] const Member& member() const { return member_; }
    [[nodiscard]] const totem::Ring& ring() const { return *ring_; }

  private:
    void drain_socket() {
        if (socket_.empty()) {
            flush();
            return;
        }
        std::vector<totem::Opened> batch;
        batch.reserve(socket_.size());
        for (const auto& [from, bytes] : socket_) batch.push_back({from, *bytes});
        world_.observer_.fed(member_, ring_->status().phase, batch);
        ring_->receive(world_.now_, batch);
        socket_.clear();
        flush();
    }

    // What the daemon does after every input.
    void flush() {
        ring_->check_invariants();
        world_.observer_.looked(member_, ring_->status());
        totem::Outbox out = ring_->drain();
        if (out.persist_epoch) {
            world_.at(world_.now_ + world_.fsync, [this, process = member_, epoch = *out.persist_epoch] {
                if (!ring_ || process != member_) return;
                epoch_ = std::max(epoch_, epoch);
                ring_->epoch_persisted(epoch);
                if (!paused_) wake();
            });
        }
        for (const totem::Event& event : out.events) world_.observer_.happened(member_, event);
        if (tearing_ && out.datagrams.size() > 1) {
            for (const totem::Datagram& datagram : out.datagrams) world_.transmit_torn(member_, datagram);
            // Not here: the ring is still at work.
            world_.at(world_.now_, [this, process = member_] {
                if (ring_ && process == member_) stop();
            });
            paused_ = true;
            return;
        }
        for (const totem::Datagram& datagram : out.datagrams) world_.transmit(member_, datagram);
        arm();
    }

    void wake() {
        ring_->advance(world_.now_);
        flush();
    }

    void arm() {
        const Instant due = std::max(ring_->next_deadline(), world_.now_);
        if (due == Instant::never() || (armed_ == due && armed_for_ == member_)) return;
        armed_ = due;
        armed_for_ = member_;
        world_.at(due, [this, due, process = member_] {
            if (armed_ != due || armed_for_ != process) return;
            armed_ = Instant::never();
            if (ring_ && process == member_ && !paused_) wake();
        });
    }

    World& world_;
    Member member_;
    std::unique_ptr<totem::Ring> ring_;
    std::uint64_t epoch_{0};  // the disk
    bool paused_{false};
    bool tearing_{false};
    std::vector<std::pair<Member, std::shared_ptr<const base::Bytes>>> socket_;
    Instant armed_{Instant::never()};
    Member armed_for_;
};

World::World(std::uint64_t seed, std::uint32_t nodes, const totem::RingConfig& base_config,
             Observer& observer)
    : base_config_(base_config),
      observer_(observer),
      network_rng_(seed),
      node_rng_(seed ^ 0x6e6f6465),
      link_rng_(seed ^ 0x6c696e6b) {
    for (std::uint32_t n = 1; n <= nodes; ++n) {
        roster_.insert(NodeId{n});
        nodes_.emplace(NodeId{n}, std::make_unique<Node>(*this, NodeId{n}));
    }
    listen();
}

World::~World() = default;

void World::start(NodeId node, bool with_disk) {
    if (!up(node)) nodes_.at(node)->start(with_disk);
}
void World::crash(NodeId node) {
    if (!up(node)) return;
    nodes_.at(node)->stop();
    if (!network_rng_.chance(weather.guarded)) return;
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
    const bool hears = up(about) && !nodes_.at(about)->paused() && cuts_.count({about, node}) == 0 &&
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

void World::cut(NodeId from, NodeId to, bool is_cut) {
    if (is_cut) {
        cuts_.insert({from, to});
    } else {
        cuts_.erase({from, to});
    }
}
void World::heal() {
    cuts_.clear();
}

void World::partition(const std::vector<base::NodeSet>& groups) {
    cuts_.clear();
    for (const base::NodeSet& group : groups) {
        for (const NodeId inside : group) {
            for (const NodeId other : roster_) {
                if (!group.contains(other)) cuts_.insert({inside, other});
            }
        }
    }
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
        if (network_rng_.chance(500)) {
            carry(from, to, bytes);
        } else {
            ++hits.torn;
        }
    }
}

void World::carry(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes) {
    if (cuts_.count({from.node, to}) != 0) {
        ++hits.cut;
        return;
    }
    int count = copies ? copies(from.node, to, *bytes) : 1;
    if (network_rng_.chance(weather.loss)) {
        ++hits.lost;
        return;
    }
    if (network_rng_.chance(weather.duplicate)) {
        ++count;
        ++hits.duplicated;
    }
    for (; count > 0; --count) {
        Duration delay = weather.delay;
        if (weather.jitter.ns > 0)
            delay.ns +=
                static_cast<std::int64_t>(network_rng_.below(static_cast<std::uint64_t>(weather.jitter.ns)));
        if (network_rng_.chance(weather.slow)) {
            delay.ns +=
                static_cast<std::int64_t>(network_rng_.below(static_cast<std::uint64_t>(weather.slow_by.ns)));
            ++hits.slowed;
        }
        at(now_ + delay, [this, from, to, bytes] { reach(from, to, bytes); });
    }
}

void World::reach(const Member& from, NodeId to, const std::shared_ptr<const base::Bytes>& bytes) {
    const bool refused = !up(to) && network_rng_.chance(weather.refused);
    const bool rumour = up(to) && network_rng_.chance(weather.rumour);
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

#include "tests/sim/lease/rings.hpp"

#include <algorithm>
#include <utility>

namespace sim {

void Rings::join(const totem::Member& self, Thread& thread, RingUser& user) {
    Node node;
    node.self = self;
    node.thread = &thread;
    node.user = &user;
    node.since = world_.now();
    nodes_[self.node] = std::move(node);
}

void Rings::gone(base::NodeId node) {
    nodes_.erase(node);
}

bool Rings::reach(base::NodeId a, base::NodeId b) const {
    const bool shun = a != b && (a == shunned_ || b == shunned_);
    return !shun && world_.passes(a, b) && world_.passes(b, a);
}

// All members are in it, run, and hear each other.
bool Rings::healthy(const Ring& ring) const {
    for (const totem::Member& m : ring.members) {
        const auto at = nodes_.find(m.node);
        if (at == nodes_.end() || at->second.self != m || at->second.ring.get() != &ring ||
            at->second.phase != Phase::operational || !world_.running(*at->second.thread))
            return false;
        for (const totem::Member& other : ring.members) {
            if (!reach(m.node, other.node)) return false;
        }
    }
    return true;
}

std::vector<Rings::Ring*> Rings::rings() const {
    std::vector<Ring*> out;
    for (const auto& [id, node] : nodes_) {
        const bool known = std::find(out.begin(), out.end(), node.ring.get()) != out.end();
        if (node.phase == Phase::operational && !known) out.push_back(node.ring.get());
    }
    return out;
}

void Rings::gather(Node& node) {
    if (node.phase == Phase::gather) return;
    node.phase = Phase::gather;
    node.since = world_.now();
    node.attempt.reset();
}

// Token loss, at each member when it notices.
void Rings::watch(Ring& ring) {
    const bool whim = world_.rng.chance(moods_.whims_per_mille);
    if (healthy(ring) && !whim) {
        ring.bad_since = Instant::never();
        ring.token = ring.members[world_.rng.below(ring.members.size())].node;
        return;
    }
    if (ring.bad_since == Instant::never()) {
        ring.bad_since = world_.now();
        const bool dead = std::any_of(ring.members.begin(), ring.members.end(), [&](const totem::Member& m) {
            const auto at = nodes_.find(m.node);
            return at == nodes_.end() || at->second.self != m || at->second.phase != Phase::operational ||
                   at->second.ring.get() != &ring;
        });
        const bool word = dead && world_.rng.chance(moods_.words_per_mille);
        ring.patience =
            word ? world_.upto(base::milliseconds(50)) : moods_.token * 4 / 5 + world_.upto(moods_.token / 5);
    }
    if (!whim && world_.now() - ring.bad_since < ring.patience) return;
    for (auto& [id, node] : nodes_) {
        if (node.ring.get() != &ring || node.phase != Phase::operational || holds_on(id, node)) continue;
        world_.post(*node.thread, world_.upto(base::milliseconds(50)), [this, id = id, ring = node.ring] {
            Node& me = nodes_.at(id);
            if (me.ring == ring && me.phase == Phase::operational) gather(me);
        });
    }
}

void Rings::suspect() {
    for (Ring* const ring : rings()) {
        watch(*ring);
        ring->patience = world_.upto(base::milliseconds(20));
    }
}

void Rings::tick() {
    for (Ring* const ring : rings()) watch(*ring);
    for (auto& [id, node] : nodes_) {
        if (node.phase == Phase::operational && node.seen < node.ring->log.size()) {  // what is stable by now
            if (healthy(*node.ring)) spread(node.ring->token, node.ring);
            world_.post(*node.thread, world_.upto(base::milliseconds(10)), [this, id = id] {
                Node& me = nodes_.at(id);
                if (me.phase == Phase::operational) deliver(me);
            });
        }
        if (node.phase != Phase::commit || world_.now() - node.since < moods_.consensus) continue;
        world_.post(*node.thread, {}, [this, id = id, attempt = node.attempt] {
            Node& me = nodes_.at(id);
            if (me.phase == Phase::commit && me.attempt == attempt) gather(me);
        });
    }
    form();
}

// Who could be one ring: a set in which all hear each other, begun from a node at random. A healthy ring is
// only left for a larger one that has all of its members.
std::vector<base::NodeId> Rings::choose() {
    std::vector<base::NodeId> able;
    for (const auto& [id, node] : nodes_) {
        const bool there = id != shunned_ && !holds_on(id, node) && world_.running(*node.thread);
        if (there && node.phase != Phase::commit) able.push_back(id);
    }
    if (able.empty()) return {};
    std::rotate(able.begin(), able.begin() + static_cast<std::ptrdiff_t>(world_.rng.below(able.size())),
                able.end());
    const bool strange = world_.rng.chance(moods_.whims_per_mille);
    std::vector<base::NodeId> chosen;
    for (const base::NodeId id : able) {
        const bool fits =
            std::all_of(chosen.begin(), chosen.end(), [&](base::NodeId c) { return reach(id, c); });
        if (fits && !(strange && world_.rng.chance(300))) chosen.push_back(id);
    }
    const bool settled = std::all_of(chosen.begin(), chosen.end(), [&](base::NodeId id) {
        const Node& node = nodes_.at(id);
        return node.phase == Phase::operational || world_.now() - node.since > moods_.consensus / 3;
    });
    if (!settled && !strange) return {};
    const auto in = [&](base::NodeId id) {
        return std::find(chosen.begin(), chosen.end(), id) != chosen.end();
    };
    for (Ring* const ring : rings()) {
        if (strange) break;
        const bool whole = std::all_of(ring->members.begin(), ring->members.end(),
                                       [&](const totem::Member& m) { return in(m.node); });
        const bool touched = std::any_of(chosen.begin(), chosen.end(), [&](base::NodeId id) {
            const Node& node = nodes_.at(id);
            return node.phase == Phase::operational && node.ring.get() == ring;
        });
        if (!touched || (whole && chosen.size() > ring->members.size())) continue;
        if (whole || !healthy(*ring)) return {};  // as it should be, or about to break by itself
        std::erase_if(chosen, [&](base::NodeId id) { return nodes_.at(id).ring.get() == ring; });
    }
    return chosen;
}

void Rings::form() {
    std::vector<base::NodeId> chosen = choose();
    if (chosen.empty()) return;
    bool ready = true;
    for (const base::NodeId id : chosen) {
        Node& node = nodes_.at(id);
        if (node.phase != Phase::operational) continue;
        ready = false;
        world_.post(*node.thread, world_.upto(base::milliseconds(20)), [this, id, ring = node.ring] {
            Node& me = nodes_.at(id);
            if (me.ring == ring) gather(me);
        });
    }
    if (ready) attempt(chosen);
}

void Rings::attempt(const std::vector<base::NodeId>& members) {
    const auto attempt = std::make_shared<Attempt>();
    attempt->begun = world_.now();
    std::vector<base::NodeId> sorted = members;
    std::sort(sorted.begin(), sorted.end());
    for (const base::NodeId id : sorted) {
        attempt->members.push_back(nodes_.at(id).self);
        attempt->id.seq = std::max(attempt->id.seq, highest_[id] + 1);
    }
    attempt->id = totem::ring_of(attempt->id.seq, attempt->members);
    for (const base::NodeId id : sorted) {
        Node& node = nodes_.at(id);
        node.since = world_.now();  // not chosen anew meanwhile
        world_.post(*node.thread, world_.upto(base::milliseconds(30)),
                    [this, id, attempt] { commit(nodes_.at(id), attempt); });
    }
}

void Rings::commit(Node& node, const std::shared_ptr<Attempt>& attempt) {
    const base::NodeId id = node.self.node;
    if (node.phase != Phase::gather || highest_[id] >= attempt->id.seq) return;
    highest_[id] = attempt->id.seq;
    node.phase = Phase::commit;
    node.attempt = attempt;
    node.since = world_.now();
    attempt->committed.insert(id);
    if (attempt->committed.size() == attempt->members.size()) complete(attempt);
}

// The second pass of the commit token: everybody's old log is frozen, so that it is known how far each group
// of movers gets.
void Rings::complete(const std::shared_ptr<Attempt>& attempt) {
    for (const totem::Member& m : attempt->members) {
        const auto at = nodes_.find(m.node);
        if (at == nodes_.end() || at->second.self != m || at->second.attempt != attempt) return;
    }
    attempt->ring = std::make_shared<Ring>();
    attempt->ring->id = attempt->id;
    attempt->ring->members = attempt->members;
    for (const totem::Member& m : attempt->members) {
        Node& node = nodes_.at(m.node);
        if (node.ring) {
            std::size_t& target = attempt->targets[node.ring.get()];
            target = std::max(target, node.ring->received[m.node]);
        }
        if (world_.rng.chance(moods_.failures_per_mille)) continue;
        world_.post(*node.thread, world_.upto(base::milliseconds(30)),
                    [this, id = m.node, attempt] { install(nodes_.at(id), attempt); });
    }
}

void Rings::install(Node& node, const std::shared_ptr<Attempt>& attempt) {
    if (node.phase != Phase::commit || node.attempt != attempt) return;
    if (node.ring) deliver_rest(node, attempt->targets[node.ring.get()]);
    node.phase = Phase::operational;
    node.ring = attempt->ring;
    node.seen = 0;
    node.attempt.reset();
    ++views_;
    node.user->installed(attempt->id, attempt->members);
    pump(node);
}

bool Rings::Ring::stable(std::size_t index) const {
    return std::all_of(members.begin(), members.end(), [&](const totem::Member& m) {
        const auto at = received.find(m.node);
        return at != received.end() && at->second > index;
    });
}

void Rings::deliver(Node& node) {
    const std::shared_ptr<Ring> ring = node.ring;
    while (node.seen < ring->received[node.self.node]) {
        const Message message = ring->log[node.seen];
        if (message.safe && !ring->stable(node.seen)) return;
        ++node.seen;
        node.user->delivered(ring->id, message.sender, message.payload, false);
    }
}

// Of the old ring, on the way to the next one.
void Rings::deliver_rest(Node& node, std::size_t upto) {
    const std::shared_ptr<Ring> ring = node.ring;
    bool transitional = false;
    while (node.seen < upto) {
        const Message message = ring->log[node.seen];
        transitional = transitional || (message.safe && !ring->stable(node.seen));
        ++node.seen;
        node.user->delivered(ring->id, message.sender, message.payload, transitional);
    }
}

void Rings::submit(base::NodeId sender, Payload payload, bool safe) {
    const auto at = nodes_.find(sender);
    if (at == nodes_.end()) return;
    at->second.waiting.push_back({at->second.self, std::move(payload), safe});
    world_.post(*at->second.thread, world_.upto(base::milliseconds(15)),
                [this, sender] { pump(nodes_.at(sender)); });
}

// The token is here: what waits is sequenced.
void Rings::pump(Node& node) {
    if (node.waiting.empty() || node.phase != Phase::operational) return;
    const base::NodeId id = node.self.node;
    if (!healthy(*node.ring) && node.ring->token != id) {
        world_.post(*node.thread, base::milliseconds(20), [this, id] { pump(nodes_.at(id)); });
        return;
    }
    for (Message& message : node.waiting) node.ring->log.push_back(std::move(message));
    node.waiting.clear();
    node.ring->received[id] = node.ring->log.size();
    spread(id, node.ring);
    deliver(node);
}

void Rings::spread(base::NodeId from, const std::shared_ptr<Ring>& ring) {
    for (const totem::Member& m : ring->members) {
        const auto at = nodes_.find(m.node);
        if (m.node == from || at == nodes_.end() || at->second.self != m || !reach(from, m.node)) continue;
        world_.post(*at->second.thread, world_.upto(base::milliseconds(10)),
                    [this, id = m.node, ring, upto = ring->log.size()] {
                        Node& me = nodes_.at(id);
                        if (me.ring != ring || me.phase != Phase::operational) return;
                        ring->received[id] = std::max(ring->received[id], upto);
                        deliver(me);
                    });
    }
}

void Rings::keep_token(base::NodeId node) {
    keeper_ = node;
    const auto at = nodes_.find(node);
    if (at != nodes_.end() && at->second.ring) at->second.ring->token = node;
}

bool Rings::holds_on(base::NodeId id, const Node& node) const {
    return id == keeper_ && world_.now() < node.thread->stopped_until + moods_.token / 2;
}

}  // namespace sim

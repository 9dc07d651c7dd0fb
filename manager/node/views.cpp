#include <algorithm>
#include <tuple>

#include "manager/node/impl.hpp"

namespace manager {

namespace {

// Whose state the members of a view follow: the highest adopted epoch, then the longest configuration, then
// one that was synchronised before, then the longest membership, then the lowest id (safety.md section 5).
bool better(base::NodeId a_id, const Hello& a, base::NodeId b_id, const Hello& b) {
    const auto since = [](const Hello& h) {
        return h.member_since == 0 ? ~std::uint64_t{0} : h.member_since;
    };
    return std::make_tuple(a.head.epoch, a.head.index, a.live, ~since(a), ~a_id.value) >
           std::make_tuple(b.head.epoch, b.head.index, b.live, ~since(b), ~b_id.value);
}

}  // namespace

bool Node::Impl::is_member(const Sender& sender) const {
    return std::any_of(view.members.begin(), view.members.end(), [&](const totem::Member& m) {
        return m.node == sender.node && m.incarnation == sender.incarnation;
    });
}

void Node::Impl::start_view(const totem::Regular& event) {
    view = event.view;
    cause = event.cause;
    transitional = false;
    phase = Phase::hellos;
    hellos.clear();
    waiting.clear();
    on_disk.clear();
    voters.clear();
    adopted = plan_sent = leaving_sent = false;
    Hello hello;
    hello.ring = view.ring;
    hello.name = options.roster[options.self.node];
    hello.head = state.head;
    hello.voter = voter;
    hello.live = live;
    hello.seen_all = seen_all;
    const auto self = state.status.nodes.find(options.self.node);
    if (self != state.status.nodes.end() && live) hello.member_since = self->second.member_since;
    hello.state = digest(state);
    executor.inventory(hello);
    note(base::Level::info, "view " + to_string(view.ring) + " of " + to_string(view.nodes()) + ": " + cause);
    send(hello);
}

void Node::Impl::take_hello(const Sender& sender, const Hello& hello) {
    if (phase != Phase::hellos || hello.ring != view.ring || !is_member(sender)) return;
    hellos[sender.node] = hello;
    if (hellos.size() < view.members.size()) return;
    auto best = hellos.begin();
    for (auto next = hellos.begin(); next != hellos.end(); ++next) {
        if (better(next->first, next->second, best->first, best->second)) best = next;
    }
    authority = best->first;
    const bool equal = std::all_of(hellos.begin(), hellos.end(),
                                   [&](const auto& h) { return h.second.state == best->second.state; });
    if (equal) {
        synchronise();
        return;
    }
    phase = Phase::snapshot;
    if (authority == options.self.node) send(Snapshot{view.ring, encode(state)});
}

void Node::Impl::set_state(State next) {
    if (!descends_from(next, state.head)) {
        const std::string name = "lost-" + std::to_string(state.head.epoch) + "-" +
                                 std::to_string(state.head.index) + "-" + short_text(state.head.hash);
        lost_state = "configuration version " + std::to_string(state.head.index) +
                     " of this node lost a merge: other nodes had gone on without it; it is kept in the "
                     "state directory as " +
                     name;
        note(base::Level::warning, lost_state);
        out.archives.push_back({name, encode_durable(state)});
    }
    state = std::move(next);
}

void Node::Impl::take_snapshot(const Sender& sender, const Snapshot& snapshot) {
    if (phase != Phase::snapshot || snapshot.ring != view.ring || sender.node != authority ||
        !is_member(sender))
        return;
    base::Result<State> next = decode_state(snapshot.state);
    if (!next) {
        // A state of a newer version, or a bug of the sender: this node stays unsynchronised and says so.
        note(base::Level::warning,
             "the snapshot of node " + to_string(sender.node) + " cannot be read: " + next.error().message);
        return;
    }
    if (hellos[options.self.node].state != hellos[authority].state) set_state(*std::move(next));
    synchronise();
}

// two_node lets one of two go on alone, but only where both were seen together since the start: after a
// common outage the first to come back waits for the other (Corosync's wait_for_all).
membership::QuorumState Node::Impl::vote(const base::NodeSet& nodes) const {
    membership::QuorumRules rules = options.rules;
    const bool together = seen_all || std::any_of(hellos.begin(), hellos.end(),
                                                  [](const auto& h) { return h.second.seen_all; });
    if (!together) rules.two_node = false;
    return membership::evaluate(rules, nodes);
}

// The ring's own sequence number: it grows at every node, and any two majorities share a node, so that no two
// majority views have the same one and the later has the larger. (A number of our own, highest seen plus one,
// is not enough: a view that broke up while it adopted leaves it with some members only, and the next view
// would use it again.)
std::uint64_t Node::Impl::epoch() const {
    ASSERT(std::all_of(hellos.begin(), hellos.end(),
                       [this](const auto& h) { return h.second.head.epoch < view.ring.seq; }));
    return view.ring.seq;
}

void Node::Impl::synchronise() {
    // Nodes without a head on disk have no vote: they may have been members and have lost it. Only when every
    // configured node is here is there nobody left who could know more.
    const bool all_here = hellos.size() == options.roster.size();
    for (const auto& [node, hello] : hellos) {
        if (hello.voter || all_here) voters.insert(node);
    }
    seen_all = seen_all || all_here;
    const membership::QuorumState quorum = vote(voters);
    SyncedView synced;
    for (const totem::Member& m : view.members) synced.members.push_back({m.node, m.incarnation});
    synced.hellos = hellos;
    synced.roster = options.roster;
    synced.ring = view.ring;
    synced.quorate = quorum.quorate;
    synced.adopt_epoch = quorum.majority ? epoch() : 0;
    synced.cause = cause;
    install_view(state, synced);
    adopted = quorum.majority;
    phase = Phase::done;
    live = true;
    dirty = true;
    note(base::Level::info, "synchronised: " + quorum.reason +
                                (quorum.quorate ? ", quorate" : ", not quorate") + ", configuration " +
                                std::to_string(state.configuration.version));
    executor.delivered(state);
    if (!write_head() && writing.empty()) send(Persisted{last_on_disk});
    std::vector<Waiting> held = std::move(waiting);
    waiting.clear();
    for (const Waiting& w : held) apply(w.sender, w.message);
    send_pending();
}

bool Node::Impl::write_head() {
    if (state.head == last_written) return false;
    last_written = state.head;
    const std::uint64_t token = next_token++;
    writing[token] = state.head;
    out.writes.push_back({token, encode_durable(state)});
    return true;
}

void Node::Impl::disk_done(std::uint64_t token) {
    const auto head = writing.find(token);
    if (head == writing.end()) return;
    if (head->second.epoch > 0) voter = true;
    last_on_disk = head->second;
    writing.erase(head);
    send(Persisted{last_on_disk});
}

void Node::Impl::take_persisted(const Sender& sender, const Head& head) {
    if (!is_member(sender)) return;
    Head& known = on_disk[sender.node];
    known = std::max(known, head);
    if (head.epoch == 0 || !voters.insert(sender.node)) return;
    const membership::QuorumState quorum = vote(voters);
    if (quorum.quorate && !state.status.quorate) {
        note(base::Level::info, "node " + to_string(sender.node) + " has caught up: " + quorum.reason);
        state.status.quorate = true;
        dirty = true;
    }
    if (quorum.majority && !adopted) {
        adopted = true;
        adopt(state, epoch());
        dirty = true;
        write_head();
    }
    if (acting()) send_pending();
}

}  // namespace manager

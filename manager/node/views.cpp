#include <algorithm>
#include <tuple>
#include <utility>

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
    greeted.clear();
    clearing.reset();
    word_sent.reset();
    if (!may_lease(view.nodes())) declared.reset();
    adopted = plan_sent = leaving_sent = count_sent = false;
    change_ready.reset();
    for (const std::uint64_t client : std::exchange(cancelling, {})) {
        answer_error(client,
                     "the members changed before all had heard it; look at the quorum, and ask again");
    }
    break_off_key_clients();
    Hello hello;
    hello.ring = view.ring;
    hello.name = options.roster[options.self.node];
    hello.head = state.head;
    hello.live = live;
    hello.quorum = quorum.hello();
    hello.quorum.list = state.nodes.counted ? state.nodes.version : 0;
    const auto self = state.status.nodes.find(options.self.node);
    if (self != state.status.nodes.end() && live) hello.member_since = self->second.member_since;
    hello.state = digest(state);
    executor.inventory(hello);
    hello.promises = promises.at(at.now);
    hello.obeys = guard_obeys && enforced();
    hello.took = took;
    note(base::Level::info, "view " + to_string(view.ring) + " of " + to_string(view.nodes()) + ": " + cause);
    send(hello);
}

void Node::Impl::take_hello(const Sender& sender, const Hello& hello) {
    if (phase != Phase::hellos || hello.ring != view.ring || !is_member(sender)) return;
    hellos[sender.node] = hello;
    greeted[sender.node] = at.now;
    if (hellos.size() < view.members.size()) return;
    if (refusing || is_odd()) return refuse();
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

std::map<base::NodeId, membership::QuorumHello> Node::Impl::quorum_hellos() const {
    std::map<base::NodeId, membership::QuorumHello> all;
    for (const auto& [node, hello] : hellos) all[node] = hello.quorum;
    return all;
}

bool Node::Impl::is_odd() const {
    return membership::check_rules(quorum_hellos()).odd.contains(options.self.node);
}

// By its own rules it might have quorum alone, also after a restart. Without a vote on its disk it has none
// until it has caught up with members that it agrees with.
void Node::Impl::refuse() {
    refusing = true;
    quorum_memory.voter = false;
    if (!write_journal() && writing.empty()) end_refused();
}

void Node::Impl::end_refused() {
    std::string names;
    for (const auto& [node, hello] : hellos) {
        if (node != options.self.node) names += (names.empty() ? "" : ", ") + hello.name;
    }
    out.leave = true;
    out.refused =
        "the node file of this node has other nodes, votes or quorum options than the members go by, who "
        "have "
        "quorum (" +
        names +
        "): this node ends, so that there are not two quorums. Compare nodelist and quorum in its node file "
        "with a member's, correct it, and start custosd";
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
    membership::NodeList nodes = std::move(state.nodes);
    state = std::move(next);
    const bool same_for_all = state.nodes.counted || state.next_nodes;
    if (!same_for_all) state.nodes = options.nodes;
    // What counts somewhere counts, whoever has not heard of it. Where it is under way still, it counts once
    // more, for all members alike.
    const bool under_way = state.next_nodes && state.next_nodes->version >= nodes.version;
    if (nodes.counted && nodes.version > state.nodes.version && !under_way) {
        state.nodes = std::move(nodes);
        state.next_nodes.reset();
    }
    use_nodes();
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
    quorum.view_installed(at.now, view.ring, quorum_hellos());
    SyncedView synced;
    for (const totem::Member& m : view.members) synced.members.push_back({m.node, m.incarnation});
    synced.hellos = hellos;
    synced.roster = options.roster;
    synced.ring = view.ring;
    synced.quorate = quorum.quorate();
    synced.adopt_epoch = quorum.majority() ? epoch() : 0;
    synced.cause = cause;
    install_view(state, synced);
    begin_clearing();
    adopted = quorum.majority();
    phase = Phase::done;
    live = true;
    dirty = true;
    note(base::Level::info, "synchronised: configuration " + std::to_string(state.configuration.version) +
                                (quorum.quorate() ? ", quorate" : ", not quorate"));
    executor.delivered(state);
    carry_out_quorum();
    key_view();
    if (!write_journal() && writing.empty()) send(Persisted{last_on_disk});
    std::vector<Waiting> held = std::move(waiting);
    waiting.clear();
    for (const Waiting& w : held) apply(w.sender, w.message);
    send_pending();
}

// What a node remembers of quorum is never newer on its disk than the state beside it: a vote is one's own
// only together with what was caught up with.
bool Node::Impl::write_journal() {
    const Record record{state.head, quorum_memory};
    if (record == last_written) return false;
    last_written = record;
    const std::uint64_t token = next_token++;
    writing[token] = record;
    out.writes.push_back({token, encode_journal(state, quorum_memory)});
    return true;
}

void Node::Impl::disk_done(std::uint64_t token) {
    const auto record = writing.find(token);
    if (record == writing.end()) return;
    const Record on_disk_now = record->second;
    writing.erase(record);
    if (refusing && writing.empty()) return end_refused();
    last_on_disk = on_disk_now.head;
    send(Persisted{last_on_disk});
    quorum.persisted(at.now, on_disk_now.quorum);
    follow_quorum();
}

void Node::Impl::take_persisted(const Sender& sender, const Head& head) {
    if (!is_member(sender)) return;
    Head& known = on_disk[sender.node];
    known = std::max(known, head);
}

// --- quorum

void Node::Impl::take_fact(const Sender& sender, const QuorumFact& fact) {
    if (!is_member(sender)) return;
    switch (fact.kind) {
        case QuorumFact::Kind::roster_proposed:
            quorum.roster_proposed(at.now, fact.ring);
            break;
        case QuorumFact::Kind::persisted:
            quorum.member_persisted(at.now, fact.ring, sender.node, fact.stamp);
            break;
        case QuorumFact::Kind::wait_for_all_cancelled:
            quorum.cancel_wait_for_all(at.now, fact.ring);
            break;
    }
    follow_quorum();
    const bool own = sender.node == options.self.node && fact.ring == view.ring;
    if (own && fact.kind == QuorumFact::Kind::wait_for_all_cancelled) wait_for_all_cancelled();
}

void Node::Impl::cancel_wait_for_all(std::uint64_t client) {
    if (!rules.wait_for_all) {
        answer_error(client, "this cluster waits for nobody: wait_for_all is not set in the node file");
        return;
    }
    if (view.members.empty()) {
        answer_error(client, "this node is in no ring yet");
        return;
    }
    cancelling.push_back(client);
    send(QuorumFact{view.ring, QuorumFact::Kind::wait_for_all_cancelled, {}});
}

void Node::Impl::wait_for_all_cancelled() {
    const membership::QuorumState present = quorum.state();
    for (const std::uint64_t client : std::exchange(cancelling, {})) {
        if (present.quorate) {
            out.answers.push_back({client, base::ok(), state.configuration.version, present.reason, {}});
        } else {
            answer_error(client, "nobody is waited for any more, but there is no quorum: " + present.reason);
        }
    }
}

void Node::Impl::carry_out_quorum() {
    const membership::QuorumOutbox wants = quorum.drain();
    for (const std::string& change : wants.changes) note(base::Level::info, change);
    if (wants.propose) send(QuorumFact{wants.ring, QuorumFact::Kind::roster_proposed, {}});
    if (wants.announce) send(QuorumFact{wants.ring, QuorumFact::Kind::persisted, *wants.announce});
    if (wants.write) quorum_memory = *wants.write;
}

void Node::Impl::follow_quorum() {
    carry_out_quorum();
    if (phase != Phase::done) return;
    if (state.status.quorate != quorum.quorate()) {
        state.status.quorate = quorum.quorate();
        dirty = true;
    }
    if (quorum.majority() && !adopted) {
        adopted = true;
        adopt(state, epoch());
        dirty = true;
    }
    write_journal();
    if (keys) {
        keys->majority(quorum.majority());
        follow_keys();
    }
    if (acting()) send_pending();
}

}  // namespace manager

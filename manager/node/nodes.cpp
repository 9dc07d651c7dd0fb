// The configured nodes, and the way of a change of them: ordered, written by all members and by a majority of
// before and of after it, left alone until the last lease of before is out, and then counted, by one more
// ordered message (docs/decisions/0128 and 0129).
#include <algorithm>

#include "manager/node/impl.hpp"

namespace manager {

membership::NodeList starting_nodes(const membership::NodeList& file,
                                    const std::optional<membership::NodeList>& journal) {
    if (!journal) return file;
    if (journal->version >= file.version) return *journal;
    membership::NodeList list = file;
    membership::keep_highest(list, *journal);  // files do not say it
    return list;
}

void Node::Impl::use_nodes() {
    const membership::NodeList& target = state.next_nodes ? *state.next_nodes : state.nodes;
    rules = membership::rules_for(options.rules, target);
    former.reset();
    if (state.nodes.counted) counted_before.reset();
    if (counted_before) former = membership::rules_for(options.rules, *counted_before);
    if (state.next_nodes) former = membership::rules_for(options.rules, state.nodes);
    std::map<base::NodeId, std::string> names;
    const auto add = [&](const membership::NodeList& list) {
        for (const membership::ListedNode& node : list.nodes) {
            const auto known = options.roster.find(node.id);
            names[node.id] = !node.name.empty()              ? node.name
                             : known != options.roster.end() ? known->second
                                                             : "node" + to_string(node.id);
        }
    };
    add(state.nodes);
    add(target);
    names.try_emplace(options.self.node, options.roster[options.self.node]);
    options.roster = std::move(names);
    base::NodeSet nodes = state.nodes.ids();
    nodes.insert(target.ids());
    lease_possible =
        membership::lease_possible([this](const base::NodeSet& some) { return may_lease(some); }, nodes);
    quorum.set_rules(rules, former);
    if (phase == Phase::done) quorum.advance(at.now);
    if (keys) keys->configured(nodes);
    out.nodes_changed = true;
    if (!removed() || out.removed) return;
    note(base::Level::warning, "this node was removed from the cluster: it leaves, and stays silent");
    out.removed = out.leave = true;
}

// Whether these members are enough for it: else it would never count.
base::Status Node::Impl::check_change(const ChangeNodes& change) const {
    const membership::QuorumRules after = membership::rules_for(options.rules, change.after);
    const membership::Tally tally = membership::count(after, {}, quorum.voters());
    if (phase == Phase::done && quorum.majority() && tally.majority) return base::ok();
    if (!quorum.majority()) return base::Error{base::Errc::unavailable, no_quorum_text()};
    return base::Error{base::Errc::conflict,
                       "nothing was changed: with these nodes the members present would be no majority (" +
                           membership::describe(after, tally) +
                           "): start those that are missing first, or change fewer nodes at once"};
}

bool Node::Impl::removed() const {
    return !state.next_nodes && state.nodes.counted && state.nodes.find(options.self.node) == nullptr;
}

std::string Node::Impl::name_of(base::NodeId node) const {
    const auto known = options.roster.find(node);
    return known == options.roster.end() ? "node " + to_string(node) : known->second;
}

base::NodeSet Node::Impl::written() const {
    base::NodeSet nodes;
    for (const auto& [node, head] : on_disk) {
        if (head.epoch == state.head.epoch && head.index >= state.head.index) nodes.insert(node);
    }
    return nodes;
}

// All that the change waits for, but time. Every member finds the same at the same place of the order.
std::string Node::Impl::change_waits() const {
    if (!state.next_nodes) return "";
    if (phase != Phase::done || transitional) return "waits for the members to settle";
    std::string text;
    const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
    const auto names = [this](const base::NodeSet& nodes) {
        std::string line;
        for (const base::NodeId node : nodes) line += (line.empty() ? "" : ", ") + name_of(node);
        return line;
    };
    if (!quorum.majority()) {
        const base::NodeSet missing = state.nodes.ids().minus(view.nodes());
        return missing.empty()       ? "waits for a majority"
               : missing.size() == 1 ? "it goes on when " + names(missing) + " is back"
                                     : "it goes on when enough of these are back: " + names(missing);
    }
    // All members: from then on none of them takes a grant that is not one by both.
    const base::NodeSet unwritten = view.nodes().minus(written());
    if (!unwritten.empty()) {
        add("waits for the disk of " + names(unwritten) + " (the status there says what is wrong)");
    } else if (!quorum.enough(written())) {
        add("waits for the disks of a majority");
    }
    if (!removed_run_nothing(state)) add("waits until the node that goes runs nothing");
    if (!lease_policy().proven) return text;
    for (const auto& [id, node] : state.status.nodes) {
        if (node.clearance == Clearance::member || node.clearance == Clearance::clean || node.lease_out)
            continue;
        add(node.clearance == Clearance::joining
                ? "waits for " + node.name + ", which joins"
                : "waits for " + node.name + " (not cleared: it may run something; start it, or, if it is " +
                      "off: crm node clearstate " + node.name + ")");
    }
    return text;
}

base::Instant Node::Impl::change_deadline() const {
    const bool mine = change_ready && !count_sent && coordinator_of(state.status) == options.self.node;
    return mine ? *change_ready + options.lease_wait : base::Instant::never();
}

void Node::Impl::follow_nodes() {
    if (!change_may_count()) {
        change_ready.reset();
        return;
    }
    if (!change_ready) change_ready = at.now;
    if (at.now < change_deadline()) return;
    count_sent = true;
    // Safe: who is removed by it leaves at once, and all others have it by then.
    send(NodesFact{view.ring, state.next_nodes->version}, totem::Guarantee::safe);
}

void Node::Impl::take_nodes_fact(const Sender& sender, const NodesFact& fact) {
    // Also while the view breaks up: who is in another part by now may have it, too.
    if (!is_member(sender) || fact.ring != view.ring || !state.next_nodes ||
        state.next_nodes->version != fact.version || !removed_run_nothing(state))
        return;
    const std::string change = membership::difference(state.nodes, *state.next_nodes);
    count_nodes(state);
    change_ready.reset();
    count_sent = false;
    note(base::Level::info,
         "the nodes are those of version " + std::to_string(state.nodes.version) + " now: " + change);
    use_nodes();
    follow_quorum();
    write_journal();
    dirty = true;
}

// --- the public face

void Node::learn_nodes(Moment at, const membership::NodeList& list) {
    Impl& me = *impl_;
    const membership::NodeList& known = me.state.nodes;
    if (!list.counted || (known.counted && list.version <= known.version) || list.version < known.version)
        return;
    me.at = at;
    me.state.nodes = list;
    if (me.state.next_nodes && me.state.next_nodes->version <= list.version) me.state.next_nodes.reset();
    me.use_nodes();
    me.follow_quorum();
    me.settle();
}

std::string Node::change_waits() const {
    return impl_->change_waits();
}

membership::Leasable Node::leasable() const {
    return [rules = impl_->rules, former = impl_->former](const base::NodeSet& nodes) {
        return membership::may_lease(rules, nodes) && (!former || membership::may_lease(*former, nodes));
    };
}

}  // namespace manager

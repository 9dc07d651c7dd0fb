// The lease, as far as it is a matter of ordered messages: who outside the view is cleared by it, and whether
// this node obeys its own (docs/safety.md).
#include "manager/node/impl.hpp"

namespace manager {

using membership::Proof;

bool Node::Impl::may_lease(const base::NodeSet& nodes) const {
    return membership::may_lease(rules, nodes) && (!former || membership::may_lease(*former, nodes));
}

membership::LeasePolicy Node::Impl::lease_policy() const {
    membership::LeaseOptions wanted;
    wanted.possible = lease_possible;
    wanted.stonith_enabled = !is_false(property_value(state.configuration, "stonith-enabled"));
    wanted.quorum_ignored = property_value(state.configuration, "no-quorum-policy") == "ignore";
    const bool dynamic = rules.last_man_standing && wanted.possible;
    if (dynamic) wanted.possible = false;  // survivors that are no majority of all would have to drop
    membership::LeasePolicy policy = membership::lease_policy(wanted);
    if (dynamic && policy.proven) {
        policy.status =
            "no lease with last_man_standing: the resources of a silent node stay put until an administrator "
            "confirms that it is off";
    }
    if (options.roster.size() == 1) policy.status = "no lease: there is no other node";
    return policy;
}

bool Node::Impl::word() const {
    const auto self = state.status.nodes.find(options.self.node);
    return self != state.status.nodes.end() && self->second.obeys;
}

// Whoever has said that it obeys does so until all have heard otherwise.
bool Node::Impl::enforced() const {
    return !live || lease_policy().enforced || word();
}

void Node::Impl::begin_clearing() {
    membership::ClearingView begun;
    begun.ring = view.ring.seq;
    begun.members = view.nodes();
    for (const auto& [id, name] : options.roster) begun.roster.insert(id);
    begun.leasable = may_lease(begun.members) && quorum.majority();
    for (const auto& [id, node] : state.status.nodes) {
        if (node.obeys) begun.obeying.insert(id);
    }
    clearing.emplace(begun);
    for (const auto& [member, hello] : hellos) {
        clearing->hello(greeted[member], member, hello.promises);
        if (hello.took.contains(options.self.node)) out.give_up = true;
    }
    if (out.give_up) {
        note(base::Level::warning,
             "the others had taken this node's lease for out: what it held is dropped, and starts anew");
    }
    for (const base::NodeId member : begun.members) took.erase(member);
    said_out.clear();
    note_cleared();
}

void Node::Impl::note_cleared() {
    for (auto& [id, node] : state.status.nodes) {
        if (node.clearance != Clearance::uncleared || node.lease_out) continue;
        if (clearing->cleared(id) != Proof::lease) continue;
        node.lease_out = true;
        took.insert(id);
        dirty = true;
        note(base::Level::info, "the lease of node " + node.name + " is out: it has dropped its addresses");
    }
}

void Node::Impl::take_lease_fact(const Sender& sender, const LeaseFact& fact) {
    if (!is_member(sender) || fact.ring != view.ring) return;
    if (fact.out) {
        clearing->fact({*fact.out, Proof::lease, view.ring.seq});
        note_cleared();
        return;
    }
    const auto node = state.status.nodes.find(sender.node);
    if (node != state.status.nodes.end()) node->second.obeys = fact.obeys;
}

void Node::Impl::follow_leases() {
    const bool acts = quorum.majority() && may_lease(view.nodes());
    declared = acts ? std::optional(view.ring) : std::nullopt;
    if (acts) {
        for (const membership::ClearingFact& fact : clearing->due(at.now)) {
            if (said_out.insert(fact.node)) send(LeaseFact{view.ring, fact.node, false});
        }
    }
    const bool wanted = guard_obeys && lease_policy().enforced;
    if (wanted == word() || word_sent == wanted) return;
    word_sent = wanted;
    send(LeaseFact{view.ring, {}, wanted});
}

// --- the public face

void Node::promised(const membership::Promises& promises) {
    impl_->promises = promises;
}

void Node::guard_obeys(Moment at, bool obeys) {
    if (impl_->guard_obeys == obeys) return;
    impl_->at = at;
    impl_->guard_obeys = obeys;
    impl_->settle();
}

void Node::dropped(Moment at) {
    impl_->at = at;
    for (Executor::Orders& orders : impl_->executor.dropped(impl_->state, at.wall))
        impl_->take_orders(std::move(orders));
    impl_->settle();
}

NodeLease Node::lease() const {
    return {impl_->enforced(), impl_->declared, impl_->lease_policy()};
}

}  // namespace manager

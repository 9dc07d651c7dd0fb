#include "membership/lease/policy.hpp"

#include <algorithm>

namespace membership {

bool lease_possible(const Leasable& leasable, const base::NodeSet& roster) {
    return std::any_of(roster.begin(), roster.end(),
                       [&](base::NodeId absent) { return leasable(roster.minus({absent})); });
}

LeasePolicy lease_policy(const LeaseOptions& options) {
    if (options.quorum_ignored) {
        return {
            false, Takeover::at_once, false,
            "not proven: no-quorum-policy=ignore; no node gives up what it runs when it is cut off, and a "
            "silent node counts as stopped"};
    }
    if (!options.stonith_enabled && !options.possible) {
        return {
            false, Takeover::at_once, false,
            "not proven: stonith-enabled=false; a silent node counts as stopped, and after a cut both sides "
            "may run a resource until they meet again"};
    }
    if (!options.stonith_enabled) {
        return {
            true, Takeover::at_once, false,
            "not proven: stonith-enabled=false; a silent node counts as stopped at once, though it may hold "
            "its resources until its lease is out"};
    }
    if (!options.possible) {
        return {
            false, Takeover::on_proof, true,
            "no lease with two votes: the resources of a silent node stay put until its guard says that they "
            "are dropped, a fence device has reset it, or an administrator confirms that it is off; a third "
            "vote would let them move by themselves"};
    }
    return {true, Takeover::after_lease, true,
            "by lease: a node that is cut off gives up its resources, and they start elsewhere after that"};
}

}  // namespace membership

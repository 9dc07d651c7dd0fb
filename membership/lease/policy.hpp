// What the options make of the lease: who obeys it, when a silent node's resources move, and what status
// says.
#pragma once

#include <string>

#include "membership/lease/holder.hpp"
#include "totem/base/ids.hpp"

namespace membership {

// Whether some node can be missing and the rest still grants leases. Of two votes without a tie-breaker none
// can: a lease would stop both sides of a cut.
[[nodiscard]] bool lease_possible(const Leasable& leasable, const base::NodeSet& roster);

struct LeaseOptions {
    bool possible{false};        // lease_possible()
    bool stonith_enabled{true};  // the proof is demanded
    bool quorum_ignored{false};  // no-quorum-policy=ignore
};

enum class Takeover {
    after_lease,  // when the lease is out; a fence or another proof ends the wait early
    on_proof,     // when the node's guard said "dropped", a fence was confirmed, or an administrator did
    at_once,      // with the view
};

struct LeasePolicy {
    bool enforced{false};  // this node drops everything when its lease is out
    Takeover takeover{Takeover::on_proof};
    bool proven{true};   // that a resource runs in one place only
    std::string status;  // for the administrator: what holds, and what would help
    bool operator==(const LeasePolicy&) const = default;
};

[[nodiscard]] LeasePolicy lease_policy(const LeaseOptions& options);

}  // namespace membership

#include "membership/lease/policy.hpp"

#include <doctest/doctest.h>

using base::NodeId;
using base::NodeSet;
using membership::lease_policy;
using membership::LeasePolicy;
using membership::Takeover;

namespace {

NodeSet nodes(std::uint32_t count) {
    NodeSet out;
    for (std::uint32_t n = 1; n <= count; ++n) out.insert({n});
    return out;
}

}  // namespace

TEST_CASE("a lease needs votes that some node's absence leaves leasable") {
    const auto majority = [](std::size_t all) {
        return [all](const NodeSet& set) { return set.size() * 2 > all; };
    };
    CHECK_FALSE(membership::lease_possible(majority(1), nodes(1)));
    CHECK_FALSE(membership::lease_possible(majority(2), nodes(2)));
    CHECK(membership::lease_possible(majority(3), nodes(3)));
    CHECK(membership::lease_possible(majority(4), nodes(4)));
    // Two votes with a tie-breaker, and a node with two votes beside one with one.
    const auto node1 = [](const NodeSet& set) { return set.contains(NodeId{1}); };
    CHECK(membership::lease_possible(node1, nodes(2)));
}

// The table of docs/safety.md.
TEST_CASE("what options make of the lease") {
    struct Case {
        bool possible, stonith, ignored;
        bool enforced;
        Takeover takeover;
        bool proven;
        const char* says;
    };
    const Case cases[] = {
        {true, true, false, true, Takeover::after_lease, true, "by lease"},
        {false, true, false, false, Takeover::on_proof, true, "stay put"},
        {true, false, false, true, Takeover::at_once, false, "not proven"},
        {false, false, false, false, Takeover::at_once, false, "not proven"},
        {true, true, true, false, Takeover::at_once, false, "not proven"},
        {false, true, true, false, Takeover::at_once, false, "not proven"},
        {true, false, true, false, Takeover::at_once, false, "not proven"},
        {false, false, true, false, Takeover::at_once, false, "not proven"},
    };
    for (const Case& c : cases) {
        const LeasePolicy policy = lease_policy({c.possible, c.stonith, c.ignored});
        CAPTURE(policy.status);
        CHECK(policy.enforced == c.enforced);
        CHECK(policy.takeover == c.takeover);
        CHECK(policy.proven == c.proven);
        CHECK(policy.status.find(c.says) != std::string::npos);
    }
}

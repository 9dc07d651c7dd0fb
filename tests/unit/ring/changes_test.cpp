#include <doctest/doctest.h>

#include "tests/sim/ring/world.hpp"

using base::milliseconds;
using base::NodeId;
using base::seconds;
using totem::MembershipChange;
using totem::wire::Reason;

namespace {

// Three nodes on one ring.
struct Three {
    sim::Observer nobody;
    sim::World world{1, 3, totem::RingConfig{}, nobody};
    Three() {
        for (std::uint32_t n = 1; n <= 3; ++n) world.start(NodeId{n});
        REQUIRE(world.run_until([&] { return world.united(); }, world.now() + seconds(5)));
    }
    // Until the living are one ring; returns the last change as node 1 tells it.
    MembershipChange changed() {
        REQUIRE(world.run_until([&] { return world.united(); }, world.now() + seconds(5)));
        return world.changes(NodeId{1}).back();
    }
};

std::string told(const MembershipChange& change) {
    std::string text;
    for (const totem::Finding& f : change.findings) {
        text += std::to_string(f.after.ms()) + " ms: " + f.evidence + " [" + base::to_string(f.subject) +
                " by " + base::to_string(f.reporter) + "]\n";
    }
    return text;
}

}  // namespace

TEST_CASE("the first view: from nobody, because this node started") {
    Three three;
    const auto& changes = three.world.changes(NodeId{2});
    REQUIRE(changes.size() == 1);
    const MembershipChange& first = changes.front();
    CHECK(first.cause == Reason::start);
    CHECK(first.before.members.empty());
    CHECK(first.after == three.world.status(NodeId{2}).view);
    CHECK(first.attempts == 1);
    CHECK(told(first) == "0 ms: this node started [0 by 0]\n");
    CHECK(first.installed <= three.world.now());
    CHECK(first.gather.ns > 0);
    CHECK(first.commit.ns > 0);
    CHECK(first.recovery.ns > 0);
}

TEST_CASE("a goodbye: whom it is about, and who was there before and after") {
    Three three;
    const totem::View before = three.world.status(NodeId{1}).view;
    three.world.leave(NodeId{3});
    const MembershipChange change = three.changed();
    CHECK(change.cause == Reason::left);
    CHECK(told(change) == "0 ms: node 3 said goodbye [3 by 0]\n");
    CHECK(change.before == before);
    CHECK(base::to_string(change.after.nodes()) == "{1,2}");
}

TEST_CASE("a silent node: the token's loss, then its silence; gather takes what it is waited for") {
    Three three;
    three.world.crash(NodeId{3});
    const MembershipChange change = three.changed();
    CHECK(change.cause == Reason::token_lost);
    REQUIRE(change.findings.size() == 2);
    CHECK(change.findings[0].evidence.find("token lost") == 0);
    CHECK(change.findings[1].subject == NodeId{3});
    CHECK(change.findings[1].evidence.find("node 3 did not answer for 3") == 0);
    CHECK(change.findings[1].after >= milliseconds(300));
    CHECK(change.gather >= milliseconds(300));
    CHECK(change.commit + change.recovery < milliseconds(50));
}

TEST_CASE("who did not notice it itself names who did") {
    Three three;
    three.world.weather.refused = 1000;
    three.world.crash(NodeId{3});
    const MembershipChange one = three.changed();
    const MembershipChange two = three.world.changes(NodeId{2}).back();
    CHECK(one.cause == Reason::unreachable);
    CHECK(two.cause == Reason::unreachable);
    REQUIRE_FALSE(one.findings.empty());
    REQUIRE_FALSE(two.findings.empty());
    CHECK(one.findings[0].subject == NodeId{3});
    CHECK(two.findings[0].subject == NodeId{3});
    // One of them asked; the other has it from that one.
    const bool by_one = one.findings[0].reporter == NodeId{};
    CHECK(two.findings[0].reporter == (by_one ? NodeId{1} : NodeId{}));
    if (!by_one) CHECK(one.findings[0].reporter == NodeId{2});
}

TEST_CASE("an attempt that fails is counted and its time kept") {
    Three three;
    bool lose = true;
    three.world.copies = [&](NodeId, NodeId, base::ByteView bytes) {
        constexpr std::uint8_t kCommitToken = 4;
        return lose && bytes[1] == kCommitToken ? 0 : 1;
    };
    three.world.leave(NodeId{3});
    three.world.run_until(three.world.now() + milliseconds(100));
    CHECK(three.world.status(NodeId{1}).phase == "commit");
    three.world.run_until(three.world.now() + milliseconds(220));
    lose = false;
    const MembershipChange change = three.changed();
    CHECK(change.cause == Reason::left);
    CHECK(change.attempts == 2);
    CHECK(change.commit >= milliseconds(300));
    CHECK(told(change).find("commit token lost for 300 ms [0 by 0]") != std::string::npos);
}

TEST_CASE("only the last changes are kept") {
    Three three;
    for (std::size_t i = 0; i < totem::kChangesKept; ++i) {
        three.world.leave(NodeId{3});
        three.changed();
        three.world.start(NodeId{3});
        three.changed();
    }
    const auto& changes = three.world.changes(NodeId{1});
    REQUIRE(changes.size() == totem::kChangesKept);
    for (std::size_t i = 1; i < changes.size(); ++i) {
        CHECK(changes[i].before == changes[i - 1].after);
        CHECK(changes[i].cause == (i % 2 == 0 ? Reason::left : Reason::joined));
    }
}

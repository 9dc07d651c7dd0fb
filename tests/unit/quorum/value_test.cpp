// Quorum as a value: stories of a few nodes whose messages all arrive and whose disks all work, unless the
// story says otherwise. What can come in between is the business of the exhaustive test.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "membership/quorum/quorum.hpp"

using base::Instant;
using base::NodeId;
using base::NodeSet;
using membership::Quorum;
using membership::QuorumHello;
using membership::QuorumMemory;
using membership::QuorumRules;
using membership::QuorumState;
using membership::TieBreaker;

namespace {

QuorumRules votes(std::initializer_list<std::uint32_t> each) {
    QuorumRules rules;
    std::uint32_t id = 0;
    for (const std::uint32_t v : each) rules.votes[{++id}] = v;
    return rules;
}

class Story {
  public:
    explicit Story(QuorumRules rules, bool blank_disks = false) : rules_(std::move(rules)) {
        for (const auto& [node, v] : rules_.votes) {
            disks_[node].voter = !blank_disks;
            start(node);
        }
    }

    Instant now{0};
    bool disks_work{true};
    std::vector<std::string> said;  // changes, as the lowest node of the view tells them

    void start(NodeId node) {
        nodes_.erase(node);
        nodes_.emplace(node, Quorum(node, rules_, disks_[node]));
    }
    void start_all() {
        for (const auto& [node, v] : rules_.votes) start(node);
    }
    // As after an edit of its node file.
    void start_by(NodeId node, const QuorumRules& rules) {
        nodes_.erase(node);
        nodes_.emplace(node, Quorum(node, rules, disks_[node]));
    }
    void wipe(NodeId node) {
        disks_[node] = {};
        start(node);
    }

    QuorumState view(const NodeSet& members) {
        members_ = members;
        ring_ = {ring_.seq + 1, members.front(), 1};
        std::map<NodeId, QuorumHello> hellos;
        for (const NodeId n : members) hellos[n] = node(n).hello();
        for (const NodeId n : members) node(n).view_installed(now, ring_, hellos);
        return settled();
    }
    // Time passes for the present view.
    QuorumState wait(base::Duration how_long) {
        now = now + how_long;
        for (const NodeId n : members_) node(n).advance(now);
        return settled();
    }
    QuorumState cancel() {
        for (const NodeId n : members_) node(n).cancel_wait_for_all(now, ring_);
        return settled();
    }
    QuorumState links(NodeId of, unsigned usable) {
        node(of).links(now, usable);
        return settled();
    }
    QuorumState arbiter(bool granted) {
        for (const NodeId n : members_) node(n).outside_vote(now, ring_, granted);
        return settled();
    }
    Quorum& node(NodeId n) { return nodes_.at(n); }
    [[nodiscard]] const QuorumMemory& disk(NodeId n) const { return disks_.at(n); }
    [[nodiscard]] const base::RingId& ring() const { return ring_; }

    // Everything that is to be sent or written is, until nothing is.
    QuorumState settled() {
        bool busy = true;
        while (busy) {
            busy = false;
            for (const NodeId n : members_) busy = carry_out(n) || busy;
        }
        const QuorumState state = node(members_.front()).state();
        for (const NodeId n : members_) CHECK(node(n).state() == state);
        return state;
    }

  private:
    bool carry_out(NodeId n) {
        const membership::QuorumOutbox out = node(n).drain();
        if (n == members_.front()) said.insert(said.end(), out.changes.begin(), out.changes.end());
        for (const NodeId to : members_) {
            if (out.propose) node(to).roster_proposed(now, ring_);
            if (out.announce) node(to).member_persisted(now, ring_, n, *out.announce);
        }
        if (out.write && disks_work) {
            disks_[n] = *out.write;
            node(n).persisted(now, *out.write);
        }
        return out.propose || out.announce || (out.write && disks_work);
    }

    QuorumRules rules_;
    std::map<NodeId, Quorum> nodes_;
    std::map<NodeId, QuorumMemory> disks_;
    NodeSet members_;
    base::RingId ring_;
};

const NodeId n1{1}, n2{2}, n3{3}, n4{4}, n5{5};
const base::Duration kWindow = base::seconds(10);

}  // namespace

TEST_CASE("before the first view there is no quorum") {
    Story s(votes({1}));
    CHECK_FALSE(s.node(n1).state().quorate);
    CHECK(s.node(n1).state().reason == "no view yet");
    CHECK(s.view({n1}).quorate);
}

TEST_CASE("blank disks have no vote until they were in a majority view, or all are here") {
    Story s(votes({1, 1, 1}), true);
    const QuorumState two = s.view({n1, n2});
    CHECK_FALSE(two.quorate);
    CHECK(two.reason == "0 of 3 votes, 2 needed; no vote before they have caught up: {1,2}");
    CHECK(s.view({n1, n2, n3}).majority);
    CHECK(s.disk(n1).voter);
    CHECK(s.view({n1, n2}).majority);

    // A lost disk: with one other node that is no majority, with two others it catches up.
    s.wipe(n3);
    CHECK_FALSE(s.view({n2, n3}).quorate);
    CHECK_FALSE(s.disk(n3).voter);
    CHECK(s.view({n1, n2, n3}).votes == 3);
    CHECK(s.disk(n3).voter);
    CHECK(s.view({n2, n3}).majority);
}

TEST_CASE("a vote that was never written is gone with the process") {
    Story s(votes({1, 1, 1, 1}));
    s.wipe(n3);
    s.disks_work = false;
    CHECK(s.view({n1, n2, n3, n4}).votes == 4);  // everybody is here: nobody could know more
    CHECK(s.view({n1, n2, n3}).votes == 2);
    s.disks_work = true;
    s.start(n3);
    const QuorumState three = s.view({n1, n2, n3});
    CHECK(three.votes == 2);
    CHECK_FALSE(three.quorate);  // and two of four do not teach it
}

TEST_CASE("two_node: one goes on alone, after it has seen the other") {
    QuorumRules rules = votes({1, 1});
    rules.two_node = rules.wait_for_all = true;
    Story s(rules);
    CHECK_FALSE(s.view({n1}).quorate);
    const QuorumState both = s.view({n1, n2});
    CHECK(both.quorate);
    CHECK(both.majority);
    const QuorumState alone = s.view({n1});
    CHECK(alone.quorate);
    CHECK_FALSE(alone.majority);
    CHECK(alone.flags == std::vector<std::string>{"2Node", "Quorate", "WaitForAll"});
    s.start(n1);
    const QuorumState again = s.view({n1});
    CHECK_FALSE(again.quorate);
    CHECK(
        again.reason ==
        "1 of 2 votes, 1 needed (two_node: the other node may be running too); wait_for_all: not seen since "
        "the start: {2}");
    CHECK(s.cancel().quorate);
    CHECK_FALSE(s.node(n1).majority());
    CHECK(s.said ==
          std::vector<std::string>{
              "no quorum: view {1}: 1 of 2 votes, 1 needed (two_node: the other node may be running "
              "too); wait_for_all: not seen since the start: {2}",
              "quorum gained: view {1,2}: 2 of 2 votes, 1 needed (two_node)",
              "quorum kept: view {1}: 1 of 2 votes, 1 needed (two_node: the other node may be running "
              "too)",
              "no quorum: view {1}: 1 of 2 votes, 1 needed (two_node: the other node may be running "
              "too); wait_for_all: not seen since the start: {2}",
              "quorum gained: wait_for_all was cancelled: 1 of 2 votes, 1 needed (two_node: the other "
              "node may be running too)"});
}

TEST_CASE("two_node without wait_for_all: one alone is enough from the start") {
    QuorumRules rules = votes({1, 1});
    rules.two_node = true;
    Story s(rules);
    CHECK(s.view({n1}).quorate);
}

TEST_CASE("a node without a usable link is never quorate alone, unless it is configured alone") {
    QuorumRules rules = votes({1, 1});
    rules.two_node = rules.wait_for_all = true;
    Story s(rules);
    s.view({n1, n2});
    s.links(n1, 0);
    CHECK(s.node(n1).quorate());  // two are in the view: the ring will find out
    const QuorumState cut = s.view({n1});
    CHECK_FALSE(cut.quorate);
    CHECK(cut.reason ==
          "1 of 2 votes, 1 needed (two_node: the other node may be running too); no link works: a node that "
          "is cut "
          "off can't know of the others");
    CHECK(s.links(n1, 1).quorate);
    CHECK_FALSE(s.links(n1, 0).quorate);

    Story heavy(votes({3, 1, 1}));
    CHECK(heavy.view({n1}).majority);
    CHECK_FALSE(heavy.links(n1, 0).quorate);

    Story single(votes({1}));
    single.view({n1});
    CHECK(single.links(n1, 0).majority);
}

TEST_CASE("wait_for_all: the first quorum has seen all voters at once") {
    QuorumRules rules = votes({1, 1, 1, 1, 0});
    rules.wait_for_all = true;
    Story s(rules);
    const QuorumState three = s.view({n1, n2, n3});
    CHECK_FALSE(three.quorate);
    CHECK_FALSE(three.majority);
    CHECK(three.reason == "3 of 4 votes, 3 needed; wait_for_all: not seen since the start: {4}");
    CHECK_FALSE(s.view({n2, n3, n4}).quorate);  // each was seen once, but not together
    CHECK(s.view({n1, n2, n3, n4}).quorate);
    CHECK(s.view({n1, n2, n3}).quorate);
    // A node that starts anew is told by those that went on.
    s.start(n1);
    CHECK(s.view({n1, n2, n3}).quorate);
}

TEST_CASE("wait_for_all begins anew when quorum is lost, and then waits for the last quorate view") {
    QuorumRules rules = votes({1, 1, 1});
    rules.wait_for_all = true;
    Story s(rules);
    s.view({n1, n2, n3});
    s.view({n1, n2});
    CHECK(s.disk(n1).roster.epoch == 0);
    SUBCASE("before the window is over: for all three") {
        CHECK_FALSE(s.view({n1}).quorate);
        CHECK_FALSE(s.view({n2}).quorate);
        CHECK_FALSE(s.view({n1, n2}).quorate);
        CHECK(s.view({n1, n2, n3}).quorate);
    }
    SUBCASE("after it: for the two that were left") {
        s.wait(kWindow);
        CHECK(s.disk(n1).roster.nodes == NodeSet{n1, n2});
        CHECK_FALSE(s.view({n1}).quorate);
        CHECK(s.view({n1, n2}).quorate);
    }
    SUBCASE("and so after a full restart; the third alone with one of them is not enough") {
        s.wait(kWindow);
        s.start_all();
        const QuorumState other = s.view({n2, n3});
        CHECK_FALSE(other.quorate);
        CHECK(other.reason == "2 of 3 votes, 2 needed; wait_for_all: not seen since the start: {1}");
        CHECK(s.view({n1, n2}).quorate);
    }
    SUBCASE("a command takes the waiting away while the votes suffice") {
        s.start_all();
        s.view({n1, n2});
        CHECK(s.cancel().majority);
        CHECK_FALSE(s.view({n2}).quorate);
        CHECK_FALSE(s.view({n1}).quorate);
        CHECK_FALSE(s.cancel().quorate);
        CHECK_FALSE(s.view({n1, n2}).quorate);  // what was cancelled without votes was cancelled for nothing
    }
}

TEST_CASE("last_man_standing: five, three, two") {
    QuorumRules rules = votes({1, 1, 1, 1, 1});
    rules.last_man_standing = true;
    Story s(rules);
    s.view({n1, n2, n3, n4, n5});
    const QuorumState three = s.view({n1, n2, n3});
    CHECK(three.expected == 5);
    CHECK(s.wait(kWindow - base::milliseconds(1)).expected == 5);
    const QuorumState stepped = s.wait(base::milliseconds(1));
    CHECK(stepped.expected == 3);
    CHECK(stepped.needed == 2);
    CHECK(stepped.reason == "3 of 3 votes, 2 needed (of the roster {1,2,3})");
    CHECK(s.view({n1, n2}).majority);
    CHECK(s.wait(kWindow).expected == 2);
    CHECK_FALSE(s.view({n1}).quorate);
    CHECK_FALSE(s.wait(kWindow).quorate);
    CHECK_FALSE(s.view({n3, n4, n5}).quorate);  // three of five, but one of them knows of a later roster
    CHECK_FALSE(s.view({n2, n3, n4, n5}).quorate);
    const QuorumState back = s.view({n1, n2, n3});  // those who come back are counted at once
    CHECK(back.expected == 3);
    CHECK(back.votes == 3);
    CHECK(s.said.back() ==
          "quorum kept: the roster is now {1,2,3}: 3 of 3 votes, 2 needed (of the roster {1,2,3})");
}

TEST_CASE("last_man_standing: the roster outlives a restart of all") {
    QuorumRules rules = votes({1, 1, 1, 1, 1});
    rules.last_man_standing = true;
    Story s(rules);
    s.view({n1, n2, n3});
    s.wait(kWindow);
    s.start_all();
    CHECK(s.view({n1, n2}).majority);
    CHECK_FALSE(s.view({n3, n4, n5}).quorate);
}

TEST_CASE("last_man_standing with a tie-breaker goes down to one, and only to that one") {
    QuorumRules rules = votes({1, 1, 1});
    rules.last_man_standing = true;
    rules.tie_breaker = TieBreaker::lowest;
    Story s(rules);
    s.view({n2, n3});
    s.wait(kWindow);
    const QuorumState other = s.view({n3});
    CHECK_FALSE(other.quorate);
    CHECK(
        other.reason ==
        "1 of 2 votes, 2 needed: half, and node 2, which breaks the tie, is not here (of the roster {2,3})");
    const QuorumState last = s.view({n2});
    CHECK(last.majority);
    CHECK(s.wait(kWindow).expected == 1);
    s.start_all();
    CHECK(s.view({n2}).majority);
    CHECK_FALSE(s.view({n1, n3}).quorate);
}

TEST_CASE("a roster that is not on enough disks leaves the former one in force beside it") {
    QuorumRules rules = votes({1, 1, 1, 1, 1});
    rules.last_man_standing = true;
    Story s(rules);
    s.view({n1, n2, n3});
    s.disks_work = false;
    s.wait(kWindow);
    CHECK(s.node(n1).state().expected == 3);  // what is written decides as well,
    CHECK(s.node(n1).state().majority);
    const QuorumState two = s.view({n1, n2});
    CHECK_FALSE(two.quorate);  // but what was there before still does
    CHECK(two.reason == "2 of 5 votes, 3 needed");
    CHECK_FALSE(s.view({n1, n4, n5}).quorate);
    CHECK(s.node(n1).state().reason == "1 of 3 votes, 2 needed (of the roster {1,2,3})");
    s.disks_work = true;
    CHECK(s.view({n3, n4, n5}).quorate == false);  // node 3 knows of it, though its disk does not
    s.start(n3);
    CHECK(s.view({n3, n4, n5}).majority);  // and now nobody here does
}

TEST_CASE("the lowest member proposes, and nobody else has a deadline") {
    QuorumRules rules = votes({1, 1, 1, 1});
    rules.last_man_standing = true;
    Story s(rules);
    s.view({n2, n3, n4});
    CHECK(s.node(n2).next_deadline() == s.now + kWindow);
    CHECK(s.node(n3).next_deadline() == Instant::never());
    s.node(n3).advance(s.now + kWindow);
    CHECK_FALSE(s.node(n3).drain().propose);
    s.wait(kWindow);
    CHECK(s.node(n2).next_deadline() == Instant::never());
    CHECK(s.node(n3).state().expected == 3);
}

TEST_CASE("a write that ends between hello and view is told again") {
    Story s(votes({1, 1, 1}));
    s.wipe(n3);
    s.disks_work = false;
    s.view({n1, n2, n3});
    const QuorumMemory written{true, {}, {}};
    const QuorumHello before = s.node(n3).hello();
    s.node(n3).persisted(s.now, written);
    CHECK(s.node(n3).drain().announce);
    s.node(n3).view_installed(s.now, {9, n2, 1}, {{n2, s.node(n2).hello()}, {n3, before}});
    CHECK_FALSE(s.node(n3).quorate());
    const auto again = s.node(n3).drain().announce;
    REQUIRE(again);
    s.node(n3).member_persisted(s.now, {9, n2, 1}, n3, *again);
    CHECK(s.node(n3).majority());
}

TEST_CASE("rosters of a rule that was switched off are ignored, and forgotten in the next majority view") {
    QuorumRules rules = votes({1, 1, 1});
    const QuorumMemory old{true, {7, {n1}}, {}};
    Quorum alone(n1, rules, old);
    alone.view_installed({0}, {8, n1, 1}, {{n1, alone.hello()}});
    CHECK_FALSE(alone.quorate());
    Quorum other(n2, rules, {true, {}, {}});
    alone.view_installed({0}, {9, n1, 1}, {{n1, alone.hello()}, {n2, other.hello()}});
    CHECK(alone.majority());
    const auto write = alone.drain().write;
    REQUIRE(write);
    CHECK(*write == QuorumMemory{true, {}, {}});
}

TEST_CASE("an arbiter's vote counts in the view that it was given to, and is always expected") {
    QuorumRules rules = votes({1, 1});
    rules.outside_votes = 1;
    Story s(rules);
    CHECK(s.view({n1, n2}).majority);
    CHECK_FALSE(s.view({n1}).quorate);
    const QuorumState granted = s.arbiter(true);
    CHECK(granted.majority);
    CHECK(granted.votes == 2);
    CHECK(granted.expected == 3);
    CHECK(s.said.back() == "quorum gained: the arbiter votes for this view: 2 of 3 votes, 2 needed");
    CHECK_FALSE(s.arbiter(false).quorate);
    s.arbiter(true);
    CHECK_FALSE(s.view({n1}).quorate);
    CHECK_FALSE(s.node(n1).enough({n1}));  // a disk is not the arbiter's
}

TEST_CASE("which nodes are enough by themselves: of the view's voters a majority of the roster") {
    QuorumRules rules = votes({1, 1, 1, 1, 1});
    rules.last_man_standing = true;
    Story s(rules);
    s.view({n1, n2, n3});
    CHECK(s.node(n1).enough({n1, n2, n3}));
    CHECK_FALSE(s.node(n1).enough({n1, n2}));
    CHECK_FALSE(s.node(n1).enough({n1, n4, n5}));  // not of this view
    s.wait(kWindow);
    CHECK(s.node(n1).enough({n1, n2}));
    CHECK_FALSE(s.node(n1).enough({n1}));
}

namespace {

QuorumHello says(bool quorate, std::uint64_t rules, std::uint64_t list = 0) {
    QuorumHello hello;
    hello.quorate = quorate;
    hello.rules = rules;
    hello.list = list;
    return hello;
}

}  // namespace

TEST_CASE("rules are compared by what decides who may act") {
    const QuorumRules rules = votes({1, 1, 1});
    QuorumRules same = rules;
    same.expected_votes = 3;
    same.last_man_standing_window = base::seconds(1);
    same.wait_for_all_by_two_node = true;
    CHECK(mark_of(rules) == mark_of(same));
    CHECK(mark_of(rules) != mark_of(votes({3, 1, 1})));
    CHECK(mark_of(rules) != mark_of(votes({1, 1})));
    QuorumRules lowest = rules;
    lowest.tie_breaker = TieBreaker::lowest;
    QuorumRules highest = rules;
    highest.tie_breaker = TieBreaker::highest;
    CHECK(mark_of(lowest) != mark_of(highest));
    CHECK(mark_of(lowest) != mark_of(rules));
    QuorumRules expected = rules;
    expected.expected_votes = 5;
    CHECK(mark_of(expected) != mark_of(rules));
}

TEST_CASE("whose rules are right: those who had quorum know, and else nobody") {
    using membership::check_rules;
    using membership::RulesCheck;
    CHECK(check_rules({{{1}, says(false, 7)}, {{2}, says(false, 7)}}) == RulesCheck{});
    CHECK(check_rules({{{1}, says(false, 8)}, {{2}, says(true, 7)}}) == RulesCheck{false, {{1}}});
    CHECK(check_rules({{{1}, says(true, 8)}, {{2}, says(true, 7)}}).conflict);
    CHECK(check_rules({{{1}, says(false, 8)}, {{2}, says(false, 7)}}).conflict);
    CHECK(check_rules({{{1}, says(false, 8, 4)}, {{2}, says(true, 7, 4)}}) == RulesCheck{false, {{1}}});
    // Older lists are made equal with the state, and a change under way is finished.
    CHECK(check_rules({{{1}, says(true, 7, 2)}, {{2}, says(true, 8, 3)}, {{3}, says(false, 9)}}) ==
          RulesCheck{});
    CHECK(check_rules({{{1}, says(true, 7)}, {{2}, says(false, 0)}, {{3}, says(false, 8)}}) == RulesCheck{});
}

TEST_CASE("node files that differ from the start: nobody has quorum, and the reason says what to compare") {
    Story story(votes({1, 1, 1}));
    story.start_by({1}, votes({3, 1, 1}));
    for (const NodeId n : {NodeId{1}, NodeId{2}, NodeId{3}}) CHECK_FALSE(story.node(n).quorate());
    std::map<NodeId, QuorumHello> hellos;
    for (const NodeId n : {NodeId{1}, NodeId{2}, NodeId{3}}) hellos[n] = story.node(n).hello();
    for (const NodeId n : {NodeId{1}, NodeId{2}, NodeId{3}}) {
        story.node(n).view_installed(story.now, {1, {1}, 1}, hellos);
        CHECK_FALSE(story.node(n).quorate());
        CHECK_FALSE(story.node(n).majority());
        CHECK(story.node(n).state().reason.find("node files of the members differ") != std::string::npos);
    }
}

TEST_CASE("who comes with other rules has no vote among those who have quorum") {
    Story story(votes({1, 1, 1, 1}));
    REQUIRE(story.view({{1}, {2}, {3}}).quorate);
    story.start_by({4}, votes({1, 1, 1, 3}));
    std::map<NodeId, QuorumHello> hellos;
    for (const NodeId n : {NodeId{3}, NodeId{4}}) hellos[n] = story.node(n).hello();
    CHECK(membership::check_rules(hellos).odd == NodeSet{{4}});
    story.node({3}).view_installed(story.now, {9, {3}, 1}, hellos);
    CHECK_FALSE(story.node({3}).voters().contains({4}));
    CHECK(story.node({3}).voters().contains({3}));
}

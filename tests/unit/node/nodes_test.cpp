// A change of the nodes, driven at the node itself: an order of messages and disks that the test has in hand.
// What it waits for, and that it waits for a lease (docs/decisions/0129).
#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/node/node.hpp"

using base::NodeId;

namespace {

constexpr base::Duration kWait = base::seconds(2);

membership::NodeList list_of(std::uint32_t votes_of_first) {
    membership::NodeList list;
    for (std::uint32_t i = 1; i <= 3; ++i) {
        const std::string ip = "10.0.0." + std::to_string(i);
        list.nodes.push_back({{i}, "n" + std::to_string(i), i == 1 ? votes_of_first : 1, {{0, ip, ip}}});
    }
    return list;
}

// Three nodes on a ring that delivers at once, and whose disks write at once unless they are held.
class Cluster {
  public:
    Cluster() {
        for (std::uint32_t i = 1; i <= 3; ++i) start(i);
    }

    void view(const std::set<std::uint32_t>& members) {
        members_ = members;
        ++ring_;
        totem::Regular regular;
        regular.view.ring = {ring_, {*members.begin()}, ring_};
        for (const std::uint32_t i : members) regular.view.members.push_back({{i}, machines_[i].incarnation});
        regular.cause = "the test says so";
        totem::Transitional old;
        old.view = view_;
        for (const std::uint32_t i : members) {
            if (!view_.members.empty()) machines_[i].node->ring_event(at(), old);
            machines_[i].node->ring_event(at(), regular);
        }
        view_ = regular.view;
        pump();
    }

    void submit(std::uint32_t node, manager::Command command) {
        machines_[node].node->submit(at(), 1, "root", std::move(command));
        pump();
    }

    void pass(base::Duration time) {
        now_ = now_ + time;
        for (const std::uint32_t i : members_) machines_[i].node->advance(at());
        pump();
    }

    void hold_disk(std::uint32_t node) { machines_[node].held = true; }
    void release_disk(std::uint32_t node) {
        machines_[node].held = false;
        for (const std::uint64_t token : std::exchange(machines_[node].tokens, {}))
            machines_[node].node->persisted(at(), token);
        pump();
    }

    void hang_key_file(std::uint32_t node) { machines_[node].key_hangs = true; }
    void rotate_key(std::uint32_t node) {
        std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
        bytes.fill(7);
        machines_[node].node->rotate_key(at(), 2, totem::MasterKey(bytes), true);
        pump();
    }

    void leave(std::uint32_t node) {
        machines_[node].node->shut_down(at());
        pump();
        REQUIRE(machines_[node].left);
    }
    void start(std::uint32_t i) {
        Machine& machine = machines_[i];
        ++machine.incarnation.value;
        manager::NodeOptions options;
        options.self = {{i}, machine.incarnation};
        for (const membership::ListedNode& node : list_of(1).nodes) {
            options.roster[node.id] = node.name;
            options.rules.votes[node.id] = node.id.value == 1 ? machine.votes_of_first : 1;
        }
        options.nodes = list_of(machine.votes_of_first);
        options.lease_wait = kWait;
        options.journal = machine.journal;
        options.keys =
            totem::MasterKeys(totem::MasterKey(std::array<std::uint8_t, totem::MasterKey::kSize>{}));
        machine.tokens.clear();
        machine.left = false;
        machine.refused.clear();
        auto node = manager::Node::create(std::move(options), tracer_);
        REQUIRE(node);
        machine.node = *std::move(node);
    }

    // As after an edit of its node file.
    void start_by(std::uint32_t i, std::uint32_t votes_of_first) {
        machines_[i].votes_of_first = votes_of_first;
        start(i);
    }
    [[nodiscard]] const std::string& refused(std::uint32_t i) const { return machines_.at(i).refused; }
    [[nodiscard]] bool quorate(std::uint32_t i) const { return machines_.at(i).node->quorum().quorate; }
    [[nodiscard]] int sent() const { return sent_; }  // NodesFacts
    [[nodiscard]] bool answered() const { return answer_.has_value(); }
    [[nodiscard]] const manager::Answer& answer() const { return *answer_; }
    [[nodiscard]] std::string waits(std::uint32_t i) const { return machines_.at(i).node->change_waits(); }
    // What the daemon's timer would wait for.
    [[nodiscard]] base::Duration idle(std::uint32_t i) const {
        return machines_.at(i).node->next_deadline() - now_;
    }
    [[nodiscard]] bool under_way(std::uint32_t i) const { return state(i).next_nodes.has_value(); }
    [[nodiscard]] bool counts(std::uint32_t i) const {
        return state(i).nodes.counted && state(i).nodes.nodes.front().votes == 2;
    }

  private:
    struct Machine {
        std::unique_ptr<manager::Node> node;
        base::Incarnation incarnation{};
        std::optional<base::Bytes> journal;
        std::uint32_t votes_of_first{1};  // as its node file has it
        bool held{false}, left{false};
        std::string refused;
        bool key_hangs{false};              // its key file is never written
        std::vector<std::uint64_t> tokens;  // of writes that are held
    };

    [[nodiscard]] const manager::State& state(std::uint32_t i) const { return machines_.at(i).node->state(); }
    [[nodiscard]] manager::Moment at() const { return {now_, {now_.ns / 1'000'000}}; }

    void drain(std::uint32_t i) {
        Machine& machine = machines_[i];
        manager::NodeOutbox out = machine.node->drain();
        for (manager::DiskWrite& write : out.writes) {
            if (machine.held) {
                machine.tokens.push_back(write.token);
                continue;
            }
            machine.journal = std::move(write.payload);
            machine.node->persisted(at(), write.token);
        }
        if (out.keys && !machine.key_hangs) machine.node->keys_written(at(), base::ok());
        for (manager::RingMessage& message : out.messages) {
            const auto decoded = manager::decode_message(message.payload);
            REQUIRE(decoded);
            if (std::holds_alternative<manager::NodesFact>(*decoded)) ++sent_;
            ordered_.push_back({i, std::move(message.payload)});
        }
        for (const manager::Answer& answer : out.answers) {
            CHECK_MESSAGE(answer.status, (answer.status ? "" : answer.status.error().message));
            answer_ = answer;
        }
        machine.left = machine.left || out.leave;
        if (!out.refused.empty()) machine.refused = out.refused;
    }

    void pump() {
        for (int quiet = 0; quiet < 2;) {
            for (const std::uint32_t i : members_) drain(i);
            if (ordered_.empty()) {
                ++quiet;
                continue;
            }
            quiet = 0;
            const auto [from, payload] = std::move(ordered_.front());
            ordered_.pop_front();
            if (members_.count(from) == 0) continue;
            totem::Delivered message;
            message.ring = view_.ring;
            message.seq = {++seq_};
            message.sender = {{from}, machines_[from].incarnation};
            message.payload = payload;
            for (const std::uint32_t i : members_) machines_[i].node->ring_event(at(), message);
        }
    }

    base::SilentTracer tracer_;
    base::Instant now_{base::Instant{} + base::seconds(1)};
    std::uint64_t ring_{0}, seq_{0};
    std::map<std::uint32_t, Machine> machines_;
    std::set<std::uint32_t> members_;
    totem::View view_;
    std::deque<std::pair<std::uint32_t, base::Bytes>> ordered_;
    int sent_{0};
    std::optional<manager::Answer> answer_;
};

manager::ChangeNodes two_votes_for_first() {
    manager::ChangeNodes change;
    change.before = list_of(1);
    change.after = list_of(2);
    return change;
}

const base::Duration kMoment = base::milliseconds(10);

}  // namespace

TEST_CASE("a change of the nodes counts when all have written it and a lease has passed, and not before") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.submit(2, two_votes_for_first());
    for (const std::uint32_t i : {1u, 2u, 3u}) {
        CHECK(cluster.under_way(i));
        CHECK_FALSE(cluster.counts(i));
    }
    cluster.pass(kWait - kMoment);
    CHECK(cluster.sent() == 0);  // all wrote it at once, and its lease is not over
    CHECK_FALSE(cluster.answered());
    cluster.pass(kMoment);
    CHECK(cluster.sent() == 1);  // by the coordinator alone
    for (const std::uint32_t i : {1u, 2u, 3u}) {
        CHECK_FALSE(cluster.under_way(i));
        CHECK(cluster.counts(i));
    }
    CHECK(cluster.answered());
}

TEST_CASE("a member that has not written the change holds it up, and the wait begins when it has") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.hold_disk(3);
    cluster.submit(1, two_votes_for_first());
    CHECK(cluster.under_way(3));
    cluster.pass(kWait);
    cluster.pass(kWait);
    CHECK(cluster.sent() == 0);  // a majority has it, which is not enough
    cluster.release_disk(3);
    CHECK(cluster.sent() == 0);
    cluster.pass(kWait - kMoment);
    CHECK(cluster.sent() == 0);
    cluster.pass(kMoment);
    CHECK(cluster.sent() == 1);
    CHECK(cluster.counts(3));
}

TEST_CASE("the wait begins again when a member comes") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.leave(3);
    cluster.view({1, 2});
    cluster.submit(1, two_votes_for_first());
    CHECK(cluster.under_way(1));
    cluster.pass(kWait - kMoment);
    CHECK(cluster.sent() == 0);
    cluster.start(3);
    cluster.view({1, 2, 3});
    CHECK(cluster.under_way(3));
    cluster.pass(kMoment);
    CHECK(cluster.sent() == 0);
    cluster.pass(kWait - kMoment - kMoment);
    CHECK(cluster.sent() == 0);
    cluster.pass(kMoment);
    CHECK(cluster.sent() == 1);
    for (const std::uint32_t i : {1u, 2u, 3u}) CHECK(cluster.counts(i));
}

TEST_CASE(
    "a node that starts with other votes than the members go by ends, and has no quorum alone afterwards") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    REQUIRE(cluster.quorate(2));
    cluster.view({2, 3});
    cluster.start_by(1, 3);  // by its own file 3 of 5 votes
    cluster.view({1, 2, 3});
    CHECK(cluster.refused(1).find("other nodes, votes or quorum options") != std::string::npos);
    CHECK(cluster.quorate(2));
    cluster.view({2, 3});
    CHECK(cluster.quorate(2));
    CHECK(cluster.refused(2).empty());

    cluster.start(1);
    cluster.view({1});
    CHECK_FALSE(cluster.quorate(1));
    cluster.start_by(1, 1);  // corrected
    cluster.view({1, 2, 3});
    CHECK(cluster.refused(1).empty());
    CHECK(cluster.quorate(1));
}

TEST_CASE("who has asked for a change is told whom it waits for, and it goes on") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.hold_disk(3);
    cluster.submit(1, two_votes_for_first());
    cluster.pass(base::seconds(9));
    CHECK_FALSE(cluster.answered());
    CHECK(cluster.idle(1) <= base::seconds(1));
    cluster.pass(base::seconds(1));
    REQUIRE(cluster.answered());
    CHECK(cluster.answer().under_way);
    CHECK(cluster.answer().remark.find("waits for the disk of n3") == 0);
    CHECK(cluster.idle(1) > base::Duration{});
    for (const std::uint32_t i : {1u, 2u, 3u}) CHECK(cluster.waits(i) == cluster.answer().remark);
    cluster.release_disk(3);
    CHECK(cluster.waits(2).empty());
    cluster.pass(kWait);
    CHECK(cluster.counts(1));
}

TEST_CASE("a change that all crashed in says that it waits for a node that nobody has cleared") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.leave(3);
    cluster.view({1, 2});
    cluster.submit(1, two_votes_for_first());
    CHECK(cluster.waits(1).empty());  // n3 left in order
    for (const std::uint32_t i : {1u, 2u}) cluster.start(i);
    cluster.view({1, 2});
    REQUIRE(cluster.under_way(1));
    CHECK(cluster.waits(1).find("waits for n3 (not cleared: ") == 0);
    CHECK(cluster.waits(1).find("crm node clearstate n3") != std::string::npos);
    cluster.pass(kWait);
    CHECK(cluster.sent() == 0);
    cluster.submit(1, manager::ConfirmNode{"n3"});
    CHECK(cluster.waits(2).empty());
    cluster.pass(kWait);
    CHECK(cluster.counts(2));
}

TEST_CASE("who has asked for another key is told whom the change waits for") {
    Cluster cluster;
    cluster.view({1, 2, 3});
    cluster.hang_key_file(3);
    cluster.rotate_key(2);
    cluster.pass(base::seconds(9));
    CHECK_FALSE(cluster.answered());
    CHECK(cluster.idle(2) <= base::seconds(1));
    cluster.pass(base::seconds(1));
    REQUIRE(cluster.answered());
    CHECK(cluster.answer().remark.find("still to do it: n3; it goes on by itself") != std::string::npos);
}

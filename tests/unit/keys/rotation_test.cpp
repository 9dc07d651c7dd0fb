// A change of the key as a value: a few nodes, whose messages are delivered in one order per view and whose
// disks take their time.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "membership/keys/rotation.hpp"
#include "totem/base/rng.hpp"

using base::NodeId;
using base::NodeSet;
using membership::KeyRotation;
using membership::KeyState;
using membership::KeyStep;
using membership::KeyWord;
using totem::MasterKey;
using totem::MasterKeys;

namespace {

MasterKey key(std::uint8_t fill) {
    std::array<std::uint8_t, MasterKey::kSize> bytes{};
    bytes.fill(fill);
    return MasterKey(bytes);
}

struct Node {
    MasterKeys disk;  // in force, too, while it runs
    std::unique_ptr<KeyRotation> value;
    std::optional<MasterKeys> write;
    std::size_t part{0};  // of the network
};

class Cluster {
  public:
    explicit Cluster(std::uint32_t size) {
        for (std::uint32_t id = 1; id <= size; ++id) roster_.insert({id});
        for (const NodeId id : roster_) nodes_.emplace(id, Node{MasterKeys(key(0)), nullptr, {}, 0});
        for (const NodeId id : roster_) start(id, false);
        views();
    }

    void start(NodeId id, bool view = true) {
        Node& node = nodes_.at(id);
        if (node.value) return;
        node.value = std::make_unique<KeyRotation>(id, node.disk, roster_);
        if (view) views();
    }
    void stop(NodeId id) {
        Node& node = nodes_.at(id);
        node.value.reset();
        node.write.reset();
        views();
    }
    void move(NodeId id, std::size_t part) {
        nodes_.at(id).part = part;
        views();
    }
    // New views everywhere; what was not delivered is lost.
    void views() {
        queues_.clear();
        for (auto& [id, node] : nodes_) {
            if (!node.value) continue;
            const NodeSet members = members_of(node.part);
            node.value->view_installed(members, 2 * members.size() > roster_.size());
        }
        for (const NodeId id : roster_) drain(id);
    }
    // Returns whether there was one.
    bool deliver(std::size_t part) {
        auto& queue = queues_[part];
        if (queue.empty()) return false;
        const auto [sender, message] = queue.front();
        queue.pop_front();
        for (const NodeId id : members_of(part)) {
            KeyRotation& value = *nodes_.at(id).value;
            if (const auto* word = std::get_if<KeyWord>(&message)) value.said(sender, *word);
            if (const auto* offer = std::get_if<MasterKeys::Live>(&message)) (void)value.offered(*offer);
        }
        for (const NodeId id : members_of(part)) drain(id);
        return true;
    }
    bool write(NodeId id, const base::Status& status = base::ok()) {
        Node& node = nodes_.at(id);
        if (!node.value || !node.write) return false;
        const MasterKeys keys = *std::exchange(node.write, std::nullopt);
        if (status) node.disk = keys;
        node.value->written(now_, status);
        drain(id);
        return true;
    }
    void wait(base::Duration time) {
        now_ = now_ + time;
        for (auto& [id, node] : nodes_) {
            if (!node.value || now_ < node.value->next_deadline()) continue;
            node.value->advance(now_);
            drain(id);
        }
    }
    void settle() {
        for (bool busy = true; busy;) {
            busy = false;
            for (std::size_t part = 0; part < roster_.size(); ++part) busy = deliver(part) || busy;
            for (const NodeId id : roster_) busy = write(id) || busy;
            check_all_hear_all();
        }
    }
    base::Result<membership::KeyName> rotate(NodeId id, const MasterKey& fresh, bool wait = true) {
        auto result = nodes_.at(id).value->rotate(fresh, wait);
        drain(id);
        return result;
    }
    // Of any two nodes that run in one part (`absent`: of any two at all) each opens what the other seals.
    void check_all_hear_all() const {
        for (const auto& [a, from] : nodes_) {
            for (const auto& [b, to] : nodes_) {
                const bool together = from.value && to.value && from.part == to.part;
                if (!together && !absent_too) continue;
                const MasterKey* known = to.disk.find(from.disk.sending().id);
                const bool opens = known != nullptr && *known == from.disk.sending().key;
                if (!opens) MESSAGE("node ", b.value, " does not open what node ", a.value, " seals");
                REQUIRE(opens);
            }
        }
    }
    [[nodiscard]] KeyState state(NodeId id) const { return nodes_.at(id).value->state(); }
    [[nodiscard]] const MasterKeys& disk(NodeId id) const { return nodes_.at(id).disk; }
    [[nodiscard]] bool runs(NodeId id) const { return nodes_.at(id).value != nullptr; }
    [[nodiscard]] const NodeSet& roster() const { return roster_; }

    bool absent_too{true};

  private:
    [[nodiscard]] NodeSet members_of(std::size_t part) const {
        NodeSet out;
        for (const auto& [id, node] : nodes_) {
            if (node.value && node.part == part) out.insert(id);
        }
        return out;
    }
    void drain(NodeId id) {
        Node& node = nodes_.at(id);
        if (!node.value) return;
        membership::KeyOutbox out = node.value->drain();
        auto& queue = queues_[node.part];
        if (out.say) queue.emplace_back(id, *out.say);
        if (out.offer) queue.emplace_back(id, *out.offer);
        if (out.write) {
            REQUIRE(!node.write);
            node.write = out.write;
        }
    }

    base::Instant now_;
    NodeSet roster_;
    std::map<NodeId, Node> nodes_;
    std::map<std::size_t, std::deque<std::pair<NodeId, std::variant<KeyWord, MasterKeys::Live>>>> queues_;
};

constexpr NodeId n1{1}, n2{2}, n3{3};

}  // namespace

TEST_CASE("three steps, and all hear all at each moment") {
    Cluster cluster(3);
    cluster.settle();
    REQUIRE(cluster.rotate(n2, key(1)));
    cluster.settle();
    for (const NodeId id : cluster.roster()) {
        CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
        CHECK(cluster.state(id).step == KeyStep::none);
    }
    // And again; ids count up.
    REQUIRE(cluster.rotate(n1, key(2)));
    cluster.settle();
    CHECK(cluster.disk(n3) == MasterKeys(MasterKeys::Live{2, key(2)}));
}

TEST_CASE("an absent node is waited for, and gets the key when it comes") {
    Cluster cluster(3);
    cluster.settle();
    cluster.stop(n3);
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1)));
    cluster.settle();
    CHECK(cluster.disk(n1).sending().id == 0);
    CHECK(cluster.disk(n1).other()->id == 1);
    CHECK(cluster.state(n1).absent == NodeSet{n3});
    CHECK(to_text(cluster.state(n1), {{n3, "c"}}) ==
          "step 1 of 3: all accept the new key (" + key(1).fingerprint() + "); waits for c, not present");
    CHECK(!cluster.rotate(n2, key(2)));  // one change at a time
    cluster.start(n3);
    cluster.settle();
    for (const NodeId id : cluster.roster())
        CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
}

TEST_CASE("a node that left after it had the key on disk is waited for before the old one is dropped") {
    Cluster cluster(3);
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1)));
    while (!cluster.disk(n3).other()) {
        (void)cluster.deliver(0);
        (void)cluster.write(n3);
    }
    while (cluster.deliver(0)) {
    }
    cluster.stop(n3);
    cluster.settle();
    CHECK(cluster.disk(n1).sending().id == 1);
    CHECK(cluster.disk(n1).other()->id == 0);
    CHECK(cluster.state(n2).absent == NodeSet{n3});
    cluster.start(n3);
    cluster.settle();
    for (const NodeId id : cluster.roster()) CHECK(!cluster.disk(id).other());
}

TEST_CASE("--now waits for nobody, at once or later; the absent node hears nothing afterwards") {
    for (const bool later : {false, true}) {
        Cluster cluster(3);
        cluster.absent_too = false;
        cluster.settle();
        cluster.stop(n3);
        cluster.settle();
        REQUIRE(cluster.rotate(n1, key(1), later));
        cluster.settle();
        if (later) REQUIRE(cluster.rotate(n2, key(9), false)->fingerprint == key(1).fingerprint());
        cluster.settle();
        for (const NodeId id : {n1, n2}) CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
        CHECK(cluster.disk(n3) == MasterKeys(key(0)));
        // The wish was for this change alone.
        REQUIRE(cluster.rotate(n1, key(2)));
        cluster.settle();
        CHECK(cluster.disk(n1).sending().id == 1);
        CHECK(cluster.state(n1).absent == NodeSet{n3});
    }
}

TEST_CASE("two administrators at once get one key") {
    Cluster cluster(3);
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1)));
    REQUIRE(cluster.rotate(n2, key(2)));
    cluster.settle();
    for (const NodeId id : cluster.roster()) CHECK(cluster.disk(id) == cluster.disk(n1));
    CHECK(!cluster.disk(n1).other());
    CHECK(cluster.disk(n1).sending().id == 1);
}

TEST_CASE("without a majority nothing is changed") {
    Cluster cluster(3);
    cluster.settle();
    cluster.move(n1, 1);
    cluster.settle();
    CHECK(cluster.rotate(n1, key(1)).error().code == base::Errc::unavailable);
    CHECK(cluster.rotate(n1, key(1), false).error().code == base::Errc::unavailable);
    CHECK(cluster.disk(n1) == MasterKeys(key(0)));
}

TEST_CASE("a disk that takes nothing holds the change up, says so, and does not end it") {
    Cluster cluster(3);
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1)));
    while (!cluster.write(n2, base::Error{base::Errc::io, "disk full"})) (void)cluster.deliver(0);
    cluster.settle();
    CHECK(cluster.state(n2).trouble == "disk full");
    CHECK(cluster.state(n1).behind == NodeSet{n2});
    CHECK(cluster.disk(n1).sending().id == 0);
    cluster.views();
    cluster.settle();
    CHECK(cluster.disk(n2) == MasterKeys(MasterKeys::Live{1, key(1)}));
}

namespace {

const base::Status kFull = base::Error{base::Errc::io, "disk full"};

// Until the disk of n2 has refused the new key, and all know it.
void rotate_onto_full_disk(Cluster& cluster) {
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1)));
    while (!cluster.write(n2, kFull)) (void)cluster.deliver(0);
    cluster.settle();
}

}  // namespace

TEST_CASE("what a disk did not take is written again by itself, whoever asks meanwhile") {
    Cluster cluster(3);
    rotate_onto_full_disk(cluster);
    for (const NodeId id : cluster.roster()) {
        CHECK(to_text(cluster.state(id), {{n2, "b"}}) == "step 1 of 3: all accept the new key (" +
                                                             key(1).fingerprint() +
                                                             "); still to do it: b (disk full)");
    }
    CHECK(!cluster.rotate(n2, key(2)));
    CHECK(cluster.state(n2).trouble == "disk full");
    cluster.wait(base::seconds(6));
    REQUIRE(cluster.write(n2, kFull));
    cluster.settle();
    CHECK(cluster.disk(n1).sending().id == 0);
    cluster.wait(base::seconds(6));
    cluster.settle();
    for (const NodeId id : cluster.roster()) {
        CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
        CHECK(cluster.state(id).trouble.empty());
    }
}

TEST_CASE("each step is written again after a failure") {
    for (std::size_t failing = 1; failing <= 3; ++failing) {
        CAPTURE(failing);
        Cluster cluster(3);
        cluster.settle();
        REQUIRE(cluster.rotate(n1, key(1)));
        for (std::size_t step = 1; step <= failing; ++step) {
            while (!cluster.write(n2, step == failing ? kFull : base::ok())) {
                (void)cluster.deliver(0);
                (void)cluster.write(n1);
                (void)cluster.write(n3);
            }
        }
        cluster.settle();
        CHECK(cluster.state(n3).behind == NodeSet{n2});
        cluster.wait(base::seconds(6));
        cluster.settle();
        for (const NodeId id : cluster.roster())
            CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
    }
}

TEST_CASE("--now leaves out who is absent when it is given, and nobody who goes afterwards") {
    Cluster cluster(4);
    cluster.absent_too = false;
    cluster.settle();
    cluster.stop({4});
    cluster.settle();
    REQUIRE(cluster.rotate(n1, key(1), false));
    while (cluster.deliver(0)) {
    }
    cluster.stop(n2);  // it has not written the key
    cluster.settle();
    CHECK(cluster.state(n1).absent == NodeSet{n2});
    CHECK(cluster.disk(n1).sending().id == 0);
    cluster.start(n2);
    cluster.settle();
    for (const NodeId id : {n1, n2, n3}) CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
    CHECK(cluster.disk({4}) == MasterKeys(key(0)));
}

TEST_CASE("--now does not leave out a member that is behind, nor one that came and went again") {
    Cluster cluster(4);
    cluster.absent_too = false;
    cluster.settle();
    cluster.stop({4});
    rotate_onto_full_disk(cluster);
    CHECK(cluster.rotate(n1, key(9), false).error().code == base::Errc::conflict);
    // It goes, and is left out by that word alone; who goes later is not.
    cluster.stop(n2);
    cluster.start({4});
    cluster.settle();
    CHECK(cluster.state(n1).absent == NodeSet{n2});
    while (cluster.deliver(0)) {
    }
    REQUIRE(cluster.rotate(n1, key(9), false));
    cluster.start(n2);
    cluster.views();
    while (cluster.deliver(0)) {
    }
    cluster.stop(n2);
    cluster.settle();
    CHECK(cluster.state(n1).absent == NodeSet{n2});
    cluster.start(n2);
    cluster.settle();
    for (const NodeId id : cluster.roster())
        CHECK(cluster.disk(id) == MasterKeys(MasterKeys::Live{1, key(1)}));
}

TEST_CASE("ids wrap around") {
    CHECK(membership::newer({0, "a"}, {255, "b"}));
    CHECK(!membership::newer({255, "b"}, {0, "a"}));
    CHECK(membership::newer({7, "b"}, {7, "a"}));
}

TEST_CASE("crashes, cuts, merges and full disks: nobody is ever shut out, and in the end all have one key") {
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        CAPTURE(seed);
        base::Rng rng(seed);
        const auto draw = [&](std::size_t n) { return static_cast<std::size_t>(rng.below(n)); };
        Cluster cluster(static_cast<std::uint32_t>(3 + draw(2)));
        const auto any = [&] {
            return NodeId{static_cast<std::uint32_t>(1 + draw(cluster.roster().size()))};
        };
        std::uint8_t fresh = 0;
        for (int step = 0; step < 150; ++step) {
            switch (draw(20)) {
                case 0:
                    cluster.stop(any());
                    break;
                case 1:
                case 2:
                    cluster.start(any());
                    break;
                case 3:
                    cluster.move(any(), draw(2));
                    break;
                case 4: {
                    const NodeId asked = any();
                    if (cluster.runs(asked)) (void)cluster.rotate(asked, key(++fresh));
                    break;
                }
                case 5:
                    (void)cluster.write(any(), kFull);
                    break;
                case 6:
                    cluster.wait(base::seconds(2));
                    break;
                case 7:
                case 8:
                case 9:
                    (void)cluster.write(any());
                    break;
                default:
                    (void)cluster.deliver(draw(2));
                    break;
            }
            cluster.check_all_hear_all();
        }
        for (const NodeId id : cluster.roster()) cluster.start(id);
        for (const NodeId id : cluster.roster()) cluster.move(id, 0);
        cluster.settle();
        for (const NodeId id : cluster.roster()) {
            REQUIRE(cluster.disk(id) == cluster.disk(n1));
            REQUIRE(!cluster.disk(id).other());
            REQUIRE(cluster.state(id).step == KeyStep::none);
        }
    }
}

// Faults that other implementations of Totem had, as scenarios (README.md has the list). Each runs whole
// rings in virtual time, under the simulator's checker.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/world.hpp"
#include "totem/wire/codec.hpp"

using base::microseconds;
using base::milliseconds;
using base::NodeId;
using base::seconds;
namespace wire = totem::wire;

namespace {

template <typename Type>
bool is(base::ByteView bytes) {
    const auto message = wire::decode(bytes);
    return message && std::holds_alternative<Type>(*message);
}

// A world, its checker, and what was sent in it.
class Scene final : public sim::Observer {
  public:
    explicit Scene(std::uint32_t nodes, totem::RingConfig config = {}, std::uint64_t seed = 1)
        : world(seed, nodes, config, *this),
          checker_(world.roster()) {}

    sim::World world;
    std::map<std::size_t, std::uint64_t> sent_by_type;
    std::size_t largest{0};
    std::uint64_t requests{0};  // tokens that ask for something
    // Who sent which place of an old ring again.
    std::multimap<std::uint64_t, std::uint32_t> recovered;

    void start_all() {
        for (const NodeId id : world.roster()) world.start(id);
        REQUIRE(united(seconds(2)));
    }
    bool united(base::Duration limit) {
        return world.run_until([&] { return world.united(); }, world.now() + limit);
    }
    void run(base::Duration time) { world.run_until(world.now() + time); }
    void submit(std::uint32_t node, std::size_t size = 100,
                totem::Guarantee guarantee = totem::Guarantee::agreed) {
        static_cast<void>(world.submit(NodeId{node}, sim::make_payload(++last_id_, size), guarantee));
    }
    std::uint64_t views(std::uint32_t node) { return world.status(NodeId{node}).views; }
    // All guarantees held, and everything that the living submitted has arrived.
    void check_all() {
        CHECK(checker_.violation() == "");
        std::vector<totem::Member> living;
        for (const NodeId id : world.running()) living.push_back(world.member(id));
        CHECK(checker_.undelivered(living) == "");
        CHECK(checker_.finally(living) == "");
    }

    void started(const totem::Member& who, bool remembers) override { checker_.started(who, remembers); }
    void submitted(const totem::Member& who, base::ByteView payload, totem::Guarantee guarantee) override {
        checker_.submitted(who, payload, guarantee);
    }
    void happened(const totem::Member& who, const totem::Event& event) override {
        checker_.happened(who, event);
    }
    void sent(const totem::Member& who, const totem::Datagram& datagram) override {
        const auto message = wire::decode(datagram.bytes);
        REQUIRE(message);
        ++sent_by_type[message->index()];
        if (!std::holds_alternative<wire::CommitToken>(*message))
            largest = std::max(largest, datagram.bytes.size());
        if (const auto* data = std::get_if<wire::Data>(&*message); data != nullptr && data->recovered)
            recovered.emplace(data->recovered->seq.value, who.node.value);
        if (const auto* token = std::get_if<wire::Token>(&*message))
            requests += token->retransmit.empty() ? 0U : 1U;
    }

  private:
    sim::Checker checker_;
    std::uint64_t last_id_{0};
};

constexpr std::size_t kDataIndex = 1, kJoinIndex = 2;

}  // namespace

TEST_CASE("several nodes die at once, at any step of a view change: ring ids stay unique, the rest unites") {
    for (std::uint32_t dead = 1; dead <= 5; ++dead) {
        for (int step = 0; step < 24; step += 2) {
            Scene scene(6);
            for (const NodeId id : scene.world.roster()) scene.world.start(id);
            scene.run(microseconds(150 * step));
            for (std::uint32_t n = 1; n <= dead; ++n) scene.world.crash(NodeId{n});
            scene.submit(6);
            REQUIRE(scene.united(seconds(3)));
            scene.run(milliseconds(50));
            scene.check_all();
        }
    }
}

TEST_CASE("the token is lost for good at any step of recovery: what was to be recovered arrives once") {
    for (int passes = 0; passes < 12; ++passes) {
        Scene scene(4);
        scene.start_all();
        scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
            return is<wire::Data>(bytes) && to != NodeId{2} ? 0 : 1;  // only node 2 has what follows
        };
        for (int i = 0; i < 5; ++i) scene.submit(4);
        scene.run(milliseconds(1));
        scene.world.crash(NodeId{4});
        int left = passes;
        scene.world.copies = [&](NodeId, NodeId, base::ByteView bytes) {
            if (scene.world.status(NodeId{1}).phase == "operational" || !is<wire::Token>(bytes)) return 1;
            return left-- > 0 ? 1 : 0;
        };
        scene.run(milliseconds(2500));
        scene.world.copies = {};
        REQUIRE(scene.united(seconds(5)));
        scene.run(milliseconds(50));
        scene.check_all();
    }
}

TEST_CASE("a recovery that ended for one member alone: the other keeps the promise that it made there") {
    Scene scene(3);
    scene.start_all();
    scene.run(milliseconds(10));
    // Node 3's datagram reaches nobody, node 1's comes after that gap.
    scene.world.copies = [](NodeId from, NodeId, base::ByteView bytes) {
        return is<wire::Data>(bytes) && from == NodeId{3} ? 0 : 1;
    };
    for (const std::uint32_t sender : {3U, 1U}) {
        const std::uint64_t before = scene.sent_by_type[kDataIndex];
        scene.submit(sender);
        REQUIRE(scene.world.run_until([&] { return scene.sent_by_type[kDataIndex] > before; },
                                      scene.world.now() + milliseconds(50)));
    }
    scene.world.crash(NodeId{3});
    // Node 1 installs the ring of both, delivers its message in the transitional view, and is not heard
    // again.
    scene.world.copies = [&](NodeId from, NodeId, base::ByteView) {
        const totem::RingStatus one = scene.world.status(NodeId{1});
        return from == NodeId{1} && one.view.members.size() == 2 ? 0 : 1;
    };
    REQUIRE(scene.world.run_until([&] { return scene.views(1) == 2; }, scene.world.now() + seconds(3)));
    CHECK(scene.views(2) == 1);
    scene.world.crash(NodeId{1});
    scene.world.copies = {};
    REQUIRE(scene.united(seconds(3)));
    CHECK(scene.world.status(NodeId{2}).delivered == 1);
    scene.check_all();
}

TEST_CASE("recovery sends what somebody lacks, once, by the lowest that has it") {
    Scene scene(4);
    scene.start_all();
    scene.run(milliseconds(10));
    // Of node 4's datagrams 1 to 20, the first reaches nobody, 2 to 10 all, 11 to 15 nodes 2 and 3, and 16 to
    // 20 node 3 alone.
    scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
        const auto message = wire::decode(bytes);
        const auto* data = message ? std::get_if<wire::Data>(&*message) : nullptr;
        if (data == nullptr) return 1;
        if (data->seq.value == 1) return 0;
        return data->seq.value <= 10 || to == NodeId{3} || (data->seq.value <= 15 && to == NodeId{2}) ? 1 : 0;
    };
    for (int i = 0; i < 20; ++i) scene.submit(4, 1200);
    REQUIRE(scene.world.run_until([&] { return scene.sent_by_type[kDataIndex] == 20; },
                                  scene.world.now() + milliseconds(50)));
    scene.run(microseconds(200));
    scene.world.crash(NodeId{4});
    scene.world.copies = {};
    REQUIRE(scene.united(seconds(3)));
    std::multimap<std::uint64_t, std::uint32_t> expected;
    for (std::uint64_t seq = 11; seq <= 20; ++seq) expected.emplace(seq, seq <= 15 ? 2 : 3);
    CHECK(scene.recovered == expected);
    scene.check_all();
}

TEST_CASE(
    "recovery fails two, three, ten times in a row: the old ring's messages wait for the one that succeeds") {
    for (const int failures : {2, 3, 10}) {
        Scene scene(3);
        scene.start_all();
        scene.world.copies = [](NodeId from, NodeId to, base::ByteView bytes) {
            return is<wire::Data>(bytes) && from == NodeId{1} && to == NodeId{2} ? 0 : 1;
        };
        for (int i = 0; i < 20; ++i) scene.submit(1);
        scene.run(microseconds(300));
        scene.world.crash(NodeId{3});
        scene.world.copies = [](NodeId, NodeId, base::ByteView bytes) {
            return is<wire::Token>(bytes) || is<wire::Data>(bytes) ? 0 : 1;
        };
        scene.run(milliseconds(1300 + 300 * failures));
        CHECK(scene.views(1) == 1);
        scene.world.copies = {};
        REQUIRE(scene.united(seconds(3)));
        scene.run(milliseconds(50));
        scene.check_all();
        CHECK(scene.views(1) == 2);
    }
}

TEST_CASE("tokens doubled and reordered, data lost: nothing is missed, and no view changes") {
    Scene scene(4);
    scene.start_all();
    scene.world.weather.duplicate = 500;
    scene.world.weather.slow = 300;
    scene.world.weather.slow_by = milliseconds(3);
    scene.world.copies = [n = 0](NodeId, NodeId, base::ByteView bytes) mutable {
        return is<wire::Data>(bytes) && ++n % 5 == 0 ? 0 : 1;
    };
    for (int i = 0; i < 1000; ++i) {
        scene.submit(1 + static_cast<std::uint32_t>(i) % 4);
        scene.run(microseconds(200));
    }
    scene.run(milliseconds(500));
    scene.check_all();
    CHECK(scene.views(1) == 1);
}

TEST_CASE(
    "a node dies with full windows outstanding: recovery carries them all, then nothing is sent any more") {
    for (const std::size_t window : {std::size_t{40'000}, std::size_t{2'000'000}}) {
        totem::RingConfig config;
        config.window = window;
        Scene scene(3, config);
        scene.start_all();
        // Node 2 gets nothing, so nothing becomes stable and the others fill all windows.
        scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
            return is<wire::Data>(bytes) && to == NodeId{2} ? 0 : 1;
        };
        for (int i = 0; i < 3000; ++i) scene.submit(i % 2 == 0 ? 1 : 3, 1000);
        scene.run(milliseconds(200));
        scene.world.crash(NodeId{3});
        scene.run(milliseconds(10));
        scene.world.copies = {};
        REQUIRE(scene.united(seconds(5)));
        scene.run(seconds(5));
        scene.check_all();
        // Back to the quiet of before: no list of requests, no data.
        const std::uint64_t data = scene.sent_by_type[kDataIndex], requests = scene.requests;
        scene.run(seconds(2));
        CHECK(scene.sent_by_type[kDataIndex] == data);
        CHECK(scene.requests == requests);
    }
}

TEST_CASE("one receiver is out, tokens pass: the ring waits within its window, and goes on") {
    totem::RingConfig config;
    config.window = 300'000;
    Scene scene(3, config);
    scene.start_all();
    scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
        return is<wire::Data>(bytes) && to == NodeId{3} ? 0 : 1;
    };
    for (int i = 0; i < 500; ++i) scene.submit(1, 1000);
    scene.run(milliseconds(950));
    scene.world.copies = {};
    scene.run(seconds(2));
    scene.check_all();
    CHECK(scene.views(1) == 1);
    CHECK(scene.world.status(NodeId{1}).queued_bytes == 0);
}

TEST_CASE(
    "whoever never receives data leaves by itself, and is let in less and less often; the others go on") {
    Scene scene(3);
    scene.start_all();
    scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
        return is<wire::Data>(bytes) && to == NodeId{3} ? 0 : 1;
    };
    const base::Instant began = scene.world.now();
    std::vector<std::int64_t> left_at;  // seconds
    for (std::uint64_t views = 1; scene.world.now() < began + seconds(50); scene.run(milliseconds(100))) {
        scene.submit(1, 100, totem::Guarantee::safe);
        const totem::RingStatus status = scene.world.status(NodeId{3});
        if (status.views == views || status.view.members.size() > 1) continue;
        views = status.views;
        left_at.push_back((scene.world.now() - began).ms() / 1000);
        const totem::MembershipChange change = scene.world.changes(NodeId{3}).back();
        CHECK(change.cause == wire::Reason::failed_to_receive);
        CHECK(scene.world.changes(NodeId{1}).back().cause == wire::Reason::failed_to_receive);
        CHECK(scene.world.changes(NodeId{1}).back().after.nodes() == base::NodeSet{NodeId{1}, NodeId{2}});
    }
    REQUIRE(left_at.size() >= 5);
    CHECK(left_at.size() <= 12);
    CHECK(left_at[1] - left_at[0] <= 3);  // the receive timeout: it was let in at once
    CHECK(left_at.back() - left_at[left_at.size() - 2] >= 8);
    scene.world.copies = {};
    REQUIRE(scene.united(seconds(12)));
    scene.run(seconds(1));
    scene.check_all();
}

TEST_CASE("nothing that the originator sends reaches anybody: it goes on alone, the others without it") {
    Scene scene(3);
    scene.start_all();
    scene.world.copies = [](NodeId from, NodeId, base::ByteView bytes) {
        return is<wire::Data>(bytes) && from == NodeId{1} ? 0 : 1;
    };
    scene.submit(1);
    scene.run(milliseconds(2900));
    CHECK(scene.views(2) == 1);
    scene.run(milliseconds(300));
    CHECK(scene.views(2) > 1);
    CHECK(scene.world.changes(NodeId{2})[1].findings.front().evidence.rfind(
              "node 2 asked for datagram 1 of node 1 for 3", 0) == 0);
    scene.world.copies = {};
    REQUIRE(scene.united(seconds(3)));
    scene.run(milliseconds(50));
    scene.check_all();
}

TEST_CASE("32 nodes start at once: one view, and no join without news") {
    Scene scene(32);
    for (const NodeId id : scene.world.roster()) scene.world.start(id);
    scene.run(milliseconds(200));
    REQUIRE(scene.world.united());
    CHECK(scene.sent_by_type[kJoinIndex] <= std::uint64_t{32} * 33);  // one for each node learned of
    for (const NodeId id : scene.world.roster()) scene.submit(id.value);
    scene.run(milliseconds(200));
    scene.check_all();
    CHECK(scene.views(1) == 1);
}

TEST_CASE("large messages lie across a change of view, at any moment: each arrives whole, once") {
    for (int moment = 0; moment < 10; ++moment) {
        Scene scene(3);
        scene.start_all();
        for (std::uint32_t n = 1; n <= 3; ++n) {
            scene.submit(n, 300'000);
            scene.submit(n);
        }
        scene.run(milliseconds(1 + moment));
        scene.world.leave(NodeId{3});
        scene.run(microseconds(700 * moment));
        scene.world.start(NodeId{3});
        scene.submit(3, 200'000);
        REQUIRE(scene.united(seconds(2)));
        scene.run(seconds(1));
        scene.check_all();
    }
}

TEST_CASE("the last message before the ring falls idle is lost: it is asked for all the same") {
    Scene scene(3);
    scene.start_all();
    scene.run(seconds(1));
    scene.world.copies = [lost = false](NodeId, NodeId to, base::ByteView bytes) mutable {
        if (lost || to != NodeId{3} || !is<wire::Data>(bytes)) return 1;
        lost = true;
        return 0;
    };
    scene.submit(1);
    scene.run(milliseconds(60));
    scene.check_all();
}

TEST_CASE("a ring sequence is not used twice, though a node dies between reserving, storing and using it") {
    for (int step = 0; step < 30; ++step) {
        Scene scene(2);
        scene.world.fsync = milliseconds(2);
        for (int start = 0; start < 4; ++start) {
            for (const NodeId id : scene.world.roster()) scene.world.start(id);
            scene.run(microseconds(200 * step));
            scene.world.crash(NodeId{1});
            if (start % 2 == 0) scene.world.crash(NodeId{2});
        }
        scene.world.start(NodeId{1});
        scene.world.start(NodeId{2});
        REQUIRE(scene.united(seconds(3)));
        scene.check_all();
    }
}

TEST_CASE("datagrams filled to the brim fit in recovery, too") {
    Scene scene(3);
    scene.start_all();
    const std::size_t datagram_size = totem::RingConfig{}.datagram_size;
    scene.world.copies = [](NodeId, NodeId to, base::ByteView bytes) {
        return is<wire::Data>(bytes) && to == NodeId{2} ? 0 : 1;
    };
    for (int i = 0; i < 10; ++i) scene.submit(3, 20'000);
    scene.run(milliseconds(1));
    scene.world.crash(NodeId{3});
    scene.world.copies = {};
    scene.largest = 0;
    const std::uint64_t before = scene.sent_by_type[kDataIndex];
    REQUIRE(scene.united(seconds(3)));
    CHECK(scene.sent_by_type[kDataIndex] > before);
    CHECK(scene.largest <= datagram_size);
    CHECK(scene.largest > datagram_size / 2);
    scene.check_all();
}

TEST_CASE("everybody loses everybody: rings of one, which find together again") {
    Scene scene(5);
    scene.start_all();
    scene.world.partition({{NodeId{1}}, {NodeId{2}}, {NodeId{3}}, {NodeId{4}}, {NodeId{5}}});
    for (std::uint32_t n = 1; n <= 5; ++n) scene.submit(n);
    scene.run(seconds(3));
    for (std::uint32_t n = 1; n <= 5; ++n) CHECK(scene.world.status(NodeId{n}).view.members.size() == 1);
    scene.world.heal();
    REQUIRE(scene.united(seconds(3)));
    scene.run(milliseconds(50));
    scene.check_all();
}

TEST_CASE("a goodbye that is lost is a death; one that is followed by a new start is not held against it") {
    Scene scene(3);
    scene.start_all();
    scene.world.copies = [](NodeId, NodeId, base::ByteView bytes) { return is<wire::Leave>(bytes) ? 0 : 1; };
    scene.world.leave(NodeId{3});
    REQUIRE(scene.united(milliseconds(1500)));
    scene.world.copies = {};
    scene.world.start(NodeId{3});
    REQUIRE(scene.united(milliseconds(300)));
    scene.world.leave(NodeId{3});
    scene.world.start(NodeId{3});
    CHECK(scene.united(milliseconds(300)));
    scene.check_all();
}

TEST_CASE("a node is not run for half a token, a token, three tokens: nobody else is thrown out") {
    for (const std::int64_t pause : {500, 900, 1000, 1100, 3000}) {
        CAPTURE(pause);
        Scene scene(4);
        scene.start_all();
        scene.run(milliseconds(100));
        scene.world.pause(NodeId{2}, milliseconds(pause));
        scene.submit(1);
        scene.run(milliseconds(pause) + seconds(1));
        REQUIRE(scene.united(seconds(2)));
        scene.run(milliseconds(50));
        scene.check_all();
        if (pause < 1000) CHECK(scene.views(1) == 1);
        // Out and in again at most.
        CHECK(scene.views(1) <= 3);
    }
}

TEST_CASE("only copies of old tokens get through: the loss is noticed in time all the same") {
    Scene scene(3);
    scene.start_all();
    std::map<NodeId, std::pair<totem::Member, base::Bytes>> last;  // token by receiver
    scene.world.copies = [&](NodeId from, NodeId to, base::ByteView bytes) {
        if (is<wire::Token>(bytes)) last[to] = {scene.world.member(from), {bytes.begin(), bytes.end()}};
        return 1;
    };
    scene.submit(1);
    scene.run(milliseconds(20));
    scene.world.copies = [](NodeId, NodeId, base::ByteView bytes) { return is<wire::Token>(bytes) ? 0 : 1; };
    const sim::Instant cut = scene.world.now();
    while (scene.world.status(NodeId{1}).phase == "operational" && scene.world.now() < cut + seconds(3)) {
        for (const auto& [to, token] : last) scene.world.inject(token.first, to, token.second);
        scene.run(milliseconds(2));
    }
    CHECK((scene.world.now() - cut).ms() < 1100);
}

TEST_CASE("ring sequences go on above 32 bits") {
    Scene scene(3);
    scene.world.start(NodeId{1});
    scene.world.start(NodeId{2});
    REQUIRE(scene.united(seconds(1)));
    const std::uint64_t high = 0xffff'ffff;
    wire::Join join{1, high, 0, wire::Reason::start, {}, {}, {}, {}};
    join.nodes = {{NodeId{2}, {scene.world.member(NodeId{2}).incarnation, false}},
                  {NodeId{3}, {base::Incarnation{1}, false}}};
    join.rows = {{1, 1, 1, 0}};  // it hears node 2
    scene.world.inject({NodeId{3}, base::Incarnation{1}}, NodeId{2}, wire::encode(join));
    scene.run(seconds(1));
    REQUIRE(scene.united(seconds(2)));
    CHECK(scene.world.status(NodeId{1}).view.ring.seq > high);
    scene.world.start(NodeId{3});
    REQUIRE(scene.united(seconds(2)));
    scene.submit(3);
    scene.run(milliseconds(50));
    scene.check_all();
}

TEST_CASE("joins of two rings ago arrive: nothing comes of it") {
    Scene scene(3);
    std::vector<std::pair<totem::Member, base::Bytes>> joins;
    scene.world.copies = [&](NodeId from, NodeId, base::ByteView bytes) {
        if (is<wire::Join>(bytes)) joins.push_back({scene.world.member(from), {bytes.begin(), bytes.end()}});
        return 1;
    };
    scene.start_all();
    scene.world.copies = {};
    for (int i = 0; i < 2; ++i) {
        scene.world.crash(NodeId{3});
        scene.world.start(NodeId{3});
        REQUIRE(scene.united(seconds(3)));
    }
    const std::uint64_t before = scene.views(1);
    for (const auto& [from, bytes] : joins) {
        for (const NodeId to : scene.world.roster()) {
            if (to != from.node) scene.world.inject(from, to, bytes);
        }
    }
    scene.run(seconds(2));
    CHECK(scene.views(1) == before);
    CHECK(scene.world.united());
    scene.check_all();
}

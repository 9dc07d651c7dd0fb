#include <utility>

#include "totem/base/rng.hpp"

#include "support.hpp"

using monitor_test::Flight;
using monitor_test::World;

namespace {

constexpr base::NodeId kHere{1}, kThere{2};

// Says when it was last heard what it acknowledges, and keeps what it is told.
class Recorder final : public totem::Rider {
  public:
    std::uint32_t word(base::NodeId peer, base::Incarnation process, base::Instant heard) override {
        asked.push_back({peer, process, heard});
        return say;
    }
    void acknowledged(base::Instant now, base::NodeId peer, base::Instant sent, std::uint32_t word) override {
        told.push_back({now, peer, sent, word});
    }
    bool urgent(base::Instant now) override { return now >= due && std::exchange(due, again) != again; }
    [[nodiscard]] base::Instant next_deadline() const override { return due; }

    struct Asked {
        base::NodeId peer;
        base::Incarnation process;
        base::Instant heard;
    };
    struct Told {
        base::Instant now;
        base::NodeId peer;
        base::Instant sent;
        std::uint32_t word;
    };
    std::vector<Asked> asked;
    std::vector<Told> told;
    std::uint32_t say{7};
    base::Instant due{base::Instant::never()}, again{base::Instant::never()};
};

struct Pair {
    explicit Pair(std::vector<totem::MonitorLink> links = {{0, 1}}) : world(2, std::move(links)) {
        world.riders = {nullptr, &one, &two};
        world.start(1);
        world.start(2);
    }
    Recorder one, two;
    World world;
};

}  // namespace

TEST_CASE(
    "a rider's word goes with each heartbeat to a peer that was heard, and tells which of ours that was") {
    Pair pair;
    pair.two.say = 42;
    pair.world.run(base::seconds(2));
    REQUIRE(pair.one.told.size() >= 8);
    for (const Recorder::Told& told : pair.one.told) {
        CHECK(told.peer == kThere);
        CHECK(told.word == 42);
        CHECK((told.now - told.sent).ns > 0);
        CHECK(told.now - told.sent <= base::milliseconds(300));  // an interval and a round trip
    }
    for (const Recorder::Asked& asked : pair.two.asked) {
        CHECK(asked.peer == kHere);
        CHECK(asked.process == pair.world.incarnations[1]);
    }
    pair.two.say = 0;
    pair.world.run(base::seconds(1));
    const std::size_t before = pair.one.told.size();
    pair.world.run(base::seconds(1));
    CHECK(pair.one.told.size() == before);  // no word, nothing to tell
}

TEST_CASE("what is told was sent before it was heard, whatever is lost and late") {
    Pair pair;
    base::Rng rng(5);
    pair.world.passes = [&](const Flight&) { return !rng.chance(300); };
    pair.world.delay = base::milliseconds(40);
    pair.world.run(base::seconds(20));
    CHECK(pair.one.told.size() > 20);
    for (const Recorder::Told& told : pair.one.told) {
        // Some heartbeat of ours came to the other at least a way later.
        const auto heard = std::find_if(pair.two.asked.begin(), pair.two.asked.end(), [&](const auto& asked) {
            return asked.heard >= told.sent + base::milliseconds(40) && asked.heard <= told.now;
        });
        CHECK(heard != pair.two.asked.end());
    }
}

TEST_CASE(
    "a word is for one process: the next one of the node is told nothing of the former one's heartbeats") {
    Pair pair;
    pair.world.run(base::seconds(2));
    const base::Incarnation former = pair.world.incarnations[1];
    pair.world.start(1);
    pair.one.told.clear();
    // As many were sent by the former one; what speaks of those is of no use to the new one.
    totem::Heartbeat late{0, 1, {{0, true, 1, 1, {}}}, {}, former, false, 7};
    CHECK(
        pair.world.at(1).receive(pair.world.now, kThere, pair.world.incarnations[2], 0, totem::encode(late)));
    CHECK(pair.one.told.empty());
    late.of = pair.world.incarnations[1];
    CHECK(
        pair.world.at(1).receive(pair.world.now, kThere, pair.world.incarnations[2], 0, totem::encode(late)));
    CHECK(pair.one.told.size() == 1);
    late.reports[0].heard = 30;  // was never sent
    CHECK(
        pair.world.at(1).receive(pair.world.now, kThere, pair.world.incarnations[2], 0, totem::encode(late)));
    CHECK(pair.one.told.size() == 1);
}

TEST_CASE("urgent heartbeats go out at the rider's moment, and are answered within a round trip") {
    Pair pair;
    pair.world.run(base::seconds(2) + base::milliseconds(1));
    pair.world.run(base::milliseconds(100));  // between two heartbeats
    pair.one.told.clear();
    const base::Instant due = pair.world.now + base::milliseconds(7);
    pair.one.due = due;
    pair.world.run(base::milliseconds(8));
    REQUIRE(pair.one.told.size() == 1);
    CHECK(pair.one.told[0].sent == due);
    CHECK(pair.one.told[0].now == due + pair.world.delay * 2);
}

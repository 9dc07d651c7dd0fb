// Flow control: what a visit may send, by tables; windows that follow receive buffers, by scenarios.
#include <doctest/doctest.h>

#include <numeric>

#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/world.hpp"
#include "totem/ring/log.hpp"
#include "totem/wire/codec.hpp"

using base::milliseconds;
using base::NodeId;
using base::seconds;
using base::Seq;
using totem::Allowance;
using totem::Flow;
namespace wire = totem::wire;

namespace {

// Members of one ring that always have something to send, and nothing else of it: the token goes round, what
// is sent arrives at once.
class Round {
  public:
    Round(std::size_t members, std::size_t window, std::size_t per_visit, std::vector<std::size_t> costs)
        : costs_(std::move(costs)) {
        config_.window = window;
        config_.max_per_visit = per_visit;
        token_.window = static_cast<std::uint32_t>(window);
        for (std::size_t i = 0; i < members; ++i) {
            members_.emplace_back(totem::RingLog({}, window));
            members_.back().flow.agreed = token_.window;
        }
    }

    void turn() {
        for (std::size_t i = 0; i < members_.size(); ++i) visit(i);
    }
    std::vector<std::size_t> sent;  // by each in all
    std::size_t most_in_a_rotation{0}, most_outstanding{0}, most_seqs{0};

  private:
    struct Member {
        explicit Member(totem::RingLog l) : log(std::move(l)) {}
        totem::RingLog log;
        Flow flow;
        Seq passed;
    };

    void visit(std::size_t i) {
        sent.resize(members_.size());
        Member& m = members_[i];
        m.log.stable = m.passed;  // all have what we passed a rotation ago, and said so
        const std::size_t cost = costs_[i % costs_.size()], backlog = 10'000'000;
        config_.self.node = NodeId{static_cast<std::uint32_t>(i + 1)};
        totem::count_stable(m.flow, m.log, token_);
        Allowance allowance(config_, m.flow, m.log, token_, backlog, cost);
        while (allowance.fresh(cost)) {
            ++token_.seq.value;
            token_.sequenced += cost;
            sent[i] += cost;
        }
        totem::account(m.flow, m.log, config_.self.node, allowance, backlog, token_);
        m.passed = token_.seq;
        most_in_a_rotation = std::max<std::size_t>(most_in_a_rotation, token_.fcc);
        most_outstanding = std::max<std::size_t>(most_outstanding, m.flow.outstanding);
        most_seqs = std::max(most_seqs, token_.seq.value - m.log.stable.value);
    }

    totem::RingConfig config_;
    std::vector<std::size_t> costs_;
    std::vector<Member> members_;
    wire::Token token_;
};

// A world whose nodes send as much as they can, under the simulator's checker.
class LoadedWorld final : public sim::Observer {
  public:
    explicit LoadedWorld(std::uint32_t nodes, totem::RingConfig config = {})
        : world(1, nodes, config, *this),
          checker_(world.roster()) {}

    sim::World world;
    std::size_t smallest_window{SIZE_MAX};

    void start_all() {
        for (const NodeId id : world.roster()) world.start(id);
        REQUIRE(world.run_until([&] { return world.united(); }, world.now() + seconds(2)));
    }
    void run(base::Duration time) { world.run_until(world.now() + time); }
    bool submit(std::uint32_t node, std::size_t size) {
        return world.submit(NodeId{node}, sim::make_payload(++last_id_, size)) == totem::Submit::accepted;
    }
    // Each node's queue is never empty.
    void load(base::Duration time, std::size_t size = 1000) {
        static_cast<void>(load_until([] { return false; }, time, size));
    }
    template <typename Done>
    bool load_until(const Done& done, base::Duration at_most, std::size_t size = 1000) {
        for (const auto end = world.now() + at_most; world.now() < end && !done(); run(milliseconds(1))) {
            for (const NodeId id : world.roster()) {
                while (world.status(id).queued_bytes < 300'000) REQUIRE(submit(id.value, size));
            }
        }
        return done();
    }
    void finish() {
        const auto sent = [&] {
            for (const NodeId id : world.running()) {
                if (world.status(id).queued_bytes > 0 || world.status(id).outstanding > 0) return false;
            }
            return true;
        };
        CHECK(world.run_until(sent, world.now() + seconds(20)));
        CHECK(checker_.violation() == "");
        CHECK(checker_.undelivered(living()) == "");
        CHECK(checker_.finally(living()) == "");
        for (const NodeId id : world.running()) CHECK(world.status(id).views == 1);
    }
    std::vector<totem::Member> living() {
        std::vector<totem::Member> living;
        for (const NodeId id : world.running()) living.push_back(world.member(id));
        return living;
    }

    void started(const totem::Member& who, bool remembers) override { checker_.started(who, remembers); }
    void submitted(const totem::Member& who, base::ByteView payload, totem::Guarantee guarantee) override {
        checker_.submitted(who, payload, guarantee);
    }
    void happened(const totem::Member& who, const totem::Event& event) override {
        checker_.happened(who, event);
    }
    void sent(const totem::Member& who, const totem::Datagram& datagram) override {
        checker_.sent(who, datagram.bytes, world.config());
    }
    void looked(const totem::Member& who, const totem::RingStatus& status) override {
        checker_.looked(who, status, world.config());
        if (status.phase == "operational" && status.view.members.size() == world.roster().size())
            smallest_window = std::min(smallest_window, status.window);
    }

  private:
    sim::Checker checker_;
    std::uint64_t last_id_{0};
};

}  // namespace

TEST_CASE("any window and any size: all bounds hold, everybody gets its share, nothing stands still") {
    struct Case {
        std::size_t members, window, per_visit;
        std::vector<std::size_t> costs;
    };
    const Case cases[] = {
        {1, 1, 1, {66'000}},
        {2, 1, 1, {1100}},
        {16, 1000, 100, {66'000}},
        {16, 8000, 100'000, {2300}},        // less than one each in a rotation
        {5, 40'000, 3000, {2300}},          // bounded by the visit
        {3, 4u << 20, 256u << 10, {2300}},  // the default
        {3, 4u << 20, 256u << 10, {9932}},
        {3, 4u << 20, 256u << 10, {1060}},           // tiny ones
        {4, 20'000, 100'000, {1100, 9000, 66'000}},  // sizes that differ
        {16, 200'000, 100'000, {2300, 9932}},
    };
    for (const Case& c : cases) {
        CAPTURE(c.members);
        CAPTURE(c.window);
        Round round(c.members, c.window, c.per_visit, c.costs);
        constexpr std::size_t kTurns = 4000;
        for (std::size_t i = 0; i < kTurns; ++i) round.turn();
        const std::size_t largest = *std::max_element(c.costs.begin(), c.costs.end());
        CHECK(round.most_in_a_rotation <= std::max(c.window / 4, largest));
        CHECK(round.most_outstanding <= std::max(c.window, largest));
        CHECK(round.most_seqs <= totem::most_outstanding(c.window));
        const auto [least, most] = std::minmax_element(round.sent.begin(), round.sent.end());
        CHECK(*least > 0);
        if (c.window / 4 >= largest) CHECK(*least + 2 * largest >= *most * 3 / 4);
        // Not less than a third of what the bounds allow.
        const std::size_t all = std::accumulate(round.sent.begin(), round.sent.end(), std::size_t{0});
        const std::size_t allowed = std::min(c.window / 4, c.members * c.per_visit);
        CHECK(all >= kTurns / 3 * std::min(allowed, all + 1));
    }
}

TEST_CASE("what was asked for goes before what is new, and both stay within the rotation") {
    totem::RingConfig config;
    config.window = 40'000;  // a rotation: 10,000
    wire::Token token;
    token.window = 40'000;
    const totem::RingLog log({}, config.window);
    Flow flow;
    flow.agreed = token.window;
    SUBCASE("nothing is asked for") {
        Allowance allowance(config, flow, log, token, 50'000, 2000);
        int sent = 0;
        while (allowance.fresh(2000)) ++sent;
        CHECK(sent == 5);
        CHECK(allowance.limited());
    }
    SUBCASE("two are sent again, one is left to others") {
        Allowance allowance(config, flow, log, token, 50'000, 2000);
        CHECK(allowance.repair(2000));
        CHECK(allowance.repair(2000));
        allowance.reserve(3000);
        CHECK(allowance.fresh(2000));
        CHECK_FALSE(allowance.fresh(2000));
        CHECK(allowance.used() == 6000);
    }
    SUBCASE("others have sent: what was asked for waits, too") {
        token.fcc = 9000;
        Allowance allowance(config, flow, log, token, 50'000, 2000);
        CHECK_FALSE(allowance.repair(2000));
        CHECK_FALSE(allowance.fresh(2000));
        CHECK(allowance.repair(1000));
    }
    SUBCASE("the window is full") {
        token.sequenced = 39'000;
        Allowance allowance(config, flow, log, token, 50'000, 2000);
        CHECK_FALSE(allowance.fresh(2000));
        CHECK(allowance.repair(2000));
    }
    SUBCASE("only the visit's bound is reached: that is not the window's fault") {
        config.max_per_visit = 4000;
        Allowance allowance(config, flow, log, token, 50'000, 2000);
        while (allowance.fresh(2000)) {
        }
        CHECK(allowance.used() == 4000);
        CHECK_FALSE(allowance.limited());
    }
}

TEST_CASE("a small receive buffer at one member: the window fits it, and nothing overflows under full load") {
    for (const std::size_t buffer : {std::size_t{60'000}, std::size_t{212'992}}) {
        LoadedWorld scene(4);
        scene.world.receive_buffer = [buffer](NodeId node) {
            return node == NodeId{3} ? buffer : std::size_t{8} << 20;
        };
        scene.world.weather.lazy = 900;
        scene.world.weather.lazy_by = milliseconds(3);
        scene.start_all();
        for (const NodeId id : scene.world.roster()) {
            CHECK(scene.world.status(id).largest_window == buffer);
            CHECK(scene.world.status(id).window == buffer);
        }
        scene.load(milliseconds(200));
        scene.world.pause(NodeId{3}, milliseconds(400));
        scene.load(milliseconds(500));
        scene.finish();
        CHECK(scene.world.hits.overflowed == 0);
        CHECK(scene.smallest_window == buffer);
        CHECK(scene.world.status(NodeId{1}).delivered > 1000);
    }
}

TEST_CASE("a buffer that holds less than it says: the window is halved when it overflows, and comes back") {
    LoadedWorld scene(3);
    scene.world.receive_buffer = [](NodeId) { return std::size_t{400'000}; };
    scene.world.weather.overhead = 20'000;  // the kernel takes that much for each datagram
    scene.world.weather.lazy = 900;
    scene.world.weather.lazy_by = milliseconds(3);
    scene.start_all();
    scene.load(milliseconds(300));
    const std::uint64_t overflowed = scene.world.hits.overflowed;
    CHECK(overflowed > 0);
    CHECK(scene.smallest_window < 400'000);
    CHECK(scene.smallest_window >= 16 * totem::charge(scene.world.config().datagram_size));
    // Once it has found out, little is lost.
    scene.load(milliseconds(500));
    CHECK(scene.world.hits.overflowed - overflowed < scene.world.status(NodeId{1}).sent / 50);
    // The reason is gone: under load the window grows again, as far as it was agreed, and not beyond.
    scene.world.weather.overhead = 832;
    CHECK(scene.load_until([&] { return scene.world.status(NodeId{1}).window == 400'000; }, seconds(10)));
    scene.finish();
}

TEST_CASE("loss on the way is no overflow: the window stays") {
    for (const std::uint32_t loss : {10U, 50U}) {
        LoadedWorld scene(3);
        scene.world.receive_buffer = [](NodeId) { return std::size_t{300'000}; };
        scene.start_all();
        scene.world.weather.loss = loss;
        scene.load(milliseconds(200));
        scene.world.weather.loss = 0;
        scene.finish();
        CHECK(scene.world.hits.lost > 20);
        CHECK(scene.smallest_window == 300'000);
    }
}

TEST_CASE("a buffer becomes smaller while the ring is operational: so does the window, for all") {
    LoadedWorld scene(3);
    scene.world.receive_buffer = [](NodeId) { return std::size_t{1'000'000}; };
    scene.start_all();
    scene.load(milliseconds(100));
    scene.world.resize_receive_buffer(NodeId{2}, 100'000);
    scene.load(milliseconds(100));
    for (const NodeId id : scene.world.roster()) {
        CHECK(scene.world.status(id).window <= 100'000 + totem::charge(scene.world.config().datagram_size));
        CHECK(scene.world.status(id).largest_window == 1'000'000);
    }
    scene.finish();
}

TEST_CASE("datagrams of 65,000 bytes pass through the smallest window there is") {
    totem::RingConfig config;
    config.window = 1;
    config.max_per_visit = 1;
    config.datagram_size = wire::kMaxDatagram;
    LoadedWorld scene(3, config);
    scene.start_all();
    for (std::uint32_t n = 1; n <= 3; ++n) {
        REQUIRE(scene.submit(n, 300'000));
        REQUIRE(scene.submit(n, 10));
    }
    scene.finish();
}

TEST_CASE("the submitter is told that the queue is full; what was taken is sent") {
    totem::RingConfig config;
    config.window = 20'000;
    config.max_queued = 100'000;
    LoadedWorld scene(3, config);
    scene.start_all();
    int taken = 0;
    while (scene.submit(1, 1000)) ++taken;
    CHECK(taken >= 100);
    CHECK(scene.world.status(NodeId{1}).queued_bytes > 99'000);
    scene.run(milliseconds(20));
    CHECK(scene.submit(1, 1000));
    scene.finish();
}

#include <doctest/doctest.h>

#include "tests/sim/ring/world.hpp"
#include "totem/wire/codec.hpp"

using base::milliseconds;
using base::NodeId;
using base::seconds;

namespace {

struct Collector : sim::Observer {
    std::map<NodeId, std::vector<totem::Event>> events;
    bool print{false};
    void happened(const sim::Member& who, const totem::Event& event) override {
        events[who.node].push_back(event);
    }
    void noted(const sim::Member& who, base::Level, const std::string& text) override {
        if (print) MESSAGE(who.node.value << ": " << text);
    }
    std::string delivered(NodeId node) const {
        std::string text;
        const auto at = events.find(node);
        if (at == events.end()) return text;
        for (const totem::Event& e : at->second) {
            if (const auto* d = std::get_if<totem::Delivered>(&e))
                text += std::string(base::as_text(d->payload)) + " ";
        }
        return text;
    }
};

base::Bytes bytes_of(const std::string& text) {
    return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("a node alone becomes a ring of one and delivers to itself") {
    Collector seen;
    sim::World world(1, 1, {}, seen);
    world.start(NodeId{1});
    CHECK(world.submit(NodeId{1}, bytes_of("early")) == totem::Submit::accepted);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(400)));
    CHECK(world.submit(NodeId{1}, bytes_of("late")) == totem::Submit::accepted);
    CHECK(seen.delivered(NodeId{1}) == "early late ");
}

TEST_CASE("nodes that start together form one ring within 300 ms and deliver in one order") {
    for (const std::uint32_t n : {2u, 3u, 16u}) {
        Collector seen;
        sim::World world(1, n, {}, seen);
        for (const NodeId id : world.roster()) {
            world.start(id);
            CHECK(world.submit(id, bytes_of("m" + std::to_string(id.value))) == totem::Submit::accepted);
        }
        REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
        world.run_until(world.now() + milliseconds(100));
        const std::string order = seen.delivered(NodeId{1});
        CHECK(std::count(order.begin(), order.end(), 'm') == n);
        for (const NodeId id : world.roster()) CHECK(seen.delivered(id) == order);
    }
}

TEST_CASE("a silent node leads to a new view in 1.35 s, with 2 nodes as with 16, busy or idle") {
    for (const std::uint32_t n : {2u, 3u, 16u}) {
        for (const std::int64_t idle_for : {5, 3000}) {
            Collector seen;
            sim::World world(n, n, {}, seen);
            for (const NodeId id : world.roster()) world.start(id);
            REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
            world.run_until(world.now() + milliseconds(idle_for));
            const sim::Instant died = world.now();
            world.crash(NodeId{n});
            REQUIRE(world.run_until([&] { return world.united(); }, died + seconds(5)));
            CHECK((world.now() - died).ms() < 1350);
        }
    }
}

TEST_CASE("a silent node that no link hears any more leads to a new view in 1.15 s") {
    for (const std::uint32_t n : {2u, 3u, 16u}) {
        for (const std::int64_t idle_for : {500, 3000}) {
            Collector seen;
            sim::World world(n, n, {}, seen);
            world.weather.watched = true;
            for (const NodeId id : world.roster()) world.start(id);
            REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
            world.run_until(world.now() + milliseconds(idle_for));
            const sim::Instant died = world.now();
            world.crash(NodeId{n});
            REQUIRE(world.run_until([&] { return world.united(); }, died + seconds(5)));
            CHECK((world.now() - died).ms() < 1150);
        }
    }
}

TEST_CASE("a goodbye leads to a new view in a few round trips") {
    Collector seen;
    sim::World world(1, 3, {}, seen);
    for (const NodeId id : world.roster()) world.start(id);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
    world.run_until(world.now() + seconds(1));
    const sim::Instant left = world.now();
    world.leave(NodeId{2});
    REQUIRE(world.run_until([&] { return world.united(); }, left + seconds(1)));
    CHECK((world.now() - left).ms() < 5);
}

TEST_CASE("a message of 4 MiB arrives whole, and a longer one is refused") {
    Collector seen;
    sim::World world(1, 2, {}, seen);
    for (const NodeId id : world.roster()) world.start(id);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
    const std::string big(4u << 20, 'x');
    CHECK(world.submit(NodeId{1}, bytes_of(big)) == totem::Submit::accepted);
    REQUIRE(world.run_until([&] { return seen.delivered(NodeId{2}).size() > 0; }, world.now() + seconds(3)));
    CHECK(seen.delivered(NodeId{2}) == big + " ");
    CHECK(seen.delivered(NodeId{1}) == big + " ");
}

TEST_CASE("an idle ring is quiet, and the first message after it takes about one rotation") {
    Collector seen;
    sim::World world(1, 3, {}, seen);
    for (const NodeId id : world.roster()) world.start(id);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
    world.run_until(world.now() + seconds(2));
    const std::uint64_t tokens = world.status(NodeId{1}).tokens;
    world.run_until(world.now() + seconds(1));
    CHECK(world.status(NodeId{1}).tokens - tokens < 25);
    const sim::Instant start = world.now();
    CHECK(world.submit(NodeId{2}, bytes_of("wake")) == totem::Submit::accepted);
    REQUIRE(world.run_until([&] { return seen.delivered(NodeId{3}) == "wake "; }, start + seconds(1)));
    CHECK((world.now() - start).ns < milliseconds(2).ns);
}

TEST_CASE("4 MiB is the longest message, and a full queue says so without taking anything") {
    totem::RingConfig config;
    config.max_queued = 5u << 20;
    base::SilentTracer silent;
    config.self = {NodeId{1}, base::Incarnation{1}};
    config.roster = {NodeId{1}};
    totem::Ring ring(config, 0, base::Rng(1), silent, sim::Instant{});
    CHECK(ring.submit(sim::Instant{}, base::Bytes((4u << 20) + 1)) == totem::Submit::too_large);
    CHECK(ring.submit(sim::Instant{}, base::Bytes(4u << 20)) == totem::Submit::accepted);
    CHECK(ring.submit(sim::Instant{}, base::Bytes(2u << 20)) == totem::Submit::queue_full);
    CHECK(ring.status().queued_bytes == 4u << 20);
    CHECK(ring.submit(sim::Instant{}, base::Bytes(1u << 20)) == totem::Submit::accepted);
}

TEST_CASE("messages of one byte, from all sides, under loss: all arrive, in one order") {
    Collector seen;
    sim::World world(5, 3, {}, seen);
    for (const NodeId id : world.roster()) world.start(id);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
    world.weather.loss = 50;
    world.weather.duplicate = 50;
    for (int i = 0; i < 1000; ++i) {
        const NodeId node{1 + static_cast<std::uint32_t>(i) % 3};
        CHECK(world.submit(node, {static_cast<std::uint8_t>('a' + i % 26)}) == totem::Submit::accepted);
        world.run_until(world.now() + base::microseconds(100));
    }
    world.weather.loss = 0;
    const std::string all = [&] {
        REQUIRE(world.run_until([&] { return seen.delivered(NodeId{1}).size() == 2000; },
                                world.now() + seconds(5)));
        return seen.delivered(NodeId{1});
    }();
    world.run_until(world.now() + milliseconds(50));
    CHECK(seen.delivered(NodeId{2}) == all);
    CHECK(seen.delivered(NodeId{3}) == all);
    CHECK(world.status(NodeId{1}).views == 1);
}

TEST_CASE("a disk that hangs delays a ring by no more than a silent node would") {
    Collector seen;
    sim::World world(1, 3, {}, seen);
    world.fsync = seconds(60);
    for (const NodeId id : world.roster()) world.start(id);
    CHECK(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(700)));
}

TEST_CASE("after a goodbye there is nothing to wait for, and nothing is taken any more") {
    base::SilentTracer silent;
    totem::RingConfig config;
    config.self = {NodeId{1}, base::Incarnation{1}};
    config.roster = {NodeId{1}, NodeId{2}};
    totem::Ring ring(config, 0, base::Rng(1), silent, sim::Instant{});
    static_cast<void>(ring.drain());
    ring.leave(sim::Instant{});
    CHECK(ring.drain().datagrams.size() == 1);
    CHECK(ring.next_deadline() == sim::Instant::never());
    CHECK(ring.submit(sim::Instant{}, {1}) == totem::Submit::queue_full);
    ring.advance(sim::Instant{} + seconds(5));
    const totem::Outbox after = ring.drain();
    CHECK(after.datagrams.empty());
    CHECK(after.events.empty());
    CHECK(ring.status().phase == "left");
}

TEST_CASE("strangers, our own frames and garbage change nothing and are counted") {
    base::SilentTracer silent;
    totem::RingConfig config;
    config.self = {NodeId{1}, base::Incarnation{1}};
    config.roster = {NodeId{1}, NodeId{2}};
    totem::Ring ring(config, 0, base::Rng(1), silent, sim::Instant{});
    static_cast<void>(ring.drain());
    namespace wire = totem::wire;
    const auto join = [](std::uint32_t node) {
        return wire::encode(wire::Join{
            1, 0, 0, wire::Reason::start, {}, {{NodeId{node}, {base::Incarnation{1}, false}}}, {}, {}});
    };
    const base::Bytes of_3 = join(3), of_1 = join(1), garbage{1, 200, 3};
    ring.receive(sim::Instant{}, {{{NodeId{3}, base::Incarnation{1}}, of_3},
                                  {{NodeId{1}, base::Incarnation{9}}, of_1},
                                  {{NodeId{2}, base::Incarnation{1}}, garbage}});
    CHECK(ring.status().dropped == 3);
    CHECK(ring.status().other_version == 0);
    CHECK(ring.drain().datagrams.empty());
    base::Bytes newer = join(2);
    newer[0] = 2;
    ring.receive(sim::Instant{}, {{{NodeId{2}, base::Incarnation{1}}, newer}});
    CHECK(ring.status().dropped == 4);
    CHECK(ring.status().other_version == 1);
    CHECK(ring.drain().datagrams.empty());
    const base::Bytes of_2 = join(2);
    ring.receive(sim::Instant{}, {{{NodeId{2}, base::Incarnation{1}}, of_2}});
    CHECK(ring.drain().datagrams.size() == 1);  // our join, with node 2 in it
}

TEST_CASE(
    "what only a second process of a member's name can have sequenced breaks the ring, and nobody in it") {
    Collector seen;
    sim::World world(1, 2, {}, seen);
    for (const NodeId id : world.roster()) world.start(id);
    REQUIRE(world.run_until([&] { return world.united(); }, sim::Instant{} + milliseconds(300)));
    world.run_until(world.now() + seconds(1));  // idle: one of the two holds the token
    const totem::View before = world.status(NodeId{1}).view;
    totem::wire::Data data;
    data.ring = before.ring;
    data.seq = base::Seq{1};
    data.payload = bytes_of("????");
    for (const NodeId id : world.roster()) {
        data.originator = NodeId{3 - id.value};
        world.inject(world.member(data.originator), id, totem::wire::encode(data));
    }
    world.run_until(world.now() + seconds(3));
    CHECK(world.united());
    CHECK(world.status(NodeId{1}).view.ring != before.ring);
}

TEST_CASE(
    "who leaves because it does not receive is believed that, and nothing else that it says of others") {
    namespace wire = totem::wire;
    base::SilentTracer silent;
    totem::RingConfig config;
    config.self = {NodeId{4}, base::Incarnation{1}};
    config.roster = {NodeId{1}, NodeId{2}, NodeId{3}, NodeId{4}};
    totem::Ring ring(config, 0, base::Rng(1), silent, sim::Instant{});
    // As nodes 1 to 3 know each other; node 4 is new to them.
    auto say = [&, serial = 0U](std::uint32_t node, wire::Reason reason, bool others_failed) mutable {
        wire::Join join;
        join.serial = ++serial;
        join.ring_seq = 1;
        join.reason = reason;
        join.subject = NodeId{node};
        if (reason == wire::Reason::failed_to_receive)
            join.lack = wire::Lack{base::Seq{17}, NodeId{1}, 1000, 40};
        for (std::uint32_t n = 1; n <= 3; ++n)
            join.nodes.push_back({NodeId{n}, {base::Incarnation{1}, others_failed && n != node}});
        const base::Bytes bytes = wire::encode(join);
        ring.receive(sim::Instant{} + milliseconds(1), {{{NodeId{node}, base::Incarnation{1}}, bytes}});
    };
    const auto failed = [&] {
        std::string text;
        for (const totem::Datagram& datagram : ring.drain().datagrams) {
            const auto message = wire::decode(datagram.bytes);
            REQUIRE(message);
            const auto* join = std::get_if<wire::Join>(&*message);
            if (join == nullptr) continue;
            text.clear();
            for (const wire::NodeStanding& n : join->nodes) {
                if (n.standing.failed) text += base::to_string(n.node) + " ";
            }
        }
        return text;
    };
    for (std::uint32_t n = 1; n <= 3; ++n) say(n, wire::Reason::joined, false);
    CHECK(failed() == "");
    SUBCASE("it leaves") {
        say(3, wire::Reason::failed_to_receive, true);
        CHECK(failed() == "3 ");
    }
    SUBCASE("it accuses, for any other reason") {
        say(3, wire::Reason::token_lost, true);
        CHECK(failed() == "1 2 ");
    }
}

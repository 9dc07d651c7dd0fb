#include <doctest/doctest.h>

#include "tests/sim/ring/world.hpp"

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

#include "support.hpp"

using monitor_test::Flight;
using monitor_test::World;
using totem::LinkState;

namespace {

constexpr base::NodeId kTwo{2}, kThree{3};

}  // namespace

TEST_CASE("a path is up within two round trips, and its round trip and size are known soon after") {
    World world(2);
    world.run(base::milliseconds(2));
    CHECK(world.path(1, 2).state == LinkState::up);
    CHECK(world.path(2, 1).state == LinkState::up);
    CHECK(world.path(1, 2).active);
    world.run(base::milliseconds(10));
    CHECK(world.path(1, 2).mtu == 1500);
    CHECK(world.at(1).frame_size(kTwo) == 1472);
    CHECK(world.at(1).common_frame_size() == 1472);
    world.run(base::seconds(5));
    CHECK(world.path(1, 2).srtt == base::microseconds(400));
    CHECK(world.path(1, 2).loss == 0);
    CHECK(world.path(1, 2).lost == 0);
    CHECK(world.path(1, 2).trouble.empty());
    CHECK(world.path(1, 2).went_down == 0);
}

TEST_CASE("an idle pair says little") {
    World world(2);
    world.run(base::seconds(1));
    const auto before = world.sent;
    world.run(base::seconds(10));
    CHECK(world.sent - before <= 2 * 41);
}

TEST_CASE("before anything was heard all links are used, at a size that every network carries") {
    World world(2, {{0, 1}, {1, 1}});
    world.kill(2);
    world.flights.clear();
    world.run(base::seconds(3));
    CHECK(world.path(1, 2).state == LinkState::unknown);
    CHECK(world.at(1).carries(kTwo, 0));
    CHECK(world.at(1).carries(kTwo, 1));
    CHECK(world.at(1).frame_size(kTwo) == totem::PathSize::kFloor);
    CHECK(world.at(1).common_frame_size() == totem::PathSize::kFloor);
    CHECK_FALSE(world.at(1).carries(kThree, 0));
}

TEST_CASE("of the links that are up the highest priority carries the frames, of equals the lowest number") {
    World equal(2, {{0, 1}, {1, 1}});
    equal.run(base::milliseconds(100));
    CHECK(equal.at(1).carries(kTwo, 0));
    CHECK_FALSE(equal.at(1).carries(kTwo, 1));
    World ranked(2, {{0, 1}, {1, 2}});
    ranked.run(base::milliseconds(100));
    CHECK(ranked.at(1).carries(kTwo, 1));
    CHECK_FALSE(ranked.at(1).carries(kTwo, 0));
    CHECK(ranked.path(1, 2, 1).active);
}

TEST_CASE("a link that is cut is left before the token would be lost, and taken again when it holds") {
    World world(3, {{0, 1}, {1, 1}});
    world.run(base::seconds(2));
    world.passes = [](const Flight& f) { return f.link != 0; };
    world.run(base::milliseconds(700));
    for (const std::uint32_t n : {1u, 2u, 3u}) {
        for (const std::uint32_t m : {1u, 2u, 3u}) {
            if (n == m) continue;
            CHECK(world.path(n, m, 0).state == LinkState::down);
            CHECK(world.path(n, m, 0).went_down == 1);
            CHECK(world.path(n, m, 1).state == LinkState::up);
            CHECK(world.at(n).carries(base::NodeId{m}, 1));
            CHECK_FALSE(world.at(n).carries(base::NodeId{m}, 0));
        }
    }
    CHECK(world.noted(1, "link 0 to node 2: down"));
    CHECK(world.noted(1, "frames to node 2 go by link 1 now, not by link 0"));
    world.passes = [](const Flight&) { return true; };
    world.run(base::milliseconds(200));
    CHECK(world.path(1, 2, 0).state == LinkState::down);  // one heartbeat is not enough
    world.run(base::seconds(1));
    CHECK(world.path(1, 2, 0).state == LinkState::up);
    CHECK(world.at(1).carries(kTwo, 0));
}

TEST_CASE("a direction that is dead is known at both ends") {
    World world(2, {{0, 1}, {1, 1}});
    world.run(base::seconds(2));
    world.passes = [](const Flight& f) { return f.link != 0 || f.from != 1; };
    world.run(base::milliseconds(700));
    CHECK(world.at(1).carries(kTwo, 1));
    CHECK(world.at(2).carries(base::NodeId{1}, 1));
    world.run(base::seconds(1));
    CHECK(world.path(1, 2, 0).state == LinkState::only_in);
    CHECK(world.path(2, 1, 0).state == LinkState::only_out);
    CHECK(world.at(1).carries(kTwo, 1));
    CHECK(world.at(2).carries(base::NodeId{1}, 1));
    CHECK(world.noted(1, "link 0 to node 2: we hear node 2, node 2 does not hear us"));
    CHECK(world.noted(2, "link 0 to node 1: node 1 hears us, we do not hear node 1"));
}

TEST_CASE("a direction that was dead from the start is known too, with one link where it can be") {
    World world(3);
    world.flights.clear();
    world.passes = [](const Flight& f) { return f.from != 1 || f.to != 2; };
    for (const std::uint32_t n : {1u, 2u, 3u}) world.start(n);
    world.run(base::seconds(3));
    CHECK(world.path(1, 2).state == LinkState::only_in);
    CHECK(world.path(2, 1).state == LinkState::unknown);
    CHECK(world.path(3, 1).state == LinkState::up);
    CHECK(world.path(3, 2).state == LinkState::up);
}

TEST_CASE("a link without sockets is left at once, and the peer learns of it") {
    World world(2, {{0, 1}, {1, 1}});
    world.run(base::seconds(2));
    world.at(1).link_closed(world.now, 0);
    world.collect(1);
    CHECK(world.at(1).carries(kTwo, 1));
    CHECK(world.path(1, 2, 0).state == LinkState::down);
    world.run(base::milliseconds(5));
    CHECK(world.path(2, 1, 0).state != LinkState::up);
    CHECK(world.at(2).carries(base::NodeId{1}, 1));
    world.at(1).link_opened(world.now, 0, 1472, 28);
    world.collect(1);
    world.run(base::seconds(2));
    CHECK(world.at(1).carries(kTwo, 0));
    CHECK(world.at(2).carries(base::NodeId{1}, 0));
}

TEST_CASE("a restarted peer is met anew at once; what an older process said is nothing") {
    World world(2);
    world.run(base::seconds(2));
    world.start(2);
    world.run(base::milliseconds(3));
    CHECK(world.path(1, 2).state == LinkState::up);
    CHECK(world.path(2, 1).state == LinkState::up);
    const auto body = totem::encode(totem::Heartbeat{0, 1, {}, {}});
    CHECK(world.at(1).receive(world.now, kTwo, {1}, 0, body));
    CHECK(world.path(1, 2).state == LinkState::up);
    CHECK(world.at(1).receive(world.now, base::NodeId{9}, {1}, 0, body));  // not configured
    CHECK_FALSE(world.at(1).receive(world.now, kTwo, {5}, 0, base::Bytes{totem::kLinkMark, 9}));
}

TEST_CASE("heartbeats tell each peer what was heard of it, until that is said anew") {
    World world(2);
    const base::Heard of_two{{2}, 17, 0xabcd};
    world.at(1).set_heard(kTwo, of_two);
    world.at(1).set_heard(base::NodeId{9}, of_two);  // not configured
    world.run(base::seconds(1));
    REQUIRE_FALSE(world.told[2].empty());
    CHECK(world.told[2].back() == of_two);
    CHECK(world.told[1].back() == base::Heard{});
    world.at(1).set_heard(kTwo, {{2}, 18, 1});
    world.run(base::seconds(1));
    CHECK(world.told[2].back() == base::Heard{{2}, 18, 1});
}

TEST_CASE("a peer that dies is down; an own pause accuses nobody") {
    World world(2);
    world.run(base::seconds(2));
    world.flights.clear();
    world.now = world.now + base::seconds(20);
    world.at(1).advance(world.now);
    CHECK(world.path(1, 2).state == LinkState::up);
    world.kill(2);
    world.run(base::seconds(2));
    CHECK(world.path(1, 2).state == LinkState::down);
    CHECK(world.path(1, 2).went_down == 1);
}

TEST_CASE("lost heartbeats are counted") {
    World world(2);
    world.run(base::seconds(2));
    int n = 0;
    world.passes = [&](const Flight& f) { return f.from != 1 || f.whole || ++n % 2 == 0; };
    world.run(base::seconds(30));
    const auto status = world.path(1, 2);
    CHECK(status.state == LinkState::up);
    CHECK(status.loss > 0.15);
    CHECK(status.loss < 0.35);
    CHECK(status.lost > 20);
    CHECK(world.path(2, 1).loss == 0);
}

TEST_CASE("large frames that die while small ones pass make the path smaller, in that direction only") {
    World world(3);
    world.run(base::seconds(2));
    REQUIRE(world.path(1, 2).mtu == 1500);
    world.passes = [](const Flight& f) { return f.from != 1 || f.to != 2 || f.size + 28 <= 1200; };
    world.run(base::milliseconds(2500));
    CHECK(world.path(1, 2).state == LinkState::up);
    CHECK(world.at(1).frame_size(kTwo) == 1000);
    CHECK(world.at(1).common_frame_size() == 1000);
    CHECK(world.at(1).frame_size(kThree) == 1472);
    CHECK(world.at(2).common_frame_size() == 1472);
    CHECK(world.path(1, 2).trouble.find("link 0 to node 2: datagrams of more than 1000 bytes get lost") == 0);
    CHECK(world.noted(
        1, "datagrams of more than 1000 bytes get lost on the way, though the interface takes 1472"));
    CHECK(world.path(2, 1).trouble.empty());
    CHECK(world.path(1, 2).went_down == 0);
    world.passes = [](const Flight&) { return true; };
    world.run(base::seconds(70));
    CHECK(world.at(1).common_frame_size() == 1472);
    CHECK(world.path(1, 2).trouble.empty());
}

TEST_CASE("a path that carries less than the floor is used all the same") {
    World world(2);
    world.passes = [](const Flight& f) { return f.size <= 700; };
    for (const std::uint32_t n : {1u, 2u}) world.start(n);
    world.run(base::seconds(5));
    CHECK(world.path(1, 2).state == LinkState::up);
    CHECK(world.at(1).common_frame_size() == totem::PathSize::kLowest);
}

TEST_CASE("jumbo frames are found, and an interface's odd MTU is used to the full") {
    World world(2);
    world.largest = 8972;
    for (const std::uint32_t n : {1u, 2u}) world.start(n);
    world.run(base::milliseconds(50));
    CHECK(world.path(1, 2).mtu == 9000);
    world.largest = 1300;
    for (const std::uint32_t n : {1u, 2u}) world.start(n);
    world.run(base::milliseconds(50));
    CHECK(world.path(1, 2).mtu == 1328);
    CHECK(world.path(1, 2).trouble.empty());
}

TEST_CASE("a peer is silent when no link hears it any more, and heard again with the first heartbeat") {
    World world(3, {{0, 1}, {1, 1}});
    world.run(base::seconds(2));
    CHECK(world.silences.empty());  // whoever was never heard is not silent, and nobody here is
    world.passes = [](const Flight& f) { return f.link != 0; };
    world.run(base::seconds(2));
    CHECK(world.silences.empty());
    world.passes = [](const Flight& f) { return f.from != 3; };
    const base::Instant cut = world.now;
    world.run(base::seconds(2));
    REQUIRE(world.silences.size() == 2);
    for (const auto& s : world.silences) {
        CHECK(s.by != 3);
        CHECK(s.about == 3);
        CHECK(s.silent);
        CHECK(s.at - cut < base::milliseconds(590));
        CHECK(s.at - cut > base::milliseconds(400));
    }
    world.silences.clear();
    world.passes = [](const Flight&) { return true; };
    world.run(base::seconds(1));
    REQUIRE(world.silences.size() == 2);
    for (const auto& s : world.silences) CHECK_FALSE(s.silent);
}

TEST_CASE("without a link of its own a node hears nobody, at once") {
    World world(3, {{0, 1}, {1, 1}});
    world.run(base::seconds(2));
    world.at(1).link_closed(world.now, 0);
    world.collect(1);
    CHECK(world.silences.empty());
    world.at(1).link_closed(world.now, 1);
    world.collect(1);
    REQUIRE(world.silences.size() == 2);
    world.at(1).link_opened(world.now, 1, 1472, 28);
    world.collect(1);
    CHECK(world.silences.size() == 2);
    world.run(base::milliseconds(500));
    CHECK(std::count_if(world.silences.begin(), world.silences.end(),
                        [](const auto& s) { return s.by == 1 && !s.silent; }) == 2);
}

TEST_CASE("silence is known before the token is lost, or a moment later where heartbeats are rare") {
    struct Row {
        std::size_t peers, links;
        std::int64_t token_ms, hush_ms;
    };
    // The ring waits for a silent node 125 ms after the token was lost; later than that is of no use.
    const Row rows[] = {{1, 1, 1000, 875},  {15, 1, 1000, 875}, {63, 1, 1000, 945}, {1, 2, 1000, 583},
                        {63, 8, 1000, 583}, {15, 1, 300, 262},  {3, 1, 100, 87},    {15, 1, 100, 225},
                        {1, 1, 30, 26},     {3, 1, 30, 45},     {15, 1, 30, 225},   {3, 2, 30, 17}};
    for (const Row& row : rows) {
        CAPTURE(row.peers);
        CAPTURE(row.token_ms);
        totem::MonitorConfig config;
        for (std::uint32_t n = 1; n <= row.peers; ++n) config.peers.push_back(base::NodeId{n});
        for (std::uint8_t n = 0; n < row.links; ++n) config.links.push_back({n, 1});
        config.token_timeout = base::milliseconds(row.token_ms);
        CHECK(config.hush().ms() == row.hush_ms);
        CHECK(config.hush() > config.interval());
        CHECK(config.hush() <= config.silence());
    }
}

TEST_CASE("what is tried on a path follows what its interface takes") {
    const base::Duration patience = base::milliseconds(25);
    base::Instant now{};
    totem::PathSize path;
    path.set_limit(8972, 28);
    path.came_up(now);
    const auto first = path.due(now, patience);
    REQUIRE(first);
    REQUIRE(path.answered(now, first->id));
    const auto larger = path.due(now, patience);
    REQUIRE(larger);
    CHECK(larger->size == 1400 - 28);
    path.set_limit(1280 - 28, 28);  // now the interface takes less
    now = now + base::seconds(1);
    const auto smaller = path.due(now, patience);
    REQUIRE(smaller);
    CHECK(smaller->size == 1280 - 28);
    CHECK_FALSE(path.answered(now, larger->id));
    CHECK(path.answered(now, smaller->id));
    CHECK(path.size() == 1280 - 28);
    CHECK(path.searched());
    path.set_limit(1500 - 28, 28);  // and now more
    REQUIRE(path.next_deadline() <= now);
    const auto again = path.due(now, patience);
    REQUIRE(again);
    CHECK(again->size == 1400 - 28);
}

namespace {

const std::vector<totem::MonitorLink> kGroup = {{0, 1, "239.1.1.1"}};

// Of three nodes, those whom `from` gives copies.
base::NodeSet copied(World& world, std::uint32_t from) {
    base::NodeSet out;
    for (std::uint32_t to = 1; to <= 3; ++to) {
        if (to != from && world.at(from).copies(base::NodeId{to}, 0)) out.insert(base::NodeId{to});
    }
    return out;
}

}  // namespace

TEST_CASE("whom a group does not reach is known within half a token timeout, and named when it lasts") {
    World world(3, kGroup);
    world.run(base::milliseconds(300));
    for (const std::uint32_t n : {1u, 2u, 3u}) CHECK(copied(world, n).empty());
    world.run(base::seconds(3));
    world.passes = [](const Flight& f) { return !f.by_group || f.to != 3; };
    world.run(base::milliseconds(505));
    CHECK(copied(world, 1) == base::NodeSet{kThree});
    CHECK(copied(world, 2) == base::NodeSet{kThree});
    CHECK(copied(world, 3).empty());
    CHECK(world.path(1, 3).trouble.empty());
    world.run(base::seconds(1));
    const std::string what =
        "what is sent by multicast group 239.1.1.1 does not arrive; copies go by unicast";
    CHECK(world.path(1, 3).trouble == "link 0 to node 3: " + what);
    CHECK(world.path(3, 1).trouble == "link 0 from node 1: " + what);
    CHECK(world.path(1, 2).trouble.empty());
    CHECK(world.path(1, 3).copies);
    CHECK(world.path(1, 3).group == "239.1.1.1");
    CHECK(world.noted(1, "link 0 to node 3: " + what + ". A switch or a filter"));
    CHECK(world.path(1, 3).state == LinkState::up);
    CHECK(world.path(1, 3).went_down == 0);
    world.passes = [](const Flight&) { return true; };
    world.run(base::milliseconds(490));  // two are not enough
    CHECK(copied(world, 1) == base::NodeSet{kThree});
    world.run(base::milliseconds(300));
    CHECK(copied(world, 1).empty());
    CHECK(world.path(1, 3).trouble.empty());
    CHECK(world.noted(1, "link 0 to node 3: what is sent by multicast group 239.1.1.1 arrives again"));
    CHECK(world.noted(3, "link 0 from node 1: what is sent by multicast group 239.1.1.1 arrives again"));
}

TEST_CASE("a group that is dead from the start is not relied upon") {
    World world(3, kGroup);
    world.flights.clear();
    world.passes = [](const Flight& f) { return !f.by_group; };
    for (const std::uint32_t n : {1u, 2u, 3u}) world.start(n);
    world.run(base::milliseconds(3));
    CHECK(copied(world, 1) == base::NodeSet{kTwo, kThree});
    world.run(base::seconds(3));
    CHECK(copied(world, 1) == base::NodeSet{kTwo, kThree});
    CHECK(world.path(1, 2).trouble.find("link 0 from node 2: ") != std::string::npos);
    CHECK(world.path(1, 2).trouble.find("link 0 to node 2: ") != std::string::npos);
}

TEST_CASE("who is not there gets no copies, nor does a lost frame or a pause make any") {
    World world(3, kGroup);
    world.run(base::seconds(2));
    world.kill(3);
    world.run(base::seconds(3));
    CHECK(copied(world, 1).empty());
    int lost = 0;
    world.passes = [&](const Flight& f) { return !f.by_group || f.from != 2 || ++lost != 1; };
    world.run(base::seconds(1));
    CHECK(lost > 1);
    CHECK(copied(world, 2).empty());
    world.now = world.now + base::seconds(5);  // both are paused
    world.run(base::milliseconds(1));
    CHECK(copied(world, 1).empty());
    CHECK(copied(world, 2).empty());
    CHECK(world.notes[1].size() == 3);  // up, up, down
}

TEST_CASE("a restarted peer hears the group at once, and a link that comes back is not said to be deaf") {
    World world(3, {{0, 1, "239.1.1.1"}, {1, 1}});
    world.run(base::seconds(2));
    world.kill(3);
    world.run(base::seconds(2));
    world.start(3);
    world.run(base::milliseconds(200));
    CHECK(copied(world, 1).empty());
    CHECK(copied(world, 3).empty());
    world.passes = [](const Flight& f) { return f.link != 0; };
    world.run(base::seconds(3));
    CHECK(copied(world, 1).empty());  // nothing of what goes to all goes by it
    world.passes = [](const Flight&) { return true; };
    world.run(base::seconds(1));
    CHECK(world.path(1, 2, 0).state == LinkState::up);
    CHECK(copied(world, 1).empty());
    CHECK_FALSE(world.noted(1, "group"));
}

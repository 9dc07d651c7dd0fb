#include "membership/sync/sync.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"

using membership::Diverged;
using membership::NotInstalled;
using membership::SyncConfig;
using sync_test::Cluster;
using sync_test::kService;
using sync_test::Phase;

namespace {

SyncConfig config(std::size_t chunk = 4, std::size_t chunks_in_flight = 2) {
    SyncConfig c;
    c.chunk = chunk;
    c.chunks_in_flight = chunks_in_flight;
    c.check_every = 0;
    return c;
}

std::vector<std::string> states(Cluster& cluster, const std::vector<std::uint32_t>& ids) {
    std::vector<std::string> out;
    for (const std::uint32_t id : ids) out.push_back(cluster[id].service.state);
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("equal states are synchronised with the last hello, and nothing is sent") {
    Cluster c(3, config());
    c.view({1, 2, 3});
    CHECK(c.order(2));
    CHECK(c.order(1));
    CHECK(c[1].phase() == Phase::hellos);
    CHECK(c[1].service.log == Texts{"ended"});
    CHECK(c.order(3));
    for (const std::uint32_t id : {1u, 2u, 3u}) {
        CHECK(c[id].phase() == Phase::current);
        CHECK(c[id].service.log == Texts{"ended", "synchronised"});
        CHECK_FALSE(c.order(id));
    }
}

TEST_CASE("a newcomer gets the state of the last hello's place, then what came meanwhile, once") {
    Cluster c(3, config());
    c[1].service.state = c[2].service.state = "0123456789";
    c.view({1, 2, 3});
    c.hellos();
    CHECK(c[3].phase() == Phase::needy);
    CHECK(c[1].phase() == Phase::current);
    c[2].service.say("a");
    c[2].sync->pump();
    CHECK(c.order(2));
    CHECK(c[1].service.state == "0123456789a");  // who is up to date goes on
    CHECK(c[3].service.state.empty());
    CHECK(c.order(1));  // two chunks were allowed at once
    CHECK(c.order(1));
    CHECK(c[3].status().received == 8);
    CHECK(c[3].status().total == 10);
    CHECK(c[1].status().authority == base::NodeId{1});
    c[2].service.say("b");
    c.rest();
    CHECK(states(c, {1, 2, 3}) == Texts{"0123456789ab", "0123456789ab", "0123456789ab"});
    CHECK(c[3].service.log == Texts{"ended", "installed", "synchronised"});
    CHECK(c[3].status().kept_bytes == 0);
    CHECK_FALSE(c[1].status().transfer);
}

TEST_CASE("an empty state is sent, too") {
    Cluster c(2, config());
    c[2].service.state = "x";
    c.view({1, 2});
    c[1].service.transfers = c[2].service.transfers = true;
    c.hellos();
    c.rest();
    CHECK(states(c, {1, 2}) == Texts{"x", "x"});
    // The other way round: whoever is longer counts here, so an empty one is only sent to whoever diverged.
}

TEST_CASE("no more chunks are under way than allowed") {
    Cluster c(2, config(1, 3));
    c[1].service.state = "0123456789";
    c.view({1, 2});
    c.hellos();
    std::size_t waiting = 0;
    std::vector<membership::SyncMessage> messages;
    while (std::optional<membership::SyncMessage> m = c[1].sync->next()) {
        ++waiting;
        messages.push_back(*std::move(m));
    }
    CHECK(waiting == 3);
    for (const membership::SyncMessage& m : messages) c.deliver(1, m.payload);
    c.rest();
    CHECK(c[2].service.state == "0123456789");
}

TEST_CASE("a view change ends a transfer without residue, wherever it comes") {
    for (int step = 0; step < 12; ++step) {
        CAPTURE(step);
        Cluster c(3, config(3, 1));
        c[1].service.state = c[2].service.state = "0123456789";
        c[3].service.state = "old";
        c.view({1, 2, 3});
        c.hellos();
        for (int i = 0; i < step; ++i) {
            c[2].service.say(std::to_string(i % 10));
            c[2].sync->pump();
            if (!c.order(i % 2 == 0 ? 1 : 2)) c.order(2);
        }
        const bool done = c[3].phase() == Phase::current;
        c.view({2, 3});  // the authority is gone
        CHECK(c[3].status().kept_bytes == 0);
        CHECK(c[3].service.state == (done ? c[2].service.state : "old"));
        c.rest();
        CHECK(c[2].service.state == c[3].service.state);
        CHECK(c[2].service.state.substr(0, 10) == "0123456789");
    }
}

TEST_CASE("the newcomer leaves in the middle: nobody goes on sending") {
    Cluster c(3, config(1, 1));
    c[1].service.state = c[2].service.state = "0123456789";
    c.view({1, 2, 3});
    c.hellos();
    c.order(1);
    c.view({1, 2});
    c.hellos();
    CHECK_FALSE(c.order(1));
    CHECK_FALSE(c[1].status().transfer);
}

TEST_CASE("what is ordered before the last hello is void, and said again once, in order") {
    Cluster c(2, config());
    c.view({1, 2});
    c.hellos();
    for (const char* what : {"a", "b", "c"}) c[1].service.say(what);
    c[1].sync->pump();
    c.order(1);  // a
    const auto b = c[1].sync->next();
    const auto late = c[1].sync->next();
    c.view({1, 2});
    // The ring had taken them, and orders them in the new view before the hello.
    c.deliver(1, b->payload);
    c.deliver(1, late->payload);
    CHECK(states(c, {1, 2}) == Texts{"a", "a"});
    CHECK(c[2].sync->status().stale == 2);
    c[1].service.say("d");
    c.rest();
    CHECK(states(c, {1, 2}) == Texts{"abcd", "abcd"});
    CHECK(c[1].status().in_flight == 0);
}

TEST_CASE("what is worth nothing in another view is not said again") {
    Cluster c(2, config());
    c.view({1, 2});
    c.hellos();
    c[1].service.say("a");
    c[1].service.say("b", true);
    c[1].service.say("c");
    c[1].sync->pump();
    c.view({1, 2});
    c.rest();
    CHECK(states(c, {1, 2}) == Texts{"ac", "ac"});
}

TEST_CASE("a hello that was meant for a former view does not count") {
    Cluster c(2, config());
    c.view({1, 2});
    const auto former = c[1].sync->next();
    c.view({1, 2});
    c.deliver(1, former->payload);
    c.order(2);
    CHECK(c[2].phase() == Phase::hellos);
    c.order(1);
    CHECK(c[2].phase() == Phase::current);
    CHECK(c[2].sync->status().stale == 1);
}

TEST_CASE("a message that the ring did not take is void after a view change") {
    Cluster c(2, config());
    c.view({1, 2});
    auto hello = c[1].sync->next();
    c[1].sync->put_back(*hello);
    hello = c[1].sync->next();
    REQUIRE(hello);
    c.view({1, 2});
    c[1].sync->put_back(*hello);
    c.hellos();
    CHECK(c[1].phase() == Phase::current);
    CHECK_FALSE(c[1].sync->next());
    CHECK(c[1].sync->status().stale == 0);
}

TEST_CASE("the ring is given no more than the window, but one message of any size") {
    SyncConfig small = config();
    small.window = 200;
    Cluster c(1, small);
    c.view({1});
    c.hellos();
    for (int i = 0; i < 10; ++i) c[1].service.say("x");
    c[1].service.say(std::string(1000, 'y'));
    c[1].sync->pump();
    CHECK(c[1].status().in_flight == 4);  // each counts as 64 bytes
    c.rest();
    CHECK(c[1].service.state == "xxxxxxxxxx" + std::string(1000, 'y'));
}

TEST_CASE("senders pause when they are too far ahead of a newcomer, and not for ever") {
    SyncConfig strict = config(10, 1);
    strict.lead = 20 * 64;  // a message counts as 64 bytes, however short
    Cluster c(2, strict);
    c[1].service.state = std::string(100, '.');
    c.view({1, 2});
    c.hellos();
    for (int i = 0; i < 100; ++i) c[1].service.say("x");
    c[1].sync->pump();
    std::vector<membership::SyncMessage> chunks;
    std::size_t ordered = 0;
    // Of everything but chunks as much as comes.
    while (std::optional<membership::SyncMessage> m = c[1].sync->next()) {
        const auto decoded = membership::sync::decode(m->payload);
        if (std::holds_alternative<membership::sync::Chunk>(decoded->body)) {
            chunks.push_back(*std::move(m));
        } else {
            c.deliver(1, m->payload);
            ++ordered;
        }
    }
    CHECK(ordered == 20);
    REQUIRE(chunks.size() == 1);
    c.deliver(1, chunks.front().payload);
    c.rest();
    CHECK(c[2].service.state == std::string(100, '.') + std::string(100, 'x'));
}

TEST_CASE("a state that can't be installed leaves the service out until another view") {
    Cluster c(2, config());
    c[1].service.state = "abc";
    c[2].service.install_error = base::invalid("a newer version's");
    c.view({1, 2});
    c.hellos();
    c[1].service.say("d");
    c.rest();
    CHECK(c[2].phase() == Phase::failed);
    CHECK(c[2].service.state.empty());
    REQUIRE(c[2].effects.size() == 1);
    CHECK(std::get<NotInstalled>(c[2].effects.front()).why.message == "a newer version's");
    CHECK(c[1].service.state == "abcd");
    c[2].service.install_error.reset();
    c.view({1, 2});
    c.rest();
    CHECK(c[2].service.state == "abcd");
}

TEST_CASE("a state that is not the one that was sent is not used") {
    Cluster c(2, config());
    c[1].service.state = "abc";
    c[2].service.installs_wrongly = true;
    c.view({1, 2});
    c.rest();
    CHECK(c[2].phase() == Phase::failed);
    CHECK(std::get<NotInstalled>(c[2].effects.at(0)).why.code == base::Errc::internal);
}

TEST_CASE("a state that is too large is announced and not sent") {
    Cluster c(3, config());
    c[1].service.state = "abc";
    c[1].service.claimed_size = membership::kMaxSnapshot + 1;
    c.view({1, 2, 3});
    c.rest();
    CHECK(c[2].phase() == Phase::failed);
    CHECK(c[3].phase() == Phase::failed);
    CHECK_FALSE(c[1].status().transfer);
    c[1].service.say("d");  // and nobody waits
    c.rest();
    CHECK(c[1].service.state == "abcd");
}

TEST_CASE("a member without the service is not waited for") {
    Cluster c(2, config());
    c.restart(2, false);
    c[1].service.state = "abc";
    c.view({1, 2});
    c.rest();
    CHECK(c[1].phase() == Phase::current);
    c[1].service.say("d");
    c.rest();
    CHECK(c[1].service.state == "abcd");
}

TEST_CASE("together are those with the same past") {
    Cluster c(4, config());
    const auto nodes = [](const std::vector<totem::Member>& members) {
        base::NodeSet set;
        for (const totem::Member& m : members) set.insert(m.node);
        return set;
    };
    c.view({1, 2, 3});
    c.rest();
    CHECK(nodes(c[1].service.together) == base::NodeSet{{1}});  // all come from nowhere
    c.view({1, 2});
    c.view({3, 4});
    c.rest();
    CHECK(nodes(c[1].service.together) == base::NodeSet{{1}, {2}});
    CHECK(nodes(c[3].service.together) == base::NodeSet{{3}});
    c.view({1, 2, 3, 4});
    // Before anybody said hello the view breaks up again, in another way: pasts stay what they were.
    c.view({1, 3});
    c.view({2, 4});
    c.view({1, 2, 3, 4});
    c.rest();
    CHECK(nodes(c[1].service.together) == base::NodeSet{{1}, {2}});
    CHECK(nodes(c[2].service.together) == base::NodeSet{{1}, {2}});
    CHECK(nodes(c[3].service.together) == base::NodeSet{{3}, {4}});
}

TEST_CASE("whoever left one ring in different company has another past") {
    Cluster c(3, config());
    c.view({1, 2, 3});
    c.rest();
    c.view({1, 2});
    c.view({3});  // leaves the same ring alone
    c.view({1, 2, 3});
    c.rest();
    CHECK(c[3].service.together == std::vector{c[3].who});
    CHECK(c[1].service.together == std::vector{c[1].who, c[2].who});
}

TEST_CASE("a mark finds the odd one, which stops, and all say so") {
    SyncConfig checked = config();
    checked.check_every = 3;
    Cluster c(3, checked);
    c.view({1, 2, 3});
    c.rest();
    c[2].service.state = "wrong";
    for (int i = 0; i < 3; ++i) c[3].service.say("x");
    c.rest();
    for (const std::uint32_t id : {1u, 2u, 3u}) {
        REQUIRE(c[id].effects.size() == 1);
        const auto& found = std::get<Diverged>(c[id].effects.front());
        CHECK(found.service == kService);
        CHECK(found.who == std::vector{c[2].who});
        CHECK(found.stopped == (id == 2));
    }
    CHECK(c[2].phase() == Phase::diverged);
    c[1].service.say("y");
    c.rest();
    CHECK(states(c, {1, 2, 3}) == Texts{"xxxy", "wrongxxx", "xxxy"});
    // In another view it is not listened to, longest or not, and gets the common state.
    c.view({1, 2, 3});
    c.rest();
    CHECK(states(c, {1, 2, 3}) == Texts{"xxxy", "xxxy", "xxxy"});
    CHECK(c[2].phase() == Phase::current);
    CHECK(c[2].effects.size() == 1);
}

TEST_CASE("of two the lower node stays; equal states are no news") {
    Cluster c(2, config());
    c.view({1, 2});
    c.rest();
    c[1].sync->check(kService);
    c.rest();
    CHECK(c[1].effects.empty());
    c[1].service.state = "?";
    c[2].sync->check(kService);
    c.rest();
    CHECK(c[2].phase() == Phase::diverged);
    CHECK(c[1].phase() == Phase::current);
}

TEST_CASE("hellos find the odd one among those with the same past, and it is sent the common state") {
    Cluster c(4, config());
    c.view({1, 2, 3});
    c.rest();
    c[1].service.say("abc");
    c.rest();
    c[1].service.state = "wrong, and longer";
    c[4].service.state = "z";  // from elsewhere: just needs the state
    c.view({1, 2, 3, 4});
    c.rest();
    CHECK(states(c, {1, 2, 3, 4}) == Texts{"abc", "abc", "abc", "abc"});
    for (const std::uint32_t id : {1u, 2u, 3u, 4u}) {
        REQUIRE(c[id].effects.size() == 1);
        CHECK(std::get<Diverged>(c[id].effects.front()).who == std::vector{c[1].who});
        CHECK_FALSE(std::get<Diverged>(c[id].effects.front()).stopped);
    }
}

TEST_CASE("a service without transfer stops where it is found to differ, also by hellos") {
    Cluster c(3, config());
    for (const std::uint32_t id : {1u, 2u, 3u}) c[id].service.transfers = false;
    c.view({1, 2, 3});
    c.rest();
    c[3].service.state = "wrong";
    c.view({1, 2, 3});
    c.rest();
    CHECK(c[3].phase() == Phase::diverged);
    CHECK(std::get<Diverged>(c[3].effects.at(0)).stopped);
    CHECK(c[1].phase() == Phase::current);
    CHECK_FALSE(std::get<Diverged>(c[1].effects.at(0)).stopped);
    c.view({1, 2, 3});
    c.rest();
    CHECK(c[3].phase() == Phase::diverged);
}

TEST_CASE("different states of different pasts are no divergence") {
    Cluster c(2, config());
    c.view({1});
    c.view({2});
    c.rest();
    c[1].service.say("a");
    c[2].service.say("bb");
    c.rest();
    c.view({1, 2});
    c.rest();
    CHECK(states(c, {1, 2}) == Texts{"bb", "bb"});
    CHECK(c[1].effects.empty());
}

TEST_CASE("what no member should send is ignored") {
    namespace sync = membership::sync;
    Cluster c(3, config());
    c[1].service.state = "0123456789";
    c.view({1, 2, 3});
    c.hellos();
    const auto ignored = [&c] { return c[2].sync->status().ignored; };
    c.deliver(3, {1, 2, 3});
    CHECK(ignored() == 1);
    c.deliver(3, sync::encode(kService, sync::Chunk{10, 0, {}}));  // not the authority
    CHECK(ignored() == 2);
    c.deliver(1, sync::encode(kService, sync::Chunk{10, 5, {}}));  // not the next one
    CHECK(ignored() == 3);
    c.deliver(1, sync::encode(99, sync::Data{{}}));  // of a service that we don't have
    CHECK(ignored() == 3);
    sync::Hello second;
    second.ring_seq = c[2].view->ring.seq;
    c.deliver(3, sync::encode(second));
    CHECK(ignored() == 4);
    c.deliver(3, sync::encode(kService, sync::Report{{77}, std::nullopt}));  // of no mark
    c.rest();
    CHECK(states(c, {1, 2, 3}) == Texts{"0123456789", "0123456789", "0123456789"});
}

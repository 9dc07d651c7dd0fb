// What programs get from the library, over the real socket.
#include "daemon.hpp"

#include <poll.h>
#include <sys/socket.h>

using namespace libcustos_test;  // NOLINT(google-build-using-namespace)

namespace {

bool is_readable(const Client& client) {
    pollfd waiting{client.fd(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
}

}  // namespace

TEST_CASE("join, send, get one's own, leave") {
    Daemon daemon;
    Client client = connected(daemon);
    CHECK(client.self().node == 3);
    CHECK(client.self().incarnation == 300);
    CHECK(client.self().client == 1);
    CHECK(client.self().pid == static_cast<std::uint32_t>(getpid()));
    CHECK(client.join("g") == Result::ok);
    CHECK(next(client) == "g: 1 members, joined 1 (join)");
    CHECK(client.members("g").size() == 1);
    CHECK(client.send("g", "hello") == Result::ok);
    CHECK(client.send("g", "safe", CUSTOS_SAFE) == Result::ok);
    CHECK(next(client) == "g: 1 says hello");
    CHECK(next(client) == "g: 1 says safe");
    CHECK(client.leave("g") == Result::ok);
    CHECK(next(client) == "g: 0 members, left 1 (leave)");
    CHECK(client.members("g").empty());
    CHECK(client.send("g", "to nobody") == Result::ok);
    CHECK(next(client, 0) == "nothing");
}

TEST_CASE("members see each other come, speak and go, with the reasons") {
    Daemon daemon;
    Client one = connected(daemon);
    CHECK(one.join("g") == Result::ok);
    CHECK(next(one) == "g: 1 members, joined 1 (join)");
    {
        Client two = connected(daemon);
        CHECK(two.join("g") == Result::ok);
        CHECK(next(two) == "g: 2 members, joined 2 (join)");
        CHECK(two.send("g", std::string("a\0b", 3)) == Result::ok);
    }
    CHECK(next(one) == "g: 2 members, joined 2 (join)");
    CHECK(next(one) == std::string("g: 2 says a\0b", 13));
    CHECK(next(one) == "g: 1 members, left 2 (leave)");  // said goodbye
    Client three = connected(daemon);
    CHECK(three.join("g") == Result::ok);
    CHECK(next(one) == "g: 2 members, joined 3 (join)");
    shutdown(three.fd(), SHUT_WR);  // as a process that dies
    CHECK(next(one) == "g: 1 members, left 3 (process died)");
    CHECK(next(three).substr(0, 5) == "g: 2 ");
    CHECK(next(three).substr(0, 5) == "lost:");
}

TEST_CASE("the largest message goes through, a larger one does not") {
    Daemon daemon;
    Client client = connected(daemon);
    CHECK(client.join("g") == Result::ok);
    next(client);
    std::string large(CUSTOS_MAX_MESSAGE, 'x');
    large.back() = 'y';
    REQUIRE(client.send("g", large) == Result::ok);
    const auto event = client.next(10'000);
    REQUIRE(event);
    CHECK(event->payload() == large);
    CHECK(client.send("g", large + "z") == Result::invalid);
}

TEST_CASE("credits are used up, and an event says when there are more") {
    membership::GroupsConfig config;
    config.send_messages = 3;
    config.send_bytes = 1000;
    Daemon daemon(config);
    Client client = connected(daemon);
    std::size_t messages = 0, bytes = 0;
    custos_credit(client.c(), &messages, &bytes);
    CHECK(messages == 3);
    CHECK(bytes == 1000);
    daemon.hold();
    CHECK(client.join("g") == Result::ok);
    CHECK(client.send("g", "a") == Result::ok);
    CHECK(client.send("g", std::string(5000, 'b')) == Result::ok);
    custos_credit(client.c(), &messages, &bytes);
    CHECK(messages == 0);
    CHECK(bytes == 0);
    CHECK(client.send("g", "c") == Result::no_credit);
    CHECK(next(client, 0) == "nothing");
    daemon.release();
    std::vector<std::string> got;
    for (int i = 0; i < 4; ++i) got.push_back(next(client).substr(0, 12));
    std::sort(got.begin(), got.end());  // credit may come before or behind
    CHECK(got == std::vector<std::string>{"credit", "g: 1 members", "g: 1 says a", "g: 1 says bb"});
    CHECK(client.send("g", "c") == Result::ok);
    CHECK(next(client) == "g: 1 says c");
}

TEST_CASE("the descriptor is readable as long as an event is left") {
    Daemon daemon;
    Client client = connected(daemon);
    CHECK(client.join("g") == Result::ok);
    for (const char* text : {"a", "b", "c"}) CHECK(client.send("g", text) == Result::ok);
    CHECK(next(client) == "g: 1 members, joined 1 (join)");
    daemon.connections();  // the daemon has written all
    for (const char* text : {"a", "b", "c"}) {
        CHECK(is_readable(client));
        CHECK(next(client, 0) == std::string("g: 1 says ") + text);
    }
    while (is_readable(client)) CHECK(next(client, 0) == "nothing");  // credits alone
}

TEST_CASE("who does not read is cut off, is told why, and the others go on") {
    membership::GroupsConfig config;
    config.keep_messages = 1000;
    config.keep_bytes = 1u << 20;
    Daemon daemon(config);
    Client slow = connected(daemon), quick = connected(daemon);
    CHECK(slow.join("g") == Result::ok);
    CHECK(quick.join("g") == Result::ok);
    CHECK(next(quick).substr(0, 4) == "g: 2");
    std::string told;
    int own = 0;
    const std::string payload(50'000, 'x');
    while (told.empty()) {
        REQUIRE(quick.send("g", payload) == Result::ok);
        for (;;) {
            const std::string event = next(quick);
            if (event.find(" says ") == std::string::npos) {
                told = event;
            } else {
                ++own;
                break;
            }
        }
    }
    CHECK(told == "g: 1 members, left 1 (cut off)");
    CHECK(own < 100);
    // What was on its way to it, then the reason.
    std::string last;
    for (int i = 0; i < 1000 && last.substr(0, 5) != "lost:"; ++i) last = next(slow);
    CHECK(last.find("lost: cut off: ") == 0);
    CHECK(last.find("were not taken") != std::string::npos);
    CHECK(slow.send("g", "x") == Result::lost);
    CHECK(next(slow).substr(0, 5) == "lost:");  // and again
    CHECK(quick.send("g", "on") == Result::ok);
    CHECK(next(quick) == "g: 2 says on");
    CHECK(daemon.connections() == 1);
}

TEST_CASE("the ring's views come to who asked for them") {
    Daemon daemon;
    Client client = connected(daemon, CUSTOS_RING_VIEWS), other = connected(daemon);
    CHECK(next(client) == "ring of 1");
    daemon.change_ring();
    CHECK(next(client) == "ring of 1");
    CHECK(next(other, 0) == "nothing");
}

TEST_CASE("all groups can be listed without being a client") {
    Daemon daemon;
    Client one = connected(daemon), two = connected(daemon);
    CHECK(one.join("b") == Result::ok);
    CHECK(one.join("a") == Result::ok);
    CHECK(two.join("b") == Result::ok);
    next(one);
    next(one);
    next(two);
    custos_list* list = nullptr;
    REQUIRE(custos_list_groups(daemon.socket().c_str(), &list) == CUSTOS_OK);
    REQUIRE(custos_list_size(list) == 2);
    std::size_t size = 0, count = 0;
    CHECK(std::string(custos_list_name(list, 0, &size)) == "a");
    CHECK(size == 1);
    REQUIRE(custos_list_members(list, 1, &count) != nullptr);
    CHECK(count == 2);
    CHECK(custos_list_members(list, 1, nullptr)[1].client == 2);
    CHECK(custos_list_name(list, 2, &size) == nullptr);
    custos_list_free(list);
    CHECK(custos_list_groups("/nowhere/groups.sock", &list) == CUSTOS_ABSENT);
    CHECK(std::string(custos_list_error(list)).find("no custosd serves groups at /nowhere") == 0);
    custos_list_free(list);
}

TEST_CASE("quotas: too many clients are turned away with the reason, too many joins are refused") {
    membership::GroupsConfig config;
    config.max_clients = 2;
    config.max_joins = 2;
    config.max_groups_of_client = 2;
    Daemon daemon(config);
    Client one = connected(daemon), two = connected(daemon), three;
    CHECK(three.connect(daemon.socket()) == Result::lost);
    CHECK(three.error() == "not let in: there are 2 clients already");
    CHECK(one.join("a") == Result::ok);
    CHECK(one.join("b") == Result::ok);
    CHECK(one.join("c") == Result::conflict);  // the library knows the bound
    CHECK(one.join("a") == Result::conflict);
    CHECK(one.leave("c") == Result::conflict);
    CHECK(next(one) == "a: 1 members, joined 1 (join)");
    CHECK(two.join("a") == Result::ok);
    CHECK(two.leave("a") == Result::ok);  // it does not know yet
    CHECK(next(two) == "a refused: there are 2 joins already");
    std::size_t messages = 0;
    CHECK(next(two, 50) == "nothing");
    custos_credit(two.c(), &messages, nullptr);
    CHECK(messages == config.send_messages);  // all is given back
}

TEST_CASE("a daemon that ends its clients says why; one that is gone is noticed") {
    Client client;
    {
        Daemon daemon;
        client = connected(daemon);
        Client other = connected(daemon);
        daemon.end_all("a defect");
        CHECK(next(other) == "lost: a defect");
        CHECK(next(client) == "lost: a defect");
        CHECK(client.connect(daemon.socket()) == Result::lost);
        CHECK(client.error() == "a defect");
    }
    {
        Daemon daemon;
        client = connected(daemon);
    }
    CHECK(next(client).find("lost: custosd has ended the connection") == 0);
    CHECK(client.join("g") == Result::lost);
}

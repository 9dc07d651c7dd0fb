// Addresses that come and go, in a network namespace of the test's own. Needs root; says so otherwise.
#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "support.hpp"
#include "totem/link/sockets.hpp"

using link_test::ip;
using link_test::IpAddress;
using link_test::Node;
using link_test::run_until;

namespace {

ifreq request_for(const char* interface) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    return request;
}

void control(unsigned long command, ifreq request) {
    auto fd = totem::open_udp();
    REQUIRE(fd);
    REQUIRE(::ioctl(fd->get(), command, &request) == 0);
}

void bring_up(const char* interface) {
    ifreq request = request_for(interface);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    control(SIOCSIFFLAGS, request);
}

void control_address(unsigned long command, const char* interface, const char* address) {
    ifreq request = request_for(interface);
    const base::SocketAddress value(ip(address), 0);
    std::memcpy(&request.ifr_addr, value.data(), value.size());
    control(command, request);
}

// As /32, so that one address neither covers nor takes along another.
void add_address(const char* interface, const char* address) {
    control_address(SIOCSIFADDR, interface, address);
    control_address(SIOCSIFNETMASK, interface, "255.255.255.255");
}

void shell(const std::string& command) {
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
}

// Without duplicate address detection, for which there is no one to ask.
void add_v6(const std::string& interface, const std::string& address) {
    shell("ip -6 addr add " + address + "/64 dev " + interface + " nodad");
}

void remove_address(const char* interface) {
    control_address(SIOCSIFADDR, interface, "0.0.0.0");
}

// Runs `test` on a thread of its own in a new network namespace; false: not allowed to make one.
bool in_new_namespace(const std::function<void()>& test) {
    bool made = false;
    std::thread thread([&] {
        made = ::unshare(CLONE_NEWNET) == 0;
        if (!made) return;
        try {
            test();
        } catch (...) {
            // a failed REQUIRE: doctest has counted it
        }
    });
    thread.join();
    return made;
}

const std::map<std::uint32_t, const char*> kTwo{{1, "10.77.0.1"}, {2, "10.77.0.2"}};

bool says(Node& node, const char* part) {
    return node.link().trouble().find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a link waits for its address, works when it comes, and says when it goes") {
    const bool ran = in_new_namespace([] {
        boost::asio::io_context io;
        bring_up("lo");
        Node one(io, 1, kTwo, 5405);
        one.link().start();
        CHECK_FALSE(one.link().bound());
        CHECK(says(one, "10.77.0.1 is not on this machine"));

        add_address("lo:1", "10.77.0.1");
        REQUIRE(run_until(io, [&] { return one.link().bound(); }));
        CHECK(one.link().trouble().empty());
        add_address("lo:2", "10.77.0.2");
        Node two(io, 2, kTwo, 5405);
        two.link().start();
        two.send(1, "hello");
        REQUIRE(run_until(io, [&] { return one.got.size() == 1; }));

        remove_address("lo:1");
        REQUIRE(run_until(io, [&] { return !one.link().bound(); }));
        CHECK(says(one, "not on this machine"));
        add_address("lo:1", "10.77.0.1");
        REQUIRE(run_until(io, [&] { return one.link().bound(); }));
        two.send(1, "again");
        CHECK(run_until(io, [&] { return one.got.size() == 2; }));
    });
    if (!ran) MESSAGE("skipped: making a network namespace needs root");
}

TEST_CASE("what the kernel refuses to send is counted and hurts nothing") {
    const bool ran = in_new_namespace([] {
        boost::asio::io_context io;
        bring_up("lo");
        add_address("lo:1", "10.77.0.1");
        Node one(io, 1, {{1, "10.77.0.1"}, {2, "10.99.0.2"}, {3, "127.0.0.1"}}, 5405);
        one.link().start();
        REQUIRE(one.link().bound());
        one.send(2, "no route there");
        one.send(3, "behind it");
        const auto counters = one.link().counters();
        CHECK(counters.send_failed == 1);
        CHECK(counters.sent == 1);
        CHECK(counters.last_send_error == totem::system_error(ENETUNREACH));
    });
    if (!ran) MESSAGE("skipped: making a network namespace needs root");
}

TEST_CASE("IPv6: unicast, a group, a closed port that is told, and packets that must not be cut") {
    const bool ran = in_new_namespace([] {
        boost::asio::io_context io;
        bring_up("lo");
        shell("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up");
        add_v6("d0", "fd77::1");
        add_v6("d0", "fd77::2");
        const std::map<std::uint32_t, const char*> two_nodes{{1, "fd77::1"}, {2, "fd77::2"}};
        Node one(io, 1, two_nodes, 5405, "ff15::77:9");
        Node two(io, 2, two_nodes, 5405, "ff15::77:9");
        for (Node* node : {&one, &two}) {
            node->link().start();
            REQUIRE(node->link().trouble() == "");
        }
        CHECK(one.link().interface()->name == "d0");
        CHECK(one.link().interface()->mtu == 1500);
        one.send(std::nullopt, "data");
        one.send(2, "token");
        REQUIRE(run_until(io, [&] { return two.got.size() == 2; }));
        CHECK(two.got == std::vector<std::string>{"fd77::1 data", "fd77::1 token"});
        two.link().close();
        one.send(2, "anybody?");
        REQUIRE(run_until(io, [&] { return !one.refused.empty(); }));
        CHECK(one.refused.front() == base::NodeId{2});
    });
    if (!ran) MESSAGE("skipped: making a network namespace needs root");
}

TEST_CASE("what must stay whole is not cut, other frames are") {
    const bool ran = in_new_namespace([] {
        boost::asio::io_context io;
        bring_up("lo");
        ifreq mtu = request_for("lo");
        mtu.ifr_mtu = 1400;
        control(SIOCSIFMTU, mtu);
        for (const char* version : {"4", "6"}) {
            const bool v6 = *version == '6';
            if (v6) add_v6("lo", "fd77::1");
            if (v6) add_v6("lo", "fd77::2");
            const std::map<std::uint32_t, const char*> nodes{{1, v6 ? "fd77::1" : "127.0.0.1"},
                                                             {2, v6 ? "fd77::2" : "127.0.0.2"}};
            Node one(io, 1, nodes, 5405);
            Node two(io, 2, nodes, 5405);
            one.link().start();
            two.link().start();
            REQUIRE(one.link().trouble() == "");
            REQUIRE(two.link().trouble() == "");
            const std::string large(3000, 'x');
            const std::array<totem::Outgoing, 2> frames{
                totem::Outgoing{base::NodeId{2}, base::as_bytes(large), true},
                totem::Outgoing{base::NodeId{2}, base::as_bytes("small"), true}};
            one.link().send(frames);
            one.send(2, large);
            const bool both = run_until(io, [&] { return two.got.size() == 2; });
            INFO("IPv" << version << ": " << two.got.size() << " came, sent " << one.link().counters().sent);
            REQUIRE(both);
            CHECK(two.got.back().size() == large.size() + 1 + (v6 ? 7 : 9));
            CHECK(one.link().counters().send_failed == 1);
            if (v6) break;
            one.link().close();
            two.link().close();
        }
    });
    if (!ran) MESSAGE("skipped: making a network namespace needs root");
}

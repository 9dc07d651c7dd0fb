// Addresses that come and go, in a network namespace of the test's own. Needs root; says so otherwise.
#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "support.hpp"
#include "totem/link/sockets.hpp"

using link_test::ip;
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
    const sockaddr_in value = totem::socket_address(ip(address), 0);
    std::memcpy(&request.ifr_addr, &value, sizeof value);
    control(command, request);
}

// As /32, so that one address neither covers nor takes along another.
void add_address(const char* interface, const char* address) {
    control_address(SIOCSIFADDR, interface, address);
    control_address(SIOCSIFNETMASK, interface, "255.255.255.255");
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

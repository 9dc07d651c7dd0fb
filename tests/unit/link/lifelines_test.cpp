// Lifelines between nodes on 127.0.0.x of this machine, and to strangers with plain sockets.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include "support.hpp"
#include "totem/base/socket_address.hpp"
#include "totem/link/sockets.hpp"

using link_test::ip;
using link_test::Node;
using link_test::run_until;

namespace {

constexpr base::NodeId kNode1{1}, kNode2{2};
const std::map<std::uint32_t, const char*> kPairOfNodes{{1, "127.0.0.1"}, {2, "127.0.0.2"}};

totem::Fd tcp(const char* address, std::uint16_t port) {
    totem::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    REQUIRE(totem::bind_socket(fd, ip(address), port));
    return fd;
}

totem::Fd listening(const char* address, std::uint16_t port) {
    totem::Fd fd = tcp(address, port);
    REQUIRE(::listen(fd.get(), 8) == 0);
    return fd;
}

totem::Fd connected(const char* from, const char* to, std::uint16_t port) {
    totem::Fd fd = tcp(from, 0);
    const base::SocketAddress target(ip(to), port);
    REQUIRE((::connect(fd.get(), target.data(), target.size()) == 0 || errno == EINPROGRESS));
    return fd;
}

totem::Fd accepted(const totem::Fd& listener) {
    return totem::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// The other end has closed it.
bool ended(const totem::Fd& fd) {
    std::uint8_t byte = 0;
    const ssize_t n = ::recv(fd.get(), &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

// Two nodes with lifelines to each other.
struct Pair {
    boost::asio::io_context io;
    std::uint16_t port = link_test::free_port();
    Node one{io, 1, kPairOfNodes, port};
    Node two{io, 2, kPairOfNodes, port};
    Pair() {
        two.link().start();
        one.link().keep_lifeline(kNode2, 5);  // before the start: waits for it
        one.link().start();
        two.link().keep_lifeline(kNode1, 7);
        REQUIRE(run_until(
            io, [&] { return one.link().has_lifeline(kNode2) && two.link().has_lifeline(kNode1); }));
    }
};

}  // namespace

TEST_CASE("lifelines: the end of a process is told to the other, once, and nothing while it lives") {
    Pair pair;
    CHECK(pair.one.lifeline_changes == 1);
    CHECK(pair.one.refused.empty());
    pair.two.link().close();
    CHECK_FALSE(pair.two.link().has_lifeline(kNode1));
    REQUIRE(run_until(pair.io, [&] { return !pair.one.refused.empty(); }));
    CHECK(pair.one.refused == std::vector{kNode2});
    CHECK_FALSE(pair.one.link().has_lifeline(kNode2));
    CHECK(pair.one.lifeline_changes == 2);
    CHECK(pair.two.refused.empty());
}

TEST_CASE("lifelines: what was sent before the end is handed over before the end is told") {
    Pair pair;
    pair.two.send(1, "goodbye");
    pair.two.link().close();
    REQUIRE(run_until(pair.io, [&] { return !pair.one.refused.empty(); }));
    CHECK(pair.one.got_before_refusal == 1);
}

TEST_CASE("lifelines: one is dropped when it is not wanted any more; the other direction stays") {
    Pair pair;
    pair.one.link().keep_lifeline(kNode2, 0);
    CHECK_FALSE(pair.one.link().has_lifeline(kNode2));
    pair.one.send(2, "still there");
    REQUIRE(run_until(pair.io, [&] { return !pair.two.got.empty(); }));
    CHECK(pair.two.link().has_lifeline(kNode1));
    CHECK(pair.two.refused.empty());
}

TEST_CASE("lifelines: a start of the peer has a connection of its own, the same start keeps it") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    const totem::Fd peer = listening("127.0.0.2", port);
    Node one(io, 1, kPairOfNodes, port);
    one.link().start();
    one.link().keep_lifeline(kNode2, 5);
    REQUIRE(run_until(io, [&] { return one.link().has_lifeline(kNode2); }));
    const totem::Fd first = accepted(peer);
    REQUIRE(first.get() >= 0);
    one.link().keep_lifeline(kNode2, 5);
    CHECK(one.link().has_lifeline(kNode2));
    CHECK_FALSE(ended(first));
    one.link().keep_lifeline(kNode2, 6);
    CHECK_FALSE(one.link().has_lifeline(kNode2));
    REQUIRE(run_until(io, [&] { return one.link().has_lifeline(kNode2); }));
    CHECK(ended(first));
    CHECK(accepted(peer).get() >= 0);
    CHECK(one.refused.empty());
}

TEST_CASE("lifelines: who can't be reached is tried again") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kPairOfNodes, port);
    one.link().start();
    one.link().keep_lifeline(kNode2, 5);
    io.poll();
    CHECK_FALSE(one.link().has_lifeline(kNode2));
    Node two(io, 2, kPairOfNodes, port);
    two.link().start();
    CHECK(run_until(io, [&] { return one.link().has_lifeline(kNode2); }));
    CHECK(one.refused.empty());  // that nobody listened yet was no end
}

TEST_CASE("lifelines: whoever says something on one is cut off, and it is no sign of an end") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    const totem::Fd peer = listening("127.0.0.2", port);
    Node one(io, 1, kPairOfNodes, port);
    one.link().start();
    one.link().keep_lifeline(kNode2, 5);
    REQUIRE(run_until(io, [&] { return one.link().has_lifeline(kNode2); }));
    const totem::Fd theirs = accepted(peer);
    REQUIRE(::send(theirs.get(), "hello", 5, MSG_NOSIGNAL) == 5);
    REQUIRE(run_until(io, [&] { return !one.link().has_lifeline(kNode2); }));
    CHECK(ended(theirs));
    CHECK(one.refused.empty());

    const totem::Fd guest = connected("127.0.0.2", "127.0.0.1", port);
    REQUIRE(::send(guest.get(), "GET / HTTP/1.1", 14, MSG_NOSIGNAL) == 14);
    CHECK(run_until(io, [&] { return ended(guest); }));
}

TEST_CASE("lifelines: of strangers none is kept, of a peer the last one") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kPairOfNodes, port);
    one.link().start();
    const totem::Fd first = connected("127.0.0.2", "127.0.0.1", port);
    const totem::Fd stranger = connected("127.0.0.3", "127.0.0.1", port);
    REQUIRE(run_until(io, [&] { return ended(stranger); }));
    CHECK_FALSE(ended(first));
    const totem::Fd second = connected("127.0.0.2", "127.0.0.1", port);
    REQUIRE(run_until(io, [&] { return ended(first); }));
    CHECK_FALSE(ended(second));
    one.link().close();
    CHECK(ended(second));
}

TEST_CASE("lifelines: a TCP port that another program has is named, and the link works") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    const totem::Fd other = listening("127.0.0.1", port);
    Node one(io, 1, kPairOfNodes, port);
    Node two(io, 2, kPairOfNodes, port);
    one.link().start();
    two.link().start();
    CHECK(one.link().bound());
    CHECK(one.link().trouble().find("TCP port " + std::to_string(port)) != std::string::npos);
    CHECK(two.link().trouble().empty());
    two.send(1, "all the same");
    CHECK(run_until(io, [&] { return one.got.size() == 1; }));
    one.link().keep_lifeline(kNode2, 5);
    CHECK(run_until(io, [&] { return one.link().has_lifeline(kNode2); }));
}

TEST_CASE("lifelines: nothing is told to who is gone") {
    Pair pair;
    bool told = false;
    {
        totem::Link gone(pair.io, Node::config(1, {{1, "127.0.0.4"}, {2, "127.0.0.2"}}, pair.port, nullptr),
                         {[](std::span<const totem::Received>) {},
                          [] {},
                          [&](base::NodeId) { told = true; },
                          {},
                          [&] { told = true; }});
        gone.start();
        gone.keep_lifeline(kNode2, 5);
        pair.io.poll();
        told = false;
    }
    pair.two.link().close();
    REQUIRE(run_until(pair.io, [&] { return !pair.one.refused.empty(); }));
    CHECK_FALSE(told);
}

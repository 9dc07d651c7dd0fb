// Nodes on 127.0.0.x of this machine, in one io_context.
#include <doctest/doctest.h>

#include "support.hpp"
#include "totem/link/sockets.hpp"

using link_test::ip;
using link_test::Node;
using link_test::run_until;
using Texts = std::vector<std::string>;

std::uint16_t link_test::free_port() {
    auto fd = totem::open_udp();
    REQUIRE(fd);
    REQUIRE(totem::bind_socket(*fd, ip("127.0.0.1"), 0));
    base::SocketAddress local;
    socklen_t size = base::SocketAddress::kRoom;
    REQUIRE(::getsockname(fd->get(), local.data(), &size) == 0);
    return local.port();
}

namespace {
const std::map<std::uint32_t, const char*> kThree{{1, "127.0.0.1"}, {2, "127.0.0.2"}, {3, "127.0.0.3"}};
}

TEST_CASE("unicast: a frame to all reaches each peer, one to a node that node alone, from our own address") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port);
    Node two(io, 2, kThree, port);
    Node three(io, 3, kThree, port);
    for (Node* node : {&one, &two, &three}) {
        node->link().start();
        CHECK(node->link().bound());
        CHECK(node->link().trouble().empty());
        CHECK(node->link().counters().receive_buffer >= 100'000);
    }
    one.send(std::nullopt, "data");
    one.send(3, "token");
    two.send(3, "end");
    CHECK(run_until(io, [&] { return three.got.size() == 3 && !two.got.empty(); }));
    CHECK(three.got == Texts{"127.0.0.1 data", "127.0.0.1 token", "127.0.0.2 end"});
    CHECK(two.got == Texts{"127.0.0.1 data"});
    CHECK(one.got.empty());
    CHECK(one.link().counters().sent == 3);
    CHECK(three.link().counters().received == 3);
}

TEST_CASE("hundreds of frames in one call arrive in order, whatever their size") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port);
    Node two(io, 2, kThree, port);
    one.link().start();
    two.link().start();
    Texts texts;
    for (std::size_t i = 0; i < 300; ++i) texts.push_back(std::to_string(i) + std::string(i * 2, '.'));
    texts.push_back(std::string(60'000, 'x'));
    std::vector<totem::Outgoing> frames;
    for (const auto& text : texts) frames.push_back({base::NodeId{2}, base::as_bytes(text), false});
    one.link().send(frames);
    CHECK(run_until(io, [&] { return two.got.size() == texts.size(); }));
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(two.got[i] == "127.0.0.1 " + texts[i]);
    CHECK(two.link().counters().overflowed == 0);
}

TEST_CASE("collect() hands over what is waiting, without an event") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port);
    Node two(io, 2, kThree, port);
    one.link().start();
    two.link().start();
    one.send(2, "now");
    two.link().collect();  // loopback delivers within the sender's system call
    CHECK(two.got == Texts{"127.0.0.1 now"});
}

TEST_CASE("what the kernel drops for want of room is told with the next datagram that has room") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port);
    Node two(io, 2, kThree, port);
    one.link().start();
    two.link().start();
    const std::string text(60'000, 'x');
    const std::size_t enough = two.link().counters().receive_buffer / text.size() + 20;
    for (std::size_t i = 0; i < enough; ++i) one.send(2, text);  // nobody runs node 2 meanwhile
    const std::uint64_t dropped = two.link().counters().overflowed;
    CHECK(dropped > 0);
    CHECK(run_until(io, [&] { return two.got.size() + dropped == enough; }));
    CHECK(two.overflowed == 0);
    one.send(2, "and?");
    CHECK(run_until(io, [&] { return two.got.back() == "127.0.0.1 and?"; }));
    CHECK(two.overflowed == dropped);
    one.send(2, "end");
    CHECK(run_until(io, [&] { return two.got.back() == "127.0.0.1 end"; }));
    CHECK(two.overflowed == dropped);
}

TEST_CASE("where nobody listens any more, the machine says so; nothing else is lost by that") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port);
    Node two(io, 2, kThree, port);
    Node three(io, 3, kThree, port);
    for (Node* node : {&one, &two, &three}) node->link().start();
    two.link().close();
    Texts expected;
    for (int i = 0; i < 20; ++i) {
        one.send(std::nullopt, std::to_string(i));
        expected.push_back("127.0.0.1 " + std::to_string(i));
        io.poll();
    }
    three.send(1, "still there");
    CHECK(run_until(io, [&] { return three.got.size() == 20 && one.got.size() == 1; }));
    CHECK(three.got == expected);
    REQUIRE_FALSE(one.refused.empty());
    for (const base::NodeId node : one.refused) CHECK(node == base::NodeId{2});
    CHECK(three.refused.empty());
    CHECK(one.link().counters().send_failed == 0);
}

TEST_CASE("multicast: frames to all by the group, frames to one by unicast") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port, "239.192.77.9");
    Node two(io, 2, kThree, port, "239.192.77.9");
    Node three(io, 3, kThree, port, "239.192.77.9");
    for (Node* node : {&one, &two, &three}) {
        node->link().start();
        REQUIRE(node->link().trouble() == "");
    }
    one.send(std::nullopt, "data");
    one.send(2, "token");
    CHECK(run_until(io, [&] { return two.got.size() == 2 && three.got.size() == 1 && one.got.size() == 1; }));
    CHECK(two.got == Texts{"127.0.0.1 data", "127.0.0.1 token"});
    CHECK(three.got == Texts{"127.0.0.1 data"});
    CHECK(one.got == Texts{"127.0.0.1 data"});  // same_host: our own comes back
    CHECK(one.link().counters().sent == 2);     // one datagram for all
}

TEST_CASE("broadcast: frames to all by one datagram, frames to one by unicast") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port, "broadcast");
    Node two(io, 2, kThree, port, "broadcast");
    Node three(io, 3, kThree, port, "broadcast");
    for (Node* node : {&one, &two, &three}) {
        node->link().start();
        REQUIRE(node->link().trouble() == "");
    }
    one.send(std::nullopt, "data");
    one.send(2, "token");
    CHECK(run_until(io, [&] { return two.got.size() == 2 && three.got.size() == 1; }));
    CHECK(two.got == Texts{"127.0.0.1 data", "127.0.0.1 token"});
    CHECK(three.got == Texts{"127.0.0.1 data"});
    CHECK(one.link().counters().sent == 2);
}

TEST_CASE("of a batch, the group's data comes before what was sent to us alone") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    Node one(io, 1, kThree, port, "239.192.77.9");
    Node two(io, 2, kThree, port, "239.192.77.9");
    one.link().start();
    two.link().start();
    one.send(2, "token");
    one.send(std::nullopt, "data");
    two.link().collect();
    CHECK(two.got == Texts{"127.0.0.1 data", "127.0.0.1 token"});
}

TEST_CASE("a port that another program has is named, and taken once it is free") {
    boost::asio::io_context io;
    const std::uint16_t port = link_test::free_port();
    std::optional<totem::Fd> other;
    auto fd = totem::open_udp();
    REQUIRE(fd);
    other.emplace(std::move(*fd));
    REQUIRE(totem::bind_socket(*other, ip("127.0.0.1"), port));
    Node one(io, 1, kThree, port);
    one.link().start();
    CHECK_FALSE(one.link().bound());
    CHECK(one.link().trouble().find("taken by another program") != std::string::npos);
    one.send(2, "lost");
    CHECK(one.link().counters().unsent == 1);
    other.reset();
    CHECK(run_until(io, [&] { return one.link().bound(); }));
    CHECK(one.link().trouble().empty());
}

TEST_CASE("loopback is refused outside tests") {
    boost::asio::io_context io;
    auto config = Node::config(1, kThree, link_test::free_port(), nullptr);
    config.same_host = false;
    totem::Link link(io, config, {[](std::span<const totem::Received>) {}, [] {}});
    link.start();
    CHECK_FALSE(link.bound());
    CHECK(link.trouble().find("loopback") != std::string::npos);
}

#include "agents/guard/frames.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "totem/base/rng.hpp"

using agents::AddressAction;
using agents::GuardCommand;
using agents::GuardMessage;
using agents::GuardReply;
using agents::GuardRequest;
using agents::GuardRequestKind;

namespace {

template <typename Packet>
base::Bytes bytes(const Packet& packet) {
    base::Bytes out(sizeof(packet));
    std::memcpy(out.data(), &packet, sizeof(packet));
    return out;
}

GuardCommand full() {
    GuardCommand c;
    c.kind = GuardRequestKind::start;
    c.ring = {8, {1}, 77};
    c.address.id = 5;
    c.address.action = AddressAction::start;
    c.address.resource = "vip";
    c.address.request.ip = {0xc000020a};
    c.address.request.prefix = 24;
    c.address.request.nic = "eth0";
    c.address.request.label = "web";
    c.address.request.broadcast = agents::Ipv4{0xc00002ff};
    c.address.request.preferred_lft = 0;
    c.address.request.prefix_route = false;
    c.address.request.check_link = false;
    c.address.request.after_stop = true;
    c.address.request.announce = {3, base::milliseconds(100), 1};
    return c;
}

}  // namespace

TEST_CASE("renewals cross as they are; one of no moment is refused") {
    GuardCommand command;
    command.kind = GuardRequestKind::renew;
    command.ring = {8, {1}, 77};
    command.renewal = {command.ring, {1000}, base::Instant::never()};
    const auto back = agents::decode_request(bytes(*agents::encode(command)));
    REQUIRE(back);
    CHECK(back->kind == GuardRequestKind::renew);
    CHECK(back->renewal == command.renewal);
    command.renewal.until = {0};
    CHECK_FALSE(agents::decode_request(bytes(*agents::encode(command))));
    for (const GuardRequestKind kind : {GuardRequestKind::entered, GuardRequestKind::give_up}) {
        command.kind = kind;
        const auto told = agents::decode_request(bytes(*agents::encode(command)));
        REQUIRE(told);
        CHECK(told->kind == kind);
        CHECK(told->ring == command.ring);
    }
    const auto dropped = agents::decode_reply(bytes(agents::encode(GuardMessage{agents::GuardDropped{}})));
    REQUIRE(dropped);
    CHECK(std::holds_alternative<agents::GuardDropped>(*dropped));
}

TEST_CASE("commands cross as they are; what only the runner needs stays behind") {
    for (GuardCommand command : {full(), [] {
                                     GuardCommand c = full();
                                     c.kind = GuardRequestKind::stop;
                                     c.address.action = AddressAction::stop;
                                     c.address.request = {};
                                     c.address.request.ip = {0xc000020a};
                                     return c;
                                 }()}) {
        const auto packet = agents::encode(command);
        REQUIRE(packet);
        const auto back = agents::decode_request(bytes(*packet));
        REQUIRE(back);
        CHECK(back->kind == command.kind);
        CHECK(back->ring == command.ring);
        CHECK(back->address.id == command.address.id);
        CHECK(back->address.action == command.address.action);
        CHECK(back->address.resource == command.address.resource);
        CHECK(back->address.request == command.address.request);
    }
}

TEST_CASE("a name that does not fit is refused, not cut") {
    GuardCommand command = full();
    command.address.resource = std::string(127, 'x');
    CHECK(agents::encode(command));
    command.address.resource += 'x';
    CHECK_FALSE(agents::encode(command));
}

TEST_CASE("guard takes no packet that is not exactly a request") {
    const base::Bytes good = bytes(*agents::encode(full()));
    REQUIRE(agents::decode_request(good));
    for (std::size_t n = 0; n < good.size(); ++n)
        CHECK_FALSE(agents::decode_request(base::ByteView(good).first(n)));
    base::Bytes longer = good;
    longer.push_back(0);
    CHECK_FALSE(agents::decode_request(longer));
    const auto bent = [&](auto change) {
        GuardRequest packet = *agents::encode(full());
        change(packet);
        return agents::decode_request(bytes(packet)).has_value();
    };
    CHECK(bent([](GuardRequest&) {}));
    CHECK_FALSE(bent([](GuardRequest& p) { p.magic ^= 1; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.kind = 0; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.kind = 99; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.prefix = 33; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.prefix = 0; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.ip = 0; }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.resource.fill('x'); }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.resource.fill('\0'); }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.nic.fill('x'); }));
    CHECK_FALSE(bent([](GuardRequest& p) { p.label.fill('x'); }));
    base::Rng rng(5);
    for (int i = 0; i < 5000; ++i) {
        base::Bytes noisy = good;
        noisy[4 + rng.below(noisy.size() - 4)] ^= static_cast<std::uint8_t>(1U << rng.below(8));
        (void)agents::decode_request(noisy);
    }
}

TEST_CASE("a farewell crosses; one that cannot be sent is refused") {
    GuardCommand command;
    command.kind = GuardRequestKind::farewell;
    command.farewell = {
        *base::parse_ip("fe80::1%eth0"), *base::parse_ip("fe80::2%eth0"), 5405, 3, {'b', 'y', 'e'}};
    const auto packet = encode(command);
    REQUIRE(packet);
    const auto back = agents::decode_request(bytes(*packet));
    REQUIRE(back);
    CHECK(back->kind == GuardRequestKind::farewell);
    CHECK(back->farewell == command.farewell);
    GuardRequest bad = *packet;
    bad.frame_size = agents::kMaxFarewell + 1;
    CHECK_FALSE(agents::decode_request(bytes(bad)));
    bad.frame_size = 0;
    CHECK_FALSE(agents::decode_request(bytes(bad)));
    bad = *packet;
    bad.to = *base::parse_ip("10.0.0.2");
    CHECK_FALSE(agents::decode_request(bytes(bad)));
    bad = *packet;
    bad.from = *base::parse_ip("::");
    CHECK_FALSE(agents::decode_request(bytes(bad)));
    bad = *packet;
    bad.to.scope.fill('x');
    CHECK_FALSE(agents::decode_request(bytes(bad)));
}

TEST_CASE("replies cross; long texts are cut") {
    const auto back = [](const GuardMessage& m) { return *agents::decode_reply(bytes(agents::encode(m))); };
    const auto outcome = std::get<agents::AddressOutcome>(back(agents::AddressOutcome{9, -1, "why"}));
    CHECK(outcome.id == 9);
    CHECK(outcome.code == -1);
    CHECK(outcome.reason == "why");
    for (unsigned bits = 0; bits < 8; ++bits) {
        const agents::GuardFacts facts{(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, bits};
        CHECK(std::get<agents::GuardFacts>(back(facts)) == facts);
    }
    CHECK(std::get<agents::GuardNote>(back(agents::GuardNote{std::string(2000, 'x')})).text ==
          std::string(507, 'x'));
    GuardReply bad = agents::encode(GuardMessage{agents::GuardNote{"x"}});
    bad.kind = 7;
    CHECK_FALSE(agents::decode_reply(bytes(bad)));
    CHECK_FALSE(agents::decode_reply({}));
}

TEST_CASE("an older ring is refused, the same and a newer one are not") {
    agents::RingGate gate;
    CHECK(gate.admit({4, {1}, 10}).empty());
    CHECK(gate.admit({4, {1}, 10}).empty());
    CHECK(gate.admit({8, {2}, 20}).empty());
    CHECK(gate.admit({4, {1}, 10}) == "decided in ring 4.1, which ring 8.2 has replaced: not done");
    CHECK(gate.admit({8, {2}, 20}).empty());
}

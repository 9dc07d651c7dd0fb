// The engine around a scripted ring: what it sends, holds, refuses, counts and hands over. The peer is a
// socket and a sealer.
#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "scripted_ring.hpp"
#include "totem/engine/detail/epoch_file.hpp"
#include "totem/monitor/messages.hpp"

using namespace engine_test;  // NOLINT(google-build-using-namespace)
using totem::Datagram;
using totem::Engine;
using totem::Outbox;
using totem::Rejected;

namespace {

using Texts = std::vector<std::string>;

base::Bytes bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

totem::Event delivered(const std::string& text) {
    totem::Delivered out;
    out.payload = bytes(text);
    return out;
}

bool has(const Texts& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

const std::string kHello = "hello, here speaks somebody who is alive now, and has a lot to say";

bool called(const std::string& call) {
    return script().wait([&](const Script& s) { return has(s.calls, call); });
}

// The engine asks who is heard for the first time, and is asked; from then on both listen. The ring gets
// kHello.
void introduce(Wire& wire, totem::Sealer& sealer, std::uint32_t node, std::uint16_t port, bool first = true) {
    const std::string expected = "receive " + std::to_string(node) + ": " + kHello;
    wire.send("127.0.0.1", port, sealer.seal(bytes(kHello)));
    bool hears = !first;
    while (!hears || !has(script().get().calls, expected)) {
        const auto frame = sealer.open(wire.receive());
        for (const totem::SealReply& reply : sealer.take_replies()) wire.send("127.0.0.1", port, reply.frame);
        hears |= std::holds_alternative<totem::OpenedFrame>(frame) || !sealer.take_proven().empty();
    }
}

// Node 1 is the engine; node 2 of three is this fixture.
struct Fixture {
    Fixture()
        : port(free_port()),
          peer("127.0.0.2", port),
          sealer(key(), "unit", base::NodeId{2}, base::Incarnation{200}, roster()) {
        script().change([](Script& s) { s = {}; });
    }
    static base::NodeSet roster() { return {base::NodeId{1}, base::NodeId{2}, base::NodeId{3}}; }
    totem::EngineConfig config() { return engine_test::config(1, 3, port, directory.file("epoch")); }
    void start() { start(config()); }
    void start(const totem::EngineConfig& c) {
        launch(c);
        REQUIRE(
            notes.wait([](const Texts& t) { return has(t, "scripted"); }));  // bound, and the ring is there
        introduce(peer, sealer, 2, port, !known);
        known = true;
    }
    void launch(const totem::EngineConfig& c) {
        notes.change([](Texts& t) { t.clear(); });
        auto started = Engine::start(c, key(),
                                     {[this](std::vector<totem::Event> batch) { take(batch); },
                                      [this](base::Level, const std::string& text) {
                                          notes.change([&](Texts& t) { t.push_back(text); });
                                      }});
        REQUIRE(started);
        engine = std::move(*started);
    }
    void take(const std::vector<totem::Event>& batch) {
        events.change([&](Texts& texts) {
            for (const auto& event : batch)
                texts.emplace_back(base::as_text(std::get<totem::Delivered>(event).payload));
        });
    }
    void answer(Outbox outbox) {
        script().change([&](Script& s) { s.outboxes.push_back(std::move(outbox)); });
    }
    void say(const std::string& text) {
        if (!std::exchange(known, true)) introduce(peer, sealer, 2, port);
        peer.send("127.0.0.1", port, sealer.seal(bytes(text)));
    }
    // The next ring message; what the links say to each other is passed over.
    std::string hear() {
        while (true) {
            const auto frame = sealer.open(peer.receive());
            const auto* refused = std::get_if<Rejected>(&frame);
            if (refused != nullptr && *refused == Rejected::handshake) continue;
            const auto* opened = std::get_if<totem::OpenedFrame>(&frame);
            if (opened == nullptr) return "(nothing)";
            if (!totem::is_link_message(opened->body)) return std::string(base::as_text(opened->body));
        }
    }

    TemporaryDirectory directory;
    std::uint16_t port;
    Wire peer;
    totem::Sealer sealer;
    bool known{false};  // to the engine
    Box<Texts> events, notes;
    std::unique_ptr<Engine> engine;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "frames go out sealed: to all, or to the one named; never to ourselves") {
    start();
    Wire third("127.0.0.3", port);
    totem::Sealer three(key(), "unit", base::NodeId{3}, base::Incarnation{300}, roster());
    introduce(third, three, 3, port);
    const std::uint64_t sent = engine->status().link.sent;
    Outbox out;
    out.datagrams = {
        {std::nullopt, bytes("data")}, {base::NodeId{1}, bytes("self")}, {base::NodeId{2}, bytes("token")}};
    answer(std::move(out));
    say("go");
    CHECK(called("receive 2: go"));
    CHECK(hear() == "data");
    CHECK(hear() == "token");
    auto at_three = three.open(third.receive());
    while (!std::holds_alternative<totem::OpenedFrame>(at_three) ||
           totem::is_link_message(std::get<totem::OpenedFrame>(at_three).body)) {
        at_three = three.open(third.receive());
    }
    CHECK(std::get<totem::OpenedFrame>(at_three).sender == base::NodeId{1});
    CHECK(std::get<totem::OpenedFrame>(at_three).incarnation == base::Incarnation{100});
    const auto status = engine->status();
    CHECK(status.link.sent >= sent + 3);
    REQUIRE(status.links.size() == 2);
    CHECK(status.links[1].peer == base::NodeId{3});
    CHECK(status.links[1].local == "127.0.0.1");
    CHECK(status.links[1].remote == "127.0.0.3");
    CHECK(status.links[1].port == port);
    CHECK(totem::describe(totem::LinkState::only_in, status.links[1].peer) ==
          "we hear node 3, node 3 does not hear us");
    CHECK(status.bound);
    CHECK(status.trouble.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "a reservation is written, tried again until it succeeds, and nothing else waits for it") {
    std::filesystem::create_directory(directory.file("epoch.new"));  // in the way of the temporary file
    start();
    Outbox out;
    out.persist_epoch = 5;
    out.datagrams = {{base::NodeId{2}, bytes("commit")}};
    out.events = {delivered("one")};
    answer(std::move(out));
    say("a");
    REQUIRE(called("receive 2: a"));
    CHECK(hear() == "commit");
    CHECK(events.wait([](const Texts& t) { return t == Texts{"one"}; }));
    REQUIRE(notes.wait([](const Texts& t) {
        return t.back().find("each new ring waits for it in vain") != std::string::npos;
    }));
    CHECK(engine->status().trouble.find(directory.file("epoch.new")) == 0);

    std::filesystem::remove(directory.file("epoch.new"));
    CHECK(called("persisted 5"));
    CHECK(totem::detail::read_epoch_file(directory.file("epoch"))->ring_seq == 5);
    CHECK(engine->status().trouble.empty());
    engine.reset();
    start();
    CHECK(called("start 5"));
}

TEST_CASE_FIXTURE(Fixture,
                  "what the seal refuses, and a peer's frame from a wrong address, does not reach the ring") {
    start();
    totem::Sealer stranger(key(8), "unit", base::NodeId{2}, base::Incarnation{201}, roster());
    peer.send("127.0.0.1", port, stranger.seal(bytes("wrong key")));
    peer.send("127.0.0.1", port, base::Bytes{0x70, 0xC0, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0});
    Wire elsewhere("127.0.0.9", port);
    elsewhere.send("127.0.0.1", port, sealer.seal(bytes("wrong source")));
    // Another machine with this node's id and a later start: it must not make the true one look old.
    totem::Sealer impostor(key(), "unit", base::NodeId{2}, base::Incarnation{999}, roster());
    elsewhere.send("127.0.0.1", port, impostor.seal(bytes("same node id")));
    say("right");
    REQUIRE(called("receive 2: right"));
    const auto calls = script().get().calls;
    CHECK(std::count_if(calls.begin(), calls.end(),
                        [](const std::string& c) { return c.find("receive") == 0; }) == 2);  // with kHello
    const auto status = engine->status();
    CHECK(status.rejected[static_cast<std::size_t>(Rejected::tag)] == 1);
    CHECK(status.rejected[static_cast<std::size_t>(Rejected::corosync)] == 1);
    CHECK(status.wrong_source == 2);
    CHECK(status.last_wrong_source == "node 2 from 127.0.0.9");
    CHECK(status.last_foreign_source == "127.0.0.2");
}

TEST_CASE_FIXTURE(Fixture,
                  "a start whose number is behind a former one of its node stores that, and says so") {
    totem::Sealer former(key(), "unit", base::NodeId{1}, base::Incarnation{500}, roster());
    static_cast<void>(sealer.open(former.seal(bytes(kHello))));
    for (const auto& question : sealer.take_replies()) static_cast<void>(former.open(question.frame));
    for (const auto& answer : former.take_replies()) static_cast<void>(sealer.open(answer.frame));
    static_cast<void>(sealer.take_replies());
    sealer.set_time({base::seconds(2).ns});

    std::promise<std::string> outdated;
    auto started = Engine::start(config(), key(),
                                 {[](std::vector<totem::Event>) {}, [](base::Level, const std::string&) {},
                                  [&](const std::string& why) { outdated.set_value(why); }});
    REQUIRE(started);
    // It hears of us, asks, and is asked; its answer shows its number.
    const auto answer_it = [&] {
        static_cast<void>(sealer.open(peer.receive()));
        for (const totem::SealReply& reply : sealer.take_replies()) peer.send("127.0.0.1", port, reply.frame);
    };
    REQUIRE(script().wait([](const Script& s) { return has(s.calls, "start 0"); }));
    peer.send("127.0.0.1", port, sealer.seal(bytes(kHello)));
    auto future = outdated.get_future();
    while (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) answer_it();
    CHECK(future.get().find("the clock was set back") != std::string::npos);
    CHECK(totem::next_incarnation(directory.file("epoch"), 100)->value == 501);
}

TEST_CASE_FIXTURE(Fixture,
                  "a process of which a peer has heard more than it remembers says so, and nothing else") {
    std::promise<std::string> outdated;
    auto started = Engine::start(config(), key(),
                                 {[](std::vector<totem::Event>) {}, [](base::Level, const std::string&) {},
                                  [&](const std::string& why) { outdated.set_value(why); }});
    REQUIRE(started);
    REQUIRE(script().wait([](const Script& s) { return has(s.calls, "start 0"); }));
    introduce(peer, sealer, 2, port);
    const base::Heard heard{config().ring.self.incarnation, 1'000'000, 1};
    peer.send("127.0.0.1", port, sealer.seal(totem::encode(totem::Heartbeat{0, 1, {}, heard})));
    CHECK(outdated.get_future().get().find("put back to a snapshot") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "submit takes up to its bound, in order, and says no beyond it") {
    auto c = config();
    c.ring.max_queued = 10;
    c.ring.max_payload = 8;
    start(c);
    CHECK_FALSE(engine->submit(bytes("123456789")));  // more than max_payload
    CHECK(engine->submit(bytes("12345")));
    CHECK(engine->submit(bytes("1234")));
    CHECK_FALSE(engine->submit(bytes("12")));
    CHECK(called("submit 1234"));
    CHECK_FALSE(engine->submit(bytes("12")));  // now they are in the ring's queue
    script().change([](Script& s) { s.queued = 0; });
    say("token");
    REQUIRE(called("receive 2: token"));
    static_cast<void>(engine->status());  // answered after the ring's queue was looked at
    CHECK(engine->submit(bytes("abc")));
    CHECK(called("submit abc"));
    const auto calls = script().get().calls;
    CHECK(std::find(calls.begin(), calls.end(), "submit 12345") <
          std::find(calls.begin(), calls.end(), "submit 1234"));
}

TEST_CASE_FIXTURE(Fixture, "the ring is told the receive buffer, and what was dropped for want of room") {
    start();
    const std::size_t buffer = engine->status().link.receive_buffer;
    CHECK(script().get().receive_buffer == buffer);
    std::promise<void> busy, go_on;
    script().change([&](Script& s) {
        s.deadline = base::milliseconds(1);
        s.in_advance = [&] {
            busy.set_value();
            go_on.get_future().wait();
        };
    });
    say("now");
    busy.get_future().wait();
    const base::Bytes noise(60'000);
    for (std::size_t sent = 0; sent < buffer + 20 * noise.size(); sent += noise.size())
        peer.send("127.0.0.1", port, noise);
    script().change([](Script& s) { s.deadline = base::seconds(3600); });
    go_on.set_value();
    // What comes when there is room again tells of it.
    CHECK(script().wait([&](const Script& s) {
        say("after");
        return std::any_of(s.calls.begin(), s.calls.end(),
                           [](const std::string& call) { return call.rfind("overflowed ", 0) == 0; });
    }));
}

TEST_CASE_FIXTURE(Fixture, "the ring is advanced when its deadline has come") {
    script().change([](Script& s) { s.deadline = base::milliseconds(5); });
    start();
    CHECK(script().wait([](const Script& s) { return s.late.size() >= 20; }));
    // Half of them within a few milliseconds, whatever else runs here.
    auto late = script().get().late;
    std::sort(late.begin(), late.end());
    CHECK(late[late.size() / 2] < base::milliseconds(20));
    CHECK(late.front() >= base::Duration{0});
}

TEST_CASE_FIXTURE(Fixture, "an idle ring is called a few times per token timeout, not more") {
    auto c = config();
    c.ring.token_timeout = base::milliseconds(100);
    start(c);
    CHECK(script().wait([](const Script& s) { return s.advances >= 8; }));
    CHECK(script().get().late.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "a pause is noticed, counted and told, and what arrived in it is handled before time is") {
    auto c = config();
    c.ring.token_timeout = base::milliseconds(200);
    start(c);
    REQUIRE(called("start 0"));
    std::promise<void> inside;
    std::promise<void> resume;
    script().change([&](Script& s) {
        s.in_advance = [&] {
            inside.set_value();
            resume.get_future().wait();  // stands for: the scheduler, a debugger, a paused machine
        };
    });
    REQUIRE(inside.get_future().wait_for(kDeadline) == std::future_status::ready);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
    std::promise<void> never;
    REQUIRE(never.get_future().wait_until(until) == std::future_status::timeout);
    say("token");
    const std::uint64_t advances = script().get().advances;
    resume.set_value();
    REQUIRE(called("receive 2: token"));
    CHECK(script().get().advances_at_receive == advances);
    REQUIRE(notes.wait(
        [](const Texts& t) { return t.back().find("was not scheduled for") != std::string::npos; }));
    const auto status = engine->status();
    CHECK(status.pauses >= 1);
    CHECK(status.longest_pause >= base::milliseconds(150));
}

TEST_CASE_FIXTURE(Fixture, "leave says goodbye, then the engine is silent and says so") {
    start();
    say("hello");
    REQUIRE(called("receive 2: hello"));
    Outbox goodbye;
    goodbye.datagrams = {{std::nullopt, bytes("goodbye")}};
    answer(std::move(goodbye));
    engine->leave();
    CHECK(hear() == "goodbye");
    CHECK(has(script().get().calls, "leave"));
    CHECK_FALSE(engine->submit(bytes("late")));
    CHECK(engine->status().trouble == "stopped");
    CHECK_FALSE(engine->status().bound);
    engine->leave();  // nothing is left to do
}

TEST_CASE_FIXTURE(Fixture, "a goodbye waits for a disk that does not answer, but not for ever") {
    std::filesystem::create_directory(directory.file("epoch.new"));
    start();
    Outbox first;
    first.persist_epoch = 5;
    answer(std::move(first));
    say("a");
    REQUIRE(called("receive 2: a"));
    engine->leave();
    CHECK(has(script().get().calls, "leave"));
    while (!peer.quiet()) {
        const auto frame = sealer.open(peer.receive());
        if (const auto* opened = std::get_if<totem::OpenedFrame>(&frame))
            CHECK(totem::is_link_message(opened->body));
    }
}

TEST_CASE_FIXTURE(Fixture, "status can be asked for from within a handler") {
    std::promise<std::string> phase;
    std::atomic<Engine*> self{nullptr};
    auto started =
        Engine::start(config(), key(),
                      {[&](std::vector<totem::Event>) { phase.set_value(self.load()->status().ring.phase); },
                       [](base::Level, const std::string&) {}});
    REQUIRE(started);
    self.store(started->get());
    REQUIRE(called("start 0"));
    Outbox out;
    out.events = {delivered("x")};
    answer(std::move(out));
    say("go");
    auto future = phase.get_future();
    REQUIRE(future.wait_for(kDeadline) == std::future_status::ready);
    CHECK(future.get() == "scripted");
}

TEST_CASE_FIXTURE(Fixture, "many threads submit and ask while it runs and while it stops") {
    start();
    std::atomic<int> taken{0};
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            while (!done.load()) {
                if (engine->submit(bytes("x"))) ++taken;
                static_cast<void>(engine->status());
            }
        });
    }
    CHECK(script().wait([](const Script& s) { return s.calls.size() > 300; }));
    engine->leave();
    CHECK(engine->status().trouble == "stopped");
    done.store(true);
    for (auto& thread : threads) thread.join();
    const auto calls = script().get().calls;
    CHECK(std::count(calls.begin(), calls.end(), "submit x") <= taken.load());
}

TEST_CASE_FIXTURE(Fixture, "a configuration that cannot work is refused with the reason") {
    const auto refusal = [&](auto&& spoil) {
        auto c = config();
        spoil(c);
        const auto result = Engine::start(
            c, key(), {[](std::vector<totem::Event>) {}, [](base::Level, const std::string&) {}});
        return result ? std::string("started") : result.error().message;
    };
    CHECK(refusal([](auto& c) { c.same_host = false; }).find("loopback") != std::string::npos);
    CHECK(refusal([](auto& c) {
              c.links[0].addresses[1].ip = "node2";
          }).find("\"node2\" is not an IP address") != std::string::npos);
    CHECK(refusal([](auto& c) { c.links[0].addresses.pop_back(); }) == "link 0: nodes {3} have no address");
    CHECK(refusal([](auto& c) {
              c.links[0].mode = totem::LinkMode::multicast;
              c.links[0].multicast_group = "10.0.0.1";
          }).find("multicast group") != std::string::npos);
    CHECK(refusal([](auto& c) { c.links[0].addresses[1].ip = "fd77::2"; }).find("do not share a link") !=
          std::string::npos);
    CHECK(refusal([](auto& c) { c.links.push_back(c.links[0]); }) == "link 0 is there twice or out of range");
    CHECK(refusal([](auto& c) { c.links.clear(); }).find("0 links") == 0);
    CHECK(refusal([](auto& c) { c.epoch_file = "/nonexistent/epoch"; }).find("/nonexistent") == 0);
    CHECK(refusal([](auto& c) { c.ring.datagram_size = 70'000; }).find("70000") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture,
                  "a port in use is trouble, not an error; submitted messages wait for the ring's start") {
    std::optional<Wire> other;
    other.emplace("127.0.0.1", port);
    launch(config());
    CHECK(engine->submit(bytes("early")));
    auto status = engine->status();
    CHECK_FALSE(status.bound);
    CHECK(status.ring.phase == "waiting");
    CHECK(status.trouble.find("taken by another program") != std::string::npos);
    other.reset();
    CHECK(called("submit early"));
    CHECK(engine->status().bound);
}

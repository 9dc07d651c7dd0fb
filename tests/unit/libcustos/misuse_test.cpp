// Clients that break the rules, and arguments that are wrong.
#include "daemon.hpp"

#include <sys/wait.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "tools/groups/frames.hpp"
#include "totem/base/fd.hpp"

using namespace libcustos_test;  // NOLINT(google-build-using-namespace)
namespace frames = tools::frames;

namespace {

// A connection without the library.
class Raw {
  public:
    explicit Raw(const Daemon& daemon) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, daemon.socket().data(), daemon.socket().size());
        REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    void say(const base::Bytes& bytes) const {
        REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void say(const frames::Request& request) const { say(frames::encode(request)); }
    // Reads to the end of the connection; why the daemon ended it.
    [[nodiscard]] std::string ended_for() const {
        base::Bytes all(1u << 20);
        std::size_t have = 0;
        for (ssize_t n = 1; n > 0; have += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
            n = ::recv(fd_.get(), all.data() + have, all.size() - have, 0);
        std::string why = "no word";
        for (std::size_t at = 0; at + frames::kHeader < have;) {
            const std::size_t length = frames::length_of({all.data() + at, frames::kHeader});
            const auto reply = frames::decode_reply({all.data() + at + frames::kHeader, length});
            REQUIRE(reply);
            if (const auto* end = std::get_if<frames::End>(&*reply)) why = end->why;
            at += frames::kHeader + length;
        }
        return why;
    }

  private:
    base::Fd fd_;
};

}  // namespace

TEST_CASE("a client that breaks the rules is ended with the reason, and its members leave") {
    membership::GroupsConfig config;
    config.send_messages = 2;
    Daemon daemon(config);
    Client watcher = connected(daemon);
    CHECK(watcher.join("g") == Result::ok);
    next(watcher);
    daemon.hold();
    const Raw client(daemon);
    client.say(frames::Hello{});
    client.say(frames::Join{"g"});
    client.say(frames::Join{"h"});
    client.say(frames::Join{"i"});
    CHECK(client.ended_for() == "the client sends without credit");
    daemon.release();
    CHECK(next(watcher) == "g: 2 members, joined 2 (join)");
    CHECK(next(watcher) == "g: 1 members, left 2 (process died)");
}

TEST_CASE("words that are none end the connection, and that alone") {
    Daemon daemon;
    Client other = connected(daemon);
    const auto ended = [&](const std::vector<base::Bytes>& said) {
        const Raw client(daemon);
        for (const base::Bytes& bytes : said) client.say(bytes);
        return client.ended_for();
    };
    const base::Bytes hello = frames::encode(frames::Request{frames::Hello{}});
    CHECK(ended({{0, 0, 0, 0}}) == "a frame of a length that none has");
    CHECK(ended({{0xff, 0xff, 0xff, 0xff}}) == "a frame of a length that none has");
    CHECK(ended({{1, 0, 0, 0, 99}}) == "a request that this custosd does not know; is libcustos newer?");
    CHECK(ended({frames::encode(frames::Request{frames::Join{"g"}})}) == "the first word is to be hello");
    CHECK(ended({hello, hello}) == "hello is said once");
    CHECK(ended({hello, frames::encode(frames::Request{frames::List{}})}) == "hello is said once");
    CHECK(ended({frames::encode(frames::Request{frames::List{}})}) == "no word");  // the list, then the end
    CHECK(other.join("g") == Result::ok);
    CHECK(next(other) == "g: 1 members, joined 1 (join)");
}

TEST_CASE("frames that come in pieces are put together") {
    Daemon daemon;
    const Raw client(daemon);
    base::Bytes all = frames::encode(frames::Request{frames::Hello{}});
    for (const frames::Request& request :
         {frames::Request{frames::Join{"g"}}, frames::Request{frames::Send{false, "g", {}}},
          frames::Request{frames::Goodbye{}}}) {
        const base::Bytes frame = frames::encode(request);
        all.insert(all.end(), frame.begin(), frame.end());
    }
    for (const std::uint8_t byte : all) {
        client.say({byte});
        daemon.connections();  // it has looked
    }
    CHECK(client.ended_for() == "no word");
    CHECK(daemon.clients().empty());
}

TEST_CASE("a stranger has to say something in time, and strangers are counted") {
    Daemon daemon({}, {1, 1});
    const Raw silent(daemon);
    CHECK(silent.ended_for() == "no word");  // after a second
    std::vector<std::unique_ptr<Raw>> many;
    for (std::size_t n = 0; n < tools::GroupServer::kMaxStrangers; ++n)
        many.push_back(std::make_unique<Raw>(daemon));
    const Raw last(daemon);
    CHECK(last.ended_for() == "too many connections that have not said hello");
}

TEST_CASE("a frame that is begun has to come to its end in time, and a client may be silent between two") {
    Daemon daemon({}, {1, 300, 1});
    Client watcher = connected(daemon);
    CHECK(watcher.join("g") == Result::ok);
    next(watcher);
    const Raw client(daemon);
    client.say(frames::Hello{});
    client.say(frames::Join{"g"});
    CHECK(next(watcher) == "g: 2 members, joined 2 (join)");
    client.say({200, 0, 0, 0, 5});
    CHECK(client.ended_for() == "a frame was begun and has not come to its end within 1 s");
    CHECK(next(watcher) == "g: 1 members, left 2 (process died)");
    CHECK(watcher.send("g", "on") == Result::ok);  // said nothing for longer
    CHECK(next(watcher) == "g: 1 says on");
}

TEST_CASE("what is half written to clients that were ended is bounded") {
    Daemon daemon;
    constexpr std::size_t kLarge = std::size_t{4} << 20;
    const std::size_t places = tools::GroupServer::kMaxEndingBytes / kLarge;
    std::vector<std::unique_ptr<Raw>> stopped;
    for (std::size_t n = 0; n < places + 4; ++n) {
        stopped.push_back(std::make_unique<Raw>(daemon));
        stopped.back()->say(frames::Hello{});
        stopped.back()->say(frames::Join{"g"});
    }
    Client sender = connected(daemon);
    const auto count = [&](const auto& is) {
        const auto all = daemon.clients();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is));
    };
    while (count([](const auto& c) { return !c.groups.empty(); }) < stopped.size()) {
    }
    REQUIRE(sender.send("g", std::string(CUSTOS_MAX_MESSAGE, 'x')) == Result::ok);
    while (count([](const auto& c) { return c.untaken_bytes > kLarge / 2; }) < stopped.size()) {
    }
    for (const auto& client : stopped) client->say(base::Bytes{0, 0, 0, 0});  // ends it
    while (daemon.clients().size() > 1) {                                     // the sender
    }
    CHECK(daemon.connections() <= places + 1);
    CHECK(daemon.connections() > places / 2);
}

TEST_CASE("who does not read its reasons is not kept for ever") {
    membership::GroupsConfig config;
    config.keep_messages = 10;
    Daemon daemon(config, {10, 1});
    Client slow = connected(daemon), quick = connected(daemon);
    CHECK(slow.join("g") == Result::ok);
    const std::string payload(400'000, 'x');
    for (int n = 0; n < 12; ++n) {
        REQUIRE(quick.send("g", payload) == Result::ok);
        while (next(quick, 0) != "nothing") {
        }
        std::size_t messages = 0;
        do {
            next(quick, 10);
            custos_credit(quick.c(), &messages, nullptr);
        } while (messages < config.send_messages);
    }
    for (int n = 0; n < 300 && daemon.connections() > 1; ++n) next(quick, 10);
    CHECK(daemon.connections() == 1);
}

TEST_CASE("wrong arguments and missing clients are errors") {
    Daemon daemon;
    CHECK(custos_connect(daemon.socket().c_str(), 0, nullptr) == CUSTOS_INVALID);
    custos_client* none = nullptr;
    CHECK(custos_connect("/nowhere/groups.sock", 0, &none) == CUSTOS_ABSENT);
    REQUIRE(none != nullptr);
    CHECK(std::string(custos_error(none)).find("no custosd serves groups at /nowhere/groups.sock") == 0);
    CHECK(custos_fd(none) == -1);
    const custos_event* event = nullptr;
    CHECK(custos_next(none, 0, &event) == CUSTOS_LOST);
    // Not NO_CREDIT: none would ever come.
    CHECK(custos_join(none, "g", 1) == CUSTOS_LOST);
    CHECK(custos_send(none, "g", 1, "x", 1, CUSTOS_AGREED) == CUSTOS_LOST);
    CHECK(custos_leave(none, "g", 1) == CUSTOS_LOST);
    CHECK(std::string(custos_error(none)).find("no custosd serves groups at /nowhere/groups.sock") == 0);
    custos_close(none);
    CHECK(custos_connect(daemon.socket().c_str(), 8, &none) == CUSTOS_INVALID);
    custos_close(none);
    custos_close(nullptr);
    CHECK(custos_fd(nullptr) == -1);
    CHECK(custos_join(nullptr, "g", 1) == CUSTOS_INVALID);
    CHECK(std::string(custos_reason_text(77)) == "unknown");
    Client client = connected(daemon);
    CHECK(client.join("") == Result::invalid);
    CHECK(client.join(std::string(CUSTOS_MAX_NAME + 1, 'x')) == Result::invalid);
    CHECK(custos_send(client.c(), "g", 1, nullptr, 3, CUSTOS_AGREED) == CUSTOS_INVALID);
    CHECK(client.error() == "a message has at most 4193280 bytes, not 3");
}

TEST_CASE(
    "who was turned away, and who lost its connection, is told so by each request, also without credit") {
    membership::GroupsConfig config;
    config.send_messages = 1;
    Daemon daemon(config);
    daemon.hold();
    Client client = connected(daemon);
    CHECK(client.join("g") == Result::ok);
    CHECK(client.send("g", "x") == Result::no_credit);
    daemon.end_all("the end");
    CHECK(next(client) == "lost: the end");
    CHECK(client.send("g", "x") == Result::lost);
    CHECK(client.join("h") == Result::lost);
    CHECK(client.error() == "the end");
    // Turned away at once: there are too many that have not said hello.
    std::vector<std::unique_ptr<Raw>> many;
    for (std::size_t n = 0; n < tools::GroupServer::kMaxStrangers; ++n)
        many.push_back(std::make_unique<Raw>(daemon));
    custos_client* away = nullptr;
    CHECK(custos_connect(daemon.socket().c_str(), 0, &away) == CUSTOS_LOST);
    CHECK(custos_join(away, "g", 1) == CUSTOS_LOST);
    custos_close(away);
}

TEST_CASE("a child that closes its copy of a client does not take the parent out of its groups") {
    Daemon daemon;
    Client client = connected(daemon);
    CHECK(client.join("g") == Result::ok);
    CHECK(next(client) == "g: 1 members, joined 1 (join)");
    const pid_t child = fork();
    if (child == 0) {
        custos_close(client.c());
        _exit(0);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(client.send("g", "still here") == Result::ok);
    CHECK(next(client) == "g: 1 says still here");
}

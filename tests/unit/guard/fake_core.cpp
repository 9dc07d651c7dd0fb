#include "fake_core.hpp"

#include <csignal>
#include <utility>
//
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <istream>
#include <sstream>

#include "agents/guard/local_agents.hpp"
#include "agents/runner/clock.hpp"
#include "agents/runner/runner.hpp"

namespace asio = boost::asio;

namespace {

class FakeCore {
  public:
    FakeCore(const std::string& control, int guard_fd, int runner_fd, int key_fd)
        : socket_(context_),
          signals_(context_, SIGTERM, SIGHUP),
          guard_fd_(guard_fd),
          agents_(context_, guard_fd, runner_fd, handlers()) {
        socket_.connect(asio::local::stream_protocol::endpoint(control));
        std::array<char, 64> key{};
        const ssize_t n = ::read(key_fd, key.data(), key.size());
        key_.assign(key.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    }

    [[noreturn]] void run() {
        read();
        wait_signal();
        context_.run();
        ::_exit(70);
    }

  private:
    agents::LocalAgents::Handlers handlers() {
        agents::LocalAgents::Handlers h;
        h.result = [this](const manager::OperationResult& r) {
            say("result " + std::to_string(r.id) + " " + std::to_string(r.code) + " " + r.reason);
        };
        h.facts = [this](const agents::GuardFacts& f) {
            say("hello " + std::to_string(::getpid()) + " " + std::to_string(::getuid()) + " " +
                std::to_string(f.restarts) + " " + (f.core_is_root ? "root" : "user") + " " + key_);
        };
        h.dropped = [this] { say("dropped"); };
        h.note = [this](const std::string& text) { say("note " + text); };
        h.lost = [](const std::string&) { ::_exit(71); };
        return h;
    }

    void say(const std::string& line) { asio::write(socket_, asio::buffer(line + "\n")); }

    void wait_signal() {
        signals_.async_wait([this](const auto& error, int signal) {
            if (error) return;
            say(signal == SIGHUP ? "hup" : "term");
            if (signal == SIGTERM && !hang_) ::_exit(0);
            wait_signal();
        });
    }

    void read() {
        asio::async_read_until(socket_, in_, '\n', [this](const auto& error, std::size_t) {
            if (error) ::_exit(72);
            std::istream stream(&in_);
            std::string line;
            std::getline(stream, line);
            obey(line);
            read();
        });
    }

    void obey(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        if (verb == "start" || verb == "stop" || verb == "monitor") operate(verb, words);
        if (verb == "watch") watch(words);
        if (verb == "lease") lease(words);
        if (verb == "ready") agents_.ready();
        if (verb == "announce") agents_.announce_all(ring(words));
        if (verb == "farewell") farewell(words);
        if (verb == "garbage") ::send(guard_fd_, "garbage", 7, MSG_NOSIGNAL);
        if (verb == "hang") hang_ = true;
        if (verb == "abort") ::abort();
        if (verb == "exit") {
            int code = 0;
            words >> code;
            ::_exit(code);
        }
    }

    void farewell(std::istream& words) {
        agents::GuardFarewell f;
        f.from = f.to = *base::parse_ip("127.0.0.1");
        words >> f.port;
        constexpr std::string_view kText = "bye";
        std::copy(kText.begin(), kText.end(), f.frame.begin());
        f.size = kText.size();
        agents_.farewell(f);
        say("kept");
    }

    static base::RingId ring(std::istream& words) {
        base::RingId id;
        words >> id.seq;
        id.representative = {1};
        return id;
    }

    void operate(const std::string& action, std::istream& words) {
        manager::OperationRequest r = address();
        words >> r.id;
        const base::RingId decided = ring(words);
        r.action = action;
        words >> r.params["ip"];
        // As a core does where leases are not enforced.
        if (!leased_ && action != "stop")
            agents_.renew({decided, agents::boottime_now(), base::Instant::never()});
        agents_.start(r, decided);
    }

    // RING MS: the right ends so long from now; 0: nothing is said of it. From now on nothing else is.
    void lease(std::istream& words) {
        leased_ = true;
        const base::RingId of = ring(words);
        std::int64_t ms = 0;
        words >> ms;
        const base::Instant now = agents::boottime_now();
        if (ms > 0) agents_.renew({of, now, now + base::milliseconds(ms)});
    }

    void watch(std::istream& words) {
        manager::OperationRequest r = address();
        words >> r.id >> r.params["ip"];
        r.action = "monitor";
        r.interval = base::milliseconds(10);
        agents_.start(r, {});
    }

    static manager::OperationRequest address() {
        manager::OperationRequest r;
        r.resource = "vip";
        r.agent = {"ocf", "heartbeat", "IPaddr2"};
        r.timeout = base::seconds(20);
        r.params = {{"cidr_netmask", "32"}, {"nic", "v0"}};
        return r;
    }

    asio::io_context context_;
    asio::local::stream_protocol::socket socket_;
    asio::signal_set signals_;
    asio::streambuf in_;
    int guard_fd_;
    std::string key_;
    bool hang_{false}, leased_{false};
    agents::LocalAgents agents_;
};

int number_of(const std::vector<std::string>& arguments, const std::string& name) {
    for (const auto& a : arguments) {
        if (a.rfind(name, 0) == 0) return std::stoi(a.substr(name.size()));
    }
    ::_exit(73);
}

}  // namespace

int run_fake_core(const std::vector<std::string>& arguments) {
    std::string control;
    for (const auto& a : arguments) {
        if (a.rfind("--control=", 0) == 0) control = a.substr(10);
    }
    FakeCore core(control, number_of(arguments, "--guard-fd="), number_of(arguments, "--runner-fd="),
                  number_of(arguments, "--key-fd="));
    core.run();
}

int run_fake_runner() {
    return agents::run_runner(3, {});
}

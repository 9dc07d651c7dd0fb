// The daemon's end of the group socket on a thread of its own, with a ring of one node: what is said is
// ordered at once, or when the test says so.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "tools/groups/server.hpp"
#include "tools/libcustos/custos.hpp"

namespace libcustos_test {

using custos::Client;
using custos::Result;

class Daemon {
  public:
    explicit Daemon(membership::GroupsConfig config = {}, tools::GroupPatience patience = {})
        : config_(with_self(config)),
          folder_(std::filesystem::temp_directory_path() / ("libcustos-" + std::to_string(getpid()))),
          groups_(config_, tracer_),
          server_(
              io_, socket(), 0600, groups_, config_, [this] { pump(); }, {geteuid(), {}}, patience) {
        REQUIRE(server_.start());
        synchronise();
        thread_ = std::thread([this] { io_.run(); });
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        run([this] { server_.stop(); });
        work_.reset();
        thread_.join();
        std::filesystem::remove_all(folder_);
    }

    [[nodiscard]] std::string socket() const { return folder_ / "groups.sock"; }
    // On the daemon's thread; returns what it returns.
    template <typename Function>
    std::invoke_result_t<Function> run(Function function) {
        std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
        auto done = task.get_future();
        boost::asio::post(io_, [&task] { task(); });
        return done.get();
    }
    // Nothing is ordered until release().
    void hold() {
        run([this] { held_ = true; });
    }
    void release() {
        run([this] {
            held_ = false;
            pump();
        });
    }
    // The ring changes; nobody comes or goes.
    void change_ring() {
        run([this] {
            synchronise();
            server_.carry_out(groups_.drain());
        });
    }
    void end_all(const std::string& why) {
        run([this, why] { server_.end_all(why); });
    }
    std::size_t connections() {
        return run([this] { return server_.connections(); });
    }
    std::vector<membership::ClientStatus> clients() {
        return run([this] { return groups_.clients(); });
    }

  private:
    static membership::GroupsConfig with_self(membership::GroupsConfig config) {
        config.self = {{3}, {300}};
        return config;
    }
    void synchronise() {
        membership::SyncedView view;
        view.view = {{++ring_, {3}, 77}, {config_.self}};
        view.place = {view.view.ring, {++seq_}};
        view.standings[config_.self] = groups_.standing();
        view.together = {config_.self};
        groups_.synchronised(view);
    }
    void pump() {
        while (!held_) {
            const auto message = groups_.next();
            if (!message) break;
            groups_.deliver({config_.self, {{ring_, {3}, 77}, {++seq_}}, false, message->payload});
        }
        server_.carry_out(groups_.drain());
    }

    membership::GroupsConfig config_;
    std::filesystem::path folder_;
    base::SilentTracer tracer_;
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    membership::Groups groups_;
    tools::GroupServer server_;
    std::uint64_t ring_{0}, seq_{0};
    bool held_{false};
    std::thread thread_;
};

inline Client connected(const Daemon& daemon, unsigned flags = 0) {
    Client client;
    const Result result = client.connect(daemon.socket(), flags);
    INFO(client.error());
    REQUIRE(result == Result::ok);
    return client;
}

// The next event in words: "g: 2 members, left 7 (cut off), joined 9 (join)", "g: 7 says hello", "credit".
inline std::string next(Client& client, int timeout_ms = 5000) {
    Result result{};
    const auto event = client.next(timeout_ms, &result);
    if (!event) return result == Result::none ? "nothing" : "lost: " + client.error();
    if (event->is_credit()) return "credit";
    const std::string group(event->group());
    if (event->is_refused()) return group + " refused: " + event->text();
    if (event->is_ring()) return "ring of " + std::to_string(event->nodes().size());
    if (event->is_message())
        return group + ": " + std::to_string(event->sender().client) + " says " +
               std::string(event->payload());
    std::string text = group + ": " + std::to_string(event->members().size()) + " members";
    for (const custos::Change& c : event->left())
        text += ", left " + std::to_string(c.who.client) + " (" + custos_reason_text(c.reason) + ")";
    for (const custos::Change& c : event->joined())
        text += ", joined " + std::to_string(c.who.client) + " (" + custos_reason_text(c.reason) + ")";
    return text;
}

}  // namespace libcustos_test

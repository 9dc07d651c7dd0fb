// A runner in a process of its own and a client for it.
#pragma once

#include <utility>
//
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../ocf/scratch.hpp"
#include "agents/runner/runner.hpp"
#include "agents/runner/runner_client.hpp"

class Running {
  public:
    // Agents of the system, ours, and ocf:test:* of this test.
    Running() {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::close(fds[0]);
            agents::RunnerOptions options;
            options.directories = agents::default_directories(SOURCE_AGENTS);
            options.directories.ocf.push_back(scratch_.path());
            ::_exit(agents::run_runner(fds[1], options));
        }
        ::close(fds[1]);
        agents::RunnerClient::Handlers handlers;
        handlers.result = [this](const manager::OperationResult& r) { results_[r.id].push_back(r); };
        handlers.lost = [this](const std::string&) { lost_ = true; };
        client_ = std::make_unique<agents::RunnerClient>(context_, fds[0], std::move(handlers));
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        client_.reset();
        context_.restart();
        context_.poll();
        if (pid_ > 0) CHECK(wait_exit() == 0);
    }

    void agent(const std::string& type, const std::string& script) {
        scratch_.write("test/" + type, "#!/bin/sh\n" + script);
    }
    const Scratch& scratch() { return scratch_; }
    agents::RunnerClient& client() { return *client_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

    std::uint64_t start(const std::string& agent, const std::string& action,
                        base::Duration timeout = base::seconds(20), base::Duration interval = {},
                        const manager::Attributes& params = {}, const std::string& resource = "r") {
        manager::OperationRequest r;
        r.id = ++id_;
        r.resource = resource;
        const auto colon = agent.find(':');
        r.agent = {"ocf", agent.substr(0, colon), agent.substr(colon + 1)};
        r.action = action;
        r.timeout = timeout;
        r.interval = interval;
        r.params = params;
        r.node = "n1";
        client_->start(r);
        return r.id;
    }

    // Runs the client until the condition holds.
    template <typename Condition>
    void until(Condition condition) {
        boost::asio::steady_timer limit(context_, std::chrono::seconds(30));
        const auto late = std::make_shared<bool>(false);  // its handler may come after this call
        limit.async_wait([late](const auto& error) { *late = !error; });
        context_.restart();
        while (!condition() && !*late) context_.run_one();
        REQUIRE_FALSE(*late);
    }
    // The n-th result of an operation.
    manager::OperationResult result(std::uint64_t id, std::size_t n = 1) {
        until([&] { return results_[id].size() >= n; });
        return results_[id][n - 1];
    }
    manager::OperationResult run(const std::string& agent, const std::string& action,
                                 const manager::Attributes& params = {}) {
        return result(start(agent, action, base::seconds(20), {}, params));
    }
    std::size_t count(std::uint64_t id) { return results_[id].size(); }
    bool lost() const { return lost_; }

    int wait_exit() {
        int status = -1;
        REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

  private:
    Scratch scratch_;
    pid_t pid_{-1};
    boost::asio::io_context context_;
    std::unique_ptr<agents::RunnerClient> client_;
    std::map<std::uint64_t, std::vector<manager::OperationResult>> results_;
    std::uint64_t id_{0};
    bool lost_{false};
};

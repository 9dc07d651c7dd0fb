// All agents of this node behind one door: native addresses go to guard, everything else to the runner.
#pragma once

#include <utility>
//
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "agents/guard/guard_client.hpp"
#include "agents/runner/runner_client.hpp"
#include "manager/model/operation.hpp"
#include "totem/base/ids.hpp"

namespace agents {

class LocalAgents {
  public:
    struct Handlers {
        std::function<void(const manager::OperationResult&)> result;
        std::function<void(const GuardFacts&)> facts;
        std::function<void(const std::string&)> note;
        std::function<void()> dropped{};  // as GuardClient's
        // guard or runner is gone: end this process without delay, guard starts it anew with both.
        std::function<void(const std::string& why)> lost;
    };
    // Takes over both descriptors (--guard-fd, --runner-fd).
    LocalAgents(boost::asio::io_context& context, int guard_fd, int runner_fd, const Handlers& handlers);

    // As RunnerClient::start and GuardClient::start. Ids are unique over both.
    void start(const manager::OperationRequest& request, const base::RingId& ring);
    void cancel_recurring(const std::string& resource);
    void announce_all(const base::RingId& ring) { guard_.announce_all(ring); }
    void farewell(const GuardFarewell& farewell) { guard_.farewell(farewell); }
    void renew(const membership::Renewal& renewal) { guard_.renew(renewal); }
    void entered(const base::RingId& ring) { guard_.entered(ring); }
    void ready() { guard_.ready(); }

  private:
    GuardClient guard_;
    RunnerClient runner_;
    bool persisted_{false};
};

}  // namespace agents

// The core's side of guard, on the main thread's io_context: native addresses as operations, as the runner
// has them.
#pragma once

#include <utility>
//
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agents/guard/frames.hpp"
#include "manager/model/operation.hpp"
#include "membership/lease/holder.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/ids.hpp"

namespace agents {

class GuardClient {
  public:
    struct Handlers {
        std::function<void(const manager::OperationResult&)> result;
        std::function<void(const GuardFacts&)> facts;      // once, first
        std::function<void(const std::string&)> note;      // a line for the log
        std::function<void(const std::string& why)> lost;  // once: guard is gone, and so is this process soon
        std::function<void()> dropped{};  // this node's right to hold was over: all its addresses are gone
    };
    // Takes over `fd`, the descriptor of --guard-fd. Handlers run on the io_context, never from inside a
    // call, and not after the destructor.
    GuardClient(boost::asio::io_context& context, int fd, Handlers handlers);
    GuardClient(const GuardClient&) = delete;
    GuardClient& operator=(const GuardClient&) = delete;
    ~GuardClient();

    // start, stop or monitor of a native address (is_native_address); results as RunnerClient::start gives
    // them. `ring`: of the view that decided it; guard refuses it (code kOcfUnknown) once it has seen a newer
    // one.
    void start(const manager::OperationRequest& request, const base::RingId& ring);
    void cancel_recurring(const std::string& resource);
    // Announces all addresses of this node anew: call it in each regular view that has members which the last
    // one had not.
    void announce_all(const base::RingId& ring);
    // What guard sends when this process has ended, one for each peer. Once.
    void farewell(const GuardFarewell& farewell);
    // The regular view of this ring: what older ones decide is refused from now on.
    void entered(const base::RingId& ring);
    // Others took this node for cleared: everything that it holds is to go.
    void give_up(const base::RingId& ring);
    void renew(const membership::Renewal& renewal);
    // The core is up and serves: systemd hears READY=1.
    void ready();

  private:
    class Connection;
    std::shared_ptr<Connection> connection_;
};

// A line to guard of its own for the ring's thread, for renewals: neither waits nor allocates.
class RenewalLine {
  public:
    // A copy of the descriptor of --guard-fd.
    explicit RenewalLine(int fd);
    // What guard has no room for is lost: the next renewal says more anyway.
    void send(const membership::Renewal& renewal) const;

  private:
    base::Fd fd_;
};

}  // namespace agents

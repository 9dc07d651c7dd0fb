// The daemon's end of the control socket. Runs on the caller's io_context and its thread; never blocks it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "tools/ipc/access.hpp"
#include "tools/ipc/control.hpp"
#include "totem/base/result.hpp"

namespace tools {

class ControlServer {
  public:
    // Answers one request: call it once, now or later, from the io_context's thread. When the client is gone
    // by then the reply is dropped; when every copy is destroyed without a call, the client is told that its
    // request was dropped.
    using Respond = std::function<void(Reply)>;
    // Called for each well-formed request of a client that authorize() let in.
    using Handler = std::function<void(const Credentials& client, Request request, Respond respond)>;

    static constexpr std::size_t kMaxClients = 64;
    static constexpr std::size_t kRootClients = 8;  // more for root
    // A client has that long to send its first request, to send the rest of one that it has begun, and to
    // take its reply and ask anew.
    static constexpr std::chrono::seconds kPatience{30};

    // `path`: of the socket file; `mode`: its permission bits (its group becomes the first admin group that
    // exists).
    ControlServer(boost::asio::io_context& io, std::string path, mode_t mode, Handler handler,
                  AccessPolicy policy = policy_of_this_process(),
                  std::chrono::milliseconds patience = kPatience);
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    ~ControlServer();  // stop()

    // Listens. Makes the folder of the socket when it is missing and replaces the socket file of a daemon
    // that is gone. Errc::conflict: another daemon listens there, or the path is no socket; Errc::io: the
    // system said no.
    [[nodiscard]] base::Status start();
    // Closes every connection and removes the socket file. Replies that come later are dropped.
    void stop();
    [[nodiscard]] std::size_t clients() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace tools

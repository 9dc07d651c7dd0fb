// A Unix stream socket that the daemon listens at, and whom it lets in to be looked at. Runs on the caller's
// io_context and its thread; never blocks it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "tools/ipc/access.hpp"
#include "totem/base/result.hpp"

namespace tools {

class Listener {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;
    // Of each connection whose other end the kernel vouches for. Nobody was authorised yet.
    using Accepted = std::function<void(Socket socket, Credentials client)>;

    // `path`: of the socket file; `mode`: its permission bits (its group becomes the first admin group of the
    // policy, if it has one).
    Listener(boost::asio::io_context& io, std::string path, mode_t mode, AccessPolicy policy,
             Accepted accepted);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();  // stop()

    // Listens. Makes the folder of the socket when it is missing and replaces the socket file of a daemon
    // that is gone. Errc::conflict: another daemon listens there, or the path is no socket; Errc::io: the
    // system said no.
    [[nodiscard]] base::Status start();
    // Nobody is let in any more; removes the socket file.
    void stop();

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace tools

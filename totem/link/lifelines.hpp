// One TCP connection to each peer, on which nothing is ever said: when the process at the other end dies, its
// machine closes it, and so tells us. Until then it costs nobody a wake-up. What it tells is a hint that
// nobody vouches for, and a peer to which none can be made (TCP is filtered) is none the worse for it.
//
// Each node makes its own connections and looks only at these. Those of others it takes from configured
// addresses alone, one from each, and keeps until they end or say something.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/socket_address.hpp"
#include "totem/link/sockets.hpp"

namespace totem {

class Lifelines {
  public:
    // holds(peer) is another now. `ended`: because the peer's machine closed the connection. Not called by
    // open(), close() and keep(), nor after this is gone.
    using Changed = std::function<void(base::NodeId peer, bool ended)>;
    // Not thread-safe; lives on the thread that runs `io`.
    Lifelines(boost::asio::io_context& io, Changed changed);
    Lifelines(const Lifelines&) = delete;
    Lifelines& operator=(const Lifelines&) = delete;
    ~Lifelines();

    // The own address is there: listens at it, at the link's port, and makes the connections that keep()
    // asked for. An error names what hinders listening; our own connections are made all the same.
    base::Status open(const LinkConfig& config, const Interface& interface);
    // Ends all connections; the peers' machines are told.
    void close();
    // Keeps a connection to this start of the peer's process (a number of its own for each start), also over
    // open() and close(); 0: none. Tried again after a second and then ever less often, up to a minute.
    void keep(base::NodeId peer, std::uint64_t start);
    // Other peers, or others' addresses: connections to what is gone end.
    void set_peers(const std::vector<base::LinkPeer>& peers);
    [[nodiscard]] bool holds(base::NodeId peer) const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  // ours alone; shared for as long as a handler runs
};

}  // namespace totem

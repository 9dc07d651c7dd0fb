// A link: the UDP sockets of one node in one network, IPv4 or IPv6. Unicast: one socket, a copy to each peer.
// Multicast and broadcast: frames to all go out once, frames to one go by unicast. It knows nothing of what
// is in a frame.
//
// The own address may come late, go, and come back: the link waits for it by event and never takes another
// one instead.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "totem/base/bytes.hpp"
#include "totem/base/datagram.hpp"
#include "totem/base/ids.hpp"
#include "totem/link/address.hpp"
#include "totem/link/batch.hpp"
#include "totem/link/counters.hpp"

namespace totem {

using base::LinkPeer;
using base::Outgoing;

struct LinkConfig {
    IpAddress own;
    std::vector<LinkPeer> peers;  // without ourselves
    std::uint16_t port{0};
    // Neither: unicast to each peer.
    std::optional<IpAddress> group;
    bool broadcast{false};  // IPv4 only: to all of the own address's network
    int ttl{1};
    bool same_host{false};  // for tests: all nodes on this machine; loopback addresses are taken, and
                            // multicast comes back to us
};

class Link {
  public:
    struct Handlers {
        // A batch of datagrams, data from the group before the rest. Runs on the io_context's thread.
        std::function<void(std::span<const Received>)> received;
        // bound(), interface() or trouble() changed.
        std::function<void()> changed;
        // The peer's machine says that nobody listens at our port, or has closed our lifeline to it; nobody
        // vouches for that. May be empty.
        std::function<void(base::NodeId)> refused{};
        // The kernel has dropped so many more datagrams, because they were not fetched in time. Told before
        // the batch that came after them. May be empty.
        std::function<void(std::uint64_t)> overflowed{};
        // has_lifeline() of some peer changed. May be empty.
        std::function<void()> lifelines{};
    };
    // Not thread-safe; lives on the thread that runs `io`, and must outlive its last handler.
    Link(boost::asio::io_context& io, LinkConfig config, Handlers handlers);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link();

    // Opens the sockets, now or as soon as it can. Once.
    void start();
    // Best effort: failures are counted, never reported one by one.
    void send(std::span<const Outgoing> frames);
    // Hands over what is waiting at the sockets without waiting for an event; to be called before acting on a
    // timeout.
    void collect();
    // From now on we want a lifeline (lifelines.hpp) to this start of the peer's process, a number of its own
    // for each start; 0: to none.
    void keep_lifeline(base::NodeId peer, std::uint64_t start);
    // Other peers, or others' addresses; and the own address: when that is another one, the sockets are
    // closed and opened there, now or as soon as it is on this machine.
    void readdress(const IpAddress& own, std::vector<LinkPeer> peers);
    void close();

    [[nodiscard]] bool bound() const;
    // Whether the peer's machine would tell us, by Handlers::refused and without being asked, when its
    // process ends.
    [[nodiscard]] bool has_lifeline(base::NodeId peer) const;
    [[nodiscard]] const std::optional<Interface>& interface() const;  // that has the own address
    // Of IP and UDP.
    [[nodiscard]] std::size_t header_bytes() const;
    [[nodiscard]] const std::string& trouble()
        const;  // why it is not bound, and what to do; empty when all is well
    [[nodiscard]] LinkCounters counters() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  // ours alone; shared for as long as a handler runs
};

}  // namespace totem

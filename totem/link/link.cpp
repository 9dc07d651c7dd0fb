#include "totem/link/link.hpp"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "totem/link/lifelines.hpp"
#include "totem/link/sockets.hpp"

namespace totem {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

// For what no event announces: that a port has become free.
constexpr std::chrono::seconds kRetry{1};

// Slots for the group's data in one batch; the others are kept for frames to us alone (tokens), which a flood
// of data must not keep out.
constexpr std::size_t kGroupSlots = 96;
// How often the group may fill its slots before the others are looked at: data goes before tokens, but not
// for ever.
constexpr int kGroupTurns = 8;

std::uint64_t kernel_drops(int fd) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
    return size > SK_MEMINFO_DROPS * sizeof info[0] ? info[SK_MEMINFO_DROPS] : 0;
}

std::size_t receive_buffer(int fd) {
    int size = 0;
    socklen_t length = sizeof size;
    if (::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length) != 0) return 0;
    return static_cast<std::size_t>(size);
}

}  // namespace

// A handler may run after the link is gone (asio calls those of a closed socket later): each holds it weakly.
struct Link::Impl : std::enable_shared_from_this<Link::Impl> {
    Impl(boost::asio::io_context& io, LinkConfig c, Handlers h)
        : config(std::move(c)),
          handlers(std::move(h)),
          unicast(io),
          group(io),
          address_events(io),
          retry(io),
          lifelines(io, [this](base::NodeId peer, bool ended) { lifeline_changed(peer, ended); }) {}

    void watch_addresses() {
        auto events = open_address_events();
        if (!events) {
            polling = true;  // look() meets the same obstacle and says so
            return;
        }
        address_events.assign(*events);
        wait_for_addresses();
    }

    void wait_for_addresses() {
        address_events.async_wait(stream_descriptor::wait_read, [weak = weak_from_this()](error_code error) {
            const auto self = weak.lock();
            if (error || !self) return;
            drain_address_events(self->address_events.native_handle());
            self->look();
            self->wait_for_addresses();
        });
    }

    // Brings the sockets in line with where the own address is now.
    void look() {
        auto found = interface_of(config.own);
        if (!found) {
            close_sockets();
            say(found.error().message);
            return retry_later();
        }
        if (!*found || !at || (*found)->index != at->index) close_sockets();
        const bool news = at != *found;
        at = *std::move(found);
        if (!at) {
            say("the own address " + to_string(config.own) + " is not on this machine; waiting for it");
            if (polling) retry_later();
            return;
        }
        if (!unicast.is_open()) {
            open_sockets();
        } else if (news) {
            say_state(true);
        }
        if (polling) retry_later();
    }

    void open_sockets() {
        if (config.own.is_loopback() && !config.same_host) {
            return say(to_string(config.own) +
                       " is a loopback address, which no other node can reach; see ring0_addr");
        }
        auto one = open_unicast(config, *at);
        if (!one) {
            say(one.error().message);
            return retry_later();
        }
        if (config.group || config.broadcast) {
            auto many = config.group ? open_multicast(config, *at) : open_broadcast(config, *at);
            if (!many) {
                say(many.error().message);
                return retry_later();
            }
            group.assign(many->release());
        }
        unicast.assign(one->release());
        unicast_drops = group_drops = 0;
        ++generation;
        set_targets();
        wait_for_data(unicast);
        wait_for_errors();
        if (group.is_open()) wait_for_data(group);
        const base::Status listens = lifelines.open(config, *at);
        no_lifelines = listens ? "" : "peers get no lifeline to this node: " + listens.error().message;
        say_state(false);
    }

    void set_targets() {
        peers.clear();
        for (const LinkPeer& peer : config.peers)
            peers.push_back({peer.node, base::SocketAddress(scoped(peer.address, *at), config.port)});
        if (group.is_open()) {
            everybody =
                base::SocketAddress(config.group ? scoped(*config.group, *at) : *at->broadcast, config.port);
        }
    }

    void readdress(const IpAddress& own, std::vector<LinkPeer> others) {
        config.peers = std::move(others);
        const bool moved = !(config.own == own);
        config.own = own;
        if (moved) close_sockets();
        lifelines.set_peers(config.peers);
        if (at && !moved) set_targets();
        if (moved) look();
    }

    void close_sockets() {
        if (!unicast.is_open()) return;
        overflowed_before = overflowed();
        ++generation;
        error_code ignored;
        unicast.close(ignored);
        group.close(ignored);
        lifelines.close();
    }

    void retry_later() {
        retry.expires_after(kRetry);
        retry.async_wait([weak = weak_from_this()](error_code error) {
            const auto self = weak.lock();
            if (!error && self) self->look();
        });
    }

    // A handler that was already queued when its socket was closed carries an older generation and ends its
    // chain there.
    void wait_for_data(stream_descriptor& socket) {
        const auto waiting = [weak = weak_from_this(), &socket, mine = generation](error_code error) {
            const auto self = weak.lock();
            if (error || !self || mine != self->generation) return;
            self->collect();
            if (mine == self->generation) self->wait_for_data(socket);
        };
        socket.async_wait(stream_descriptor::wait_read, waiting);
    }

    void collect() {
        if (!unicast.is_open()) return;
        batch.clear();
        bool group_empty = true;
        const std::uint32_t before = unicast_drops + group_drops;
        if (group.is_open()) group_empty = batch.receive(group.native_handle(), kGroupSlots, group_drops);
        // When more data is waiting, it may be what a waiting token is about: it goes first.
        const bool data_only = !group_empty && ++group_turns < kGroupTurns;
        if (!data_only) {
            batch.receive(unicast.native_handle(), ReceiveBatch::kSlots, unicast_drops);
            group_turns = 0;
        }
        const auto all = batch.all();
        received += all.size();
        const std::uint32_t dropped =
            unicast_drops + group_drops - before;  // modulo 2^32, as the kernel counts
        if (dropped > 0 && handlers.overflowed) handlers.overflowed(dropped);
        if (!all.empty()) handlers.received(all);
    }

    // Apart from the data, so that data costs no look at the errors.
    void wait_for_errors() {
        const auto waiting = [weak = weak_from_this(), mine = generation](error_code error) {
            const auto self = weak.lock();
            if (error || !self || mine != self->generation) return;
            const std::vector<IpAddress> refusals = take_refusals(self->unicast.native_handle());
            self->collect();  // first what has been received: that may be of those who are said to be gone
            for (const IpAddress& address : refusals) self->refused(address);
            if (mine == self->generation) self->wait_for_errors();
        };
        unicast.async_wait(stream_descriptor::wait_error, waiting);
    }

    void lifeline_changed(base::NodeId peer, bool ended) {
        const auto self = shared_from_this();
        if (handlers.lifelines) handlers.lifelines();
        if (!ended) return;
        collect();  // first what has been received: its goodbye, or another sign of life
        if (handlers.refused) handlers.refused(peer);
    }

    void refused(const IpAddress& address) {
        for (const LinkPeer& peer : config.peers) {
            if (peer.address.same_as(address) && handlers.refused) handlers.refused(peer.node);
        }
    }

    void send(std::span<const Outgoing> frames) {
        if (!unicast.is_open()) {
            unsent += frames.size();
            return;
        }
        const int fd = unicast.native_handle();
        bool whole = false;
        for (const Outgoing& out : frames) {
            if (out.whole != whole) {
                sending.flush(fd);
                whole = out.whole;
                forbid_fragments(fd, config.own.v6, whole);
            }
            if (!out.to && group.is_open()) {
                sending.add(fd, everybody, out.frame);
                continue;
            }
            for (const Target& peer : peers) {
                if (!out.to || *out.to == peer.node) sending.add(fd, peer.address, out.frame);
            }
        }
        sending.flush(fd);
        if (whole) forbid_fragments(fd, config.own.v6, false);
    }

    // The sockets are open.
    void say_state(bool news) {
        const std::string text =
            at->running ? no_lifelines
                        : "interface " + at->name + " with " + to_string(config.own) + " has no carrier";
        if (news && text == trouble) return handlers.changed();  // another MTU, another broadcast address
        say(text);
    }

    void say(std::string text) {
        const bool now_bound = unicast.is_open();
        if (text == trouble && now_bound == was_bound) return;
        was_bound = now_bound;
        trouble = std::move(text);
        handlers.changed();
    }

    [[nodiscard]] std::uint64_t overflowed() {
        if (!unicast.is_open()) return overflowed_before;
        std::uint64_t sum = overflowed_before + kernel_drops(unicast.native_handle());
        if (group.is_open()) sum += kernel_drops(group.native_handle());
        return sum;
    }

    struct Target {
        base::NodeId node;
        base::SocketAddress address;
    };
    LinkConfig config;
    Handlers handlers;
    std::vector<Target> peers;
    base::SocketAddress everybody;  // the group, or the broadcast address
    stream_descriptor unicast, group, address_events;
    boost::asio::steady_timer retry;
    std::optional<Interface> at;  // that has the own address
    std::uint64_t generation{0};  // of the sockets
    bool polling{false};          // no events to be had: look every second
    int group_turns{0};
    std::uint32_t unicast_drops{0}, group_drops{0};  // as the kernel said last
    ReceiveBatch batch;
    SendBatch sending;
    bool was_bound{false};
    std::string trouble;
    std::string no_lifelines;  // why peers get none to us
    Lifelines lifelines;
    std::uint64_t received{0}, unsent{0}, overflowed_before{0};
};

Link::Link(boost::asio::io_context& io, LinkConfig config, Handlers handlers)
    : impl_(std::make_shared<Impl>(io, std::move(config), std::move(handlers))) {}

Link::~Link() = default;

void Link::start() {
    impl_->watch_addresses();
    impl_->look();
}

void Link::send(std::span<const Outgoing> frames) {
    impl_->send(frames);
}
void Link::collect() {
    impl_->collect();
}

void Link::keep_lifeline(base::NodeId peer, std::uint64_t start) {
    impl_->lifelines.keep(peer, start);
}

void Link::readdress(const IpAddress& own, std::vector<LinkPeer> peers) {
    impl_->readdress(own, std::move(peers));
}

void Link::close() {
    impl_->close_sockets();
    error_code ignored;
    impl_->address_events.close(ignored);
    impl_->retry.cancel();
}

bool Link::bound() const {
    return impl_->unicast.is_open();
}
bool Link::has_lifeline(base::NodeId peer) const {
    return impl_->lifelines.holds(peer);
}
const std::optional<Interface>& Link::interface() const {
    return impl_->at;
}
std::size_t Link::header_bytes() const {
    return impl_->config.own.v6 ? 48 : 28;
}
const std::string& Link::trouble() const {
    return impl_->trouble;
}

LinkCounters Link::counters() const {
    const SendBatch::Counters& sends = impl_->sending.counters();
    LinkCounters out;
    out.received = impl_->received;
    out.sent = sends.sent;
    out.send_failed = sends.failed;
    if (sends.failed > 0) out.last_send_error = system_error(sends.last_error);
    out.overflowed = impl_->overflowed();
    if (impl_->unicast.is_open()) out.receive_buffer = receive_buffer(impl_->unicast.native_handle());
    out.unsent = impl_->unsent;
    return out;
}

}  // namespace totem

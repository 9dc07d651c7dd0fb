#include "totem/link/lifelines.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

namespace totem {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::chrono::seconds kFirstRetry{1}, kLastRetry{60};

// Nothing is ever received.
constexpr int kBuffer = 1;  // the kernel makes its smallest of it
// A middlebox that forgets a silent connection would swallow its end, too: the kernels talk now and then.
constexpr int kKeepIdle = 20, kKeepInterval = 5, kKeepProbes = 3;  // seconds, and how many
constexpr int kConnectProbes = 2;                                  // given up after some seven seconds

// What a connection that has become readable says.
enum class Said { nothing, ended, lost, nonsense };

Said listen_to(int fd) {
    std::uint8_t byte = 0;
    const ssize_t n = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    if (n == 0) return Said::ended;
    if (n > 0) return Said::nonsense;
    if (errno == EAGAIN || errno == EINTR) return Said::nothing;
    return errno == ECONNRESET ? Said::ended : Said::lost;
}

base::Result<Fd> open_tcp(const LinkConfig& config, const Interface& interface, std::uint16_t port) {
    const bool v6 = config.own.v6;
    Fd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return base::Error{base::Errc::io, "cannot open a TCP socket: " + system_error(errno)};
    if (v6) TRY_OK(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", 1));
    TRY_OK(set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", 1));
    TRY_OK(set_option(fd, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", kBuffer));
    TRY_OK(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", 1));
    TRY_OK(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", kKeepIdle));
    TRY_OK(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", kKeepInterval));
    TRY_OK(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", kKeepProbes));
    const base::SocketAddress local(scoped(config.own, interface), port);
    if (::bind(fd.get(), local.data(), local.size()) == 0) return fd;
    return base::Error{base::Errc::io, "cannot bind " + to_string(config.own) + " TCP port " +
                                           std::to_string(port) + ": " + system_error(errno)};
}

// A connection in the making. Errors: it will come to nothing.
base::Result<Fd> connect_to(const LinkConfig& config, const Interface& interface, const IpAddress& peer) {
    TRY(Fd fd, open_tcp(config, interface, 0));
    TRY_OK(set_option(fd, IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT", kConnectProbes));
    const base::SocketAddress to(scoped(peer, interface), config.port);
    if (::connect(fd.get(), to.data(), to.size()) == 0 || errno == EINPROGRESS) return fd;
    return base::Error{base::Errc::io, "cannot connect: " + system_error(errno)};
}

bool connected(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

// A handler may run after its socket was closed, or after this is gone: each holds it weakly, and carries the
// number of the socket that it was made for.
struct Lifelines::Impl : std::enable_shared_from_this<Lifelines::Impl> {
    // Ours to one peer.
    struct Line {
        explicit Line(boost::asio::io_context& io) : socket(io), retry(io) {}
        std::uint64_t start{0};   // of the peer's process; 0: not wanted
        std::uint64_t number{0};  // of the socket
        bool held{false};
        stream_descriptor socket;
        boost::asio::steady_timer retry;
        std::chrono::seconds delay{kFirstRetry};
    };
    // Theirs to us.
    struct Guest {
        explicit Guest(boost::asio::io_context& io) : socket(io) {}
        std::uint64_t number{0};
        stream_descriptor socket;
    };

    Impl(boost::asio::io_context& context, Changed c)
        : io(context),
          changed(std::move(c)),
          listener(context) {}

    base::Status open(const LinkConfig& c, const Interface& at) {
        close();
        config = c;
        interface = at;
        for (auto& [node, line] : lines) connect(node, line);
        TRY(Fd fd, open_tcp(config, at, config.port));
        if (::listen(fd.get(), static_cast<int>(config.peers.size())) != 0)
            return base::Error{base::Errc::io, "cannot listen: " + system_error(errno)};
        listener.assign(fd.release());
        wait_for_guests();
        return base::ok();
    }

    void close() {
        stop_listening();
        guests.clear();
        interface.reset();
        for (auto& [node, line] : lines) drop(line);
    }

    void keep(base::NodeId node, std::uint64_t start) {
        Line& line = lines.try_emplace(node, io).first->second;
        if (line.start == start) return;
        drop(line);
        line.start = start;
        line.delay = kFirstRetry;
        connect(node, line);
    }

    void set_peers(const std::vector<base::LinkPeer>& peers) {
        const std::vector<base::LinkPeer> before = std::exchange(config.peers, peers);
        const auto same = [&](base::NodeId node) {
            const auto of = [node](const base::LinkPeer& p) { return p.node == node; };
            const auto was = std::find_if(before.begin(), before.end(), of);
            const auto is = std::find_if(peers.begin(), peers.end(), of);
            return was != before.end() && is != peers.end() && was->address.same_as(is->address);
        };
        std::erase_if(guests, [&](const auto& guest) { return !same(guest.first); });
        for (auto& [node, line] : lines) {
            if (same(node)) continue;
            drop(line);
            line.delay = kFirstRetry;
            connect(node, line);
        }
    }

    // --- ours
    void connect(base::NodeId node, Line& line) {
        const auto peer = std::find_if(config.peers.begin(), config.peers.end(),
                                       [&](const LinkPeer& p) { return p.node == node; });
        if (line.start == 0 || !interface || peer == config.peers.end()) return;
        auto fd = connect_to(config, *interface, peer->address);
        if (!fd) return again(node, line);
        line.number = ++number;
        line.socket.assign(fd->release());
        await(node, line, stream_descriptor::wait_write, [this, node](Line& done) {
            if (!connected(done.socket.native_handle())) return again(node, done);
            done.held = true;
            listen_on(node, done);
            changed(node, false);
        });
    }

    void listen_on(base::NodeId node, Line& line) {
        await(node, line, stream_descriptor::wait_read, [this, node](Line& readable) {
            const Said said = listen_to(readable.socket.native_handle());
            if (said == Said::nothing) return listen_on(node, readable);
            again(node, readable);
            changed(node, said == Said::ended);
        });
    }

    // Calls `then` unless the line has another socket, or none, by then.
    template <typename Then>
    void await(base::NodeId node, Line& line, stream_descriptor::wait_type what, Then then) {
        line.socket.async_wait(what,
                               [weak = weak_from_this(), node, mine = line.number, then](error_code error) {
                                   const auto self = weak.lock();
                                   if (error || !self) return;
                                   Line& now = self->lines.at(node);
                                   if (now.number == mine) then(now);
                               });
    }

    void again(base::NodeId node, Line& line) {
        drop(line);
        line.retry.expires_after(line.delay);
        line.delay = std::min(line.delay * 2, kLastRetry);
        line.retry.async_wait([weak = weak_from_this(), node, mine = line.number](error_code error) {
            const auto self = weak.lock();
            if (error || !self) return;
            Line& now = self->lines.at(node);
            if (now.number == mine) self->connect(node, now);
        });
    }

    void drop(Line& line) {
        line.number = ++number;
        line.held = false;
        error_code ignored;
        line.socket.close(ignored);
        line.retry.cancel();
    }

    // --- theirs
    void wait_for_guests() {
        listener.async_wait(stream_descriptor::wait_read,
                            [weak = weak_from_this(), mine = listening](error_code error) {
                                const auto self = weak.lock();
                                if (!error && self && mine == self->listening) self->accept();
                            });
    }

    void accept() {
        base::SocketAddress from;
        socklen_t size = base::SocketAddress::kRoom;
        Fd fd(::accept4(listener.native_handle(), from.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd.get() < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            return stop_listening();  // or it would be readable for ever; peers do without
        wait_for_guests();
        const IpAddress address = from.ip();
        const auto peer = std::find_if(config.peers.begin(), config.peers.end(),
                                       [&](const LinkPeer& p) { return p.address.same_as(address); });
        if (fd.get() < 0 || peer == config.peers.end()) return;
        guests.erase(peer->node);  // of its former start
        Guest& guest = guests.try_emplace(peer->node, io).first->second;
        guest.number = ++number;
        guest.socket.assign(fd.release());
        listen_to_guest(peer->node, guest);
    }

    void stop_listening() {
        listening = ++number;
        error_code ignored;
        listener.close(ignored);
    }

    void listen_to_guest(base::NodeId node, Guest& guest) {
        guest.socket.async_wait(stream_descriptor::wait_read,
                                [weak = weak_from_this(), node, mine = guest.number](error_code error) {
                                    const auto self = weak.lock();
                                    if (error || !self) return;
                                    const auto at = self->guests.find(node);
                                    if (at == self->guests.end() || at->second.number != mine) return;
                                    if (listen_to(at->second.socket.native_handle()) == Said::nothing)
                                        return self->listen_to_guest(node, at->second);
                                    self->guests.erase(at);
                                });
    }

    boost::asio::io_context& io;
    Changed changed;
    LinkConfig config;
    std::optional<Interface> interface;  // while open
    std::uint64_t number{0};             // of the last socket or wait; none comes twice
    std::uint64_t listening{0};          // of the listener
    stream_descriptor listener;
    std::map<base::NodeId, Line> lines;
    std::map<base::NodeId, Guest> guests;  // of configured peers, one each
};

Lifelines::Lifelines(boost::asio::io_context& io, Changed changed)
    : impl_(std::make_shared<Impl>(io, std::move(changed))) {}

Lifelines::~Lifelines() = default;

base::Status Lifelines::open(const LinkConfig& config, const Interface& interface) {
    return impl_->open(config, interface);
}
void Lifelines::close() {
    impl_->close();
}
void Lifelines::keep(base::NodeId peer, std::uint64_t start) {
    impl_->keep(peer, start);
}

void Lifelines::set_peers(const std::vector<base::LinkPeer>& peers) {
    impl_->set_peers(peers);
}

bool Lifelines::holds(base::NodeId peer) const {
    const auto line = impl_->lines.find(peer);
    return line != impl_->lines.end() && line->second.held;
}

}  // namespace totem

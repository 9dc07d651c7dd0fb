#include "tools/ipc/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "tools/ipc/codec.hpp"
#include "tools/ipc/listener.hpp"
#include "totem/base/check.hpp"

namespace tools {
namespace {

namespace asio = boost::asio;
using Stream = asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::size_t kReadAtOnce = 64u << 10;  // bytes

// The way back to one client. Its destructor answers for a handler that forgot to.
class Slot {
  public:
    explicit Slot(std::function<void(const Reply&)> send) : send_(std::move(send)) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() {
        if (send_) send_(Refused{"the daemon gave up this request: is it being stopped?"});
    }
    void answer(const Reply& reply) {
        ASSERT(send_);
        std::exchange(send_, nullptr)(reply);
    }

  private:
    std::function<void(const Reply&)> send_;
};

}  // namespace

class ControlServer::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, std::string path, mode_t mode, Handler handler, AccessPolicy policy,
         std::chrono::milliseconds patience)
        : io_(io),
          path_(std::move(path)),
          mode_(mode),
          handler_(std::move(handler)),
          policy_(std::move(policy)),
          patience_(patience) {}

    base::Status start();
    void stop();
    [[nodiscard]] std::size_t clients() const { return sessions_.size(); }

  private:
    class Session;
    void admit(Stream::socket socket, Credentials client);

    asio::io_context& io_;
    std::string path_;
    mode_t mode_;
    Handler handler_;
    AccessPolicy policy_;
    std::chrono::milliseconds patience_;
    std::set<std::shared_ptr<Session>> sessions_;
    std::optional<Listener> listener_;
};

// One client: request, reply, request ... The header of the next request is awaited while a reply is pending,
// so that a client that goes away is noticed; its body is read after the reply, so that a client has one
// request in work.
class ControlServer::Impl::Session : public std::enable_shared_from_this<Session> {
  public:
    Session(std::shared_ptr<Impl> server, Stream::socket socket, Credentials client)
        : server_(std::move(server)),
          socket_(std::move(socket)),
          deadline_(server_->io_),
          client_(std::move(client)) {}

    void serve() {
        arm_deadline();
        read_header();
    }
    // Tells the client why it is not served, and closes.
    void refuse(std::string message) {
        closing_ = true;
        send(Refused{std::move(message)});
    }
    void close() {
        error_code ignored;
        socket_.close(ignored);
        deadline_.cancel();
        if (server_) server_->sessions_.erase(shared_from_this());
        server_.reset();
    }

  private:
    void arm_deadline() {
        deadline_.expires_after(server_->patience_);
        deadline_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->close();
        });
    }
    void read_header() {
        asio::async_read(socket_, asio::buffer(header_),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) return self->close();
                             const auto length = payload_length(self->header_);
                             if (!length) return self->close();
                             self->next_ = *length;
                             if (!self->busy_) self->read_body();
                         });
    }
    void read_body() {
        if (!server_) return;
        whole_ = *std::exchange(next_, std::nullopt);
        arm_deadline();
        read_more();
    }
    // Room is made for what has come, not for what was announced.
    void read_more() {
        const std::size_t have = body_.size();
        body_.resize(std::min(whole_, std::max(kReadAtOnce, 2 * have)));
        asio::async_read(socket_, asio::buffer(body_.data() + have, body_.size() - have),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error || !self->server_) return self->close();
                             if (self->body_.size() < self->whole_) return self->read_more();
                             self->deadline_.cancel();
                             self->handle();
                         });
    }
    void handle() {
        auto request = decode_request(body_);
        body_ = {};
        if (!request) return refuse(request.error().message);
        busy_ = true;
        auto slot = std::make_shared<Slot>([weak = weak_from_this()](const Reply& reply) {
            if (const auto self = weak.lock()) self->send(reply);
        });
        read_header();
        // The handler outlives this call even if it stops the server.
        const auto server = server_;
        server->handler_(client_, *std::move(request), [slot](const Reply& reply) { slot->answer(reply); });
    }
    void send(const Reply& reply) {
        if (!server_) return;
        auto bytes = frame(encode(reply));
        if (!bytes) bytes = frame(encode(Reply{Refused{bytes.error().message}}));
        out_ = *std::move(bytes);
        arm_deadline();
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              if (error || self->closing_) return self->close();
                              self->out_ = {};
                              self->busy_ = false;
                              if (self->next_) self->read_body();
                          });
    }

    std::shared_ptr<Impl> server_;  // reset when closed
    Stream::socket socket_;
    asio::steady_timer deadline_;
    Credentials client_;
    std::array<std::uint8_t, kFrameHeader> header_{};
    std::optional<std::size_t> next_;  // length of a request whose body is still to be read
    std::size_t whole_{0};             // length of the one that is being read into body_
    base::Bytes body_, out_;
    bool busy_{false}, closing_{false};
};

base::Status ControlServer::Impl::start() {
    listener_.emplace(io_, path_, mode_, policy_,
                      [weak = weak_from_this()](Stream::socket socket, Credentials client) {
                          if (const auto self = weak.lock())
                              self->admit(std::move(socket), std::move(client));
                      });
    return listener_->start();
}

void ControlServer::Impl::stop() {
    if (listener_) listener_->stop();
    const auto sessions = sessions_;
    for (const auto& session : sessions) session->close();
}

void ControlServer::Impl::admit(Stream::socket socket, Credentials client) {
    // Some places are root's alone: who may administer must not lock root out.
    const bool full = sessions_.size() >= kMaxClients + (client.uid == 0 ? kRootClients : 0);
    const auto allowed = authorize(client, policy_);
    // A turned-away client costs one write that fits its socket buffer; its session is counted in neither
    // case.
    const auto session = std::make_shared<Session>(shared_from_this(), std::move(socket), std::move(client));
    if (!allowed) return session->refuse(allowed.error().message);
    if (full) {
        return session->refuse("custosd serves " + std::to_string(kMaxClients) +
                               " clients already: try again later");
    }
    sessions_.insert(session);
    session->serve();
}

ControlServer::ControlServer(asio::io_context& io, std::string path, mode_t mode, Handler handler,
                             AccessPolicy policy, std::chrono::milliseconds patience)
    : impl_(std::make_shared<Impl>(io, std::move(path), mode, std::move(handler), std::move(policy),
                                   patience)) {}
ControlServer::~ControlServer() {
    stop();
}
base::Status ControlServer::start() {
    return impl_->start();
}
void ControlServer::stop() {
    impl_->stop();
}
std::size_t ControlServer::clients() const {
    return impl_->clients();
}

}  // namespace tools

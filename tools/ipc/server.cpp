#include "tools/ipc/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "tools/ipc/codec.hpp"
#include "totem/base/check.hpp"
#include "totem/base/fd.hpp"

namespace tools {
namespace {

namespace asio = boost::asio;
using Stream = asio::local::stream_protocol;
using boost::system::error_code;

// True when a process listens at the socket file.
bool somebody_listens(const std::string& path) {
    const base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return true;  // cannot tell: leave it alone
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int rc = connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return rc == 0 || errno != ECONNREFUSED;
}

base::Status remove_stale(const std::string& path) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) return base::ok();
    if (!S_ISSOCK(info.st_mode)) {
        return base::Error{base::Errc::conflict,
                           path + " is not a socket: move it away, custosd needs that name"};
    }
    if (somebody_listens(path)) {
        return base::Error{base::Errc::conflict, "another custosd listens at " + path + ": stop it first"};
    }
    if (unlink(path.c_str()) != 0) return base::system_error("cannot remove the stale socket " + path, errno);
    return base::ok();
}

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
    Impl(asio::io_context& io, std::string path, mode_t mode, Handler handler, AccessPolicy policy)
        : io_(io),
          acceptor_(io),
          retry_(io),
          path_(std::move(path)),
          mode_(mode),
          handler_(std::move(handler)),
          policy_(std::move(policy)) {}

    base::Status start();
    void stop();
    [[nodiscard]] std::size_t clients() const { return sessions_.size(); }

  private:
    class Session;
    base::Status open();
    void accept();
    void admit(Stream::socket socket);

    asio::io_context& io_;
    Stream::acceptor acceptor_;
    asio::steady_timer retry_;
    std::string path_;
    mode_t mode_;
    Handler handler_;
    AccessPolicy policy_;
    std::set<std::shared_ptr<Session>> sessions_;
    ino_t inode_{0};
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
        deadline_.expires_after(std::chrono::seconds(kClientSeconds));
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
        body_.resize(*std::exchange(next_, std::nullopt));
        arm_deadline();
        asio::async_read(socket_, asio::buffer(body_),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error || !self->server_) return self->close();
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
    base::Bytes body_, out_;
    bool busy_{false}, closing_{false};
};

base::Status ControlServer::Impl::open() {
    if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
        return base::Error{base::Errc::invalid,
                           "the socket path '" + path_ + "' is empty or too long for the system"};
    }
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    std::error_code trouble;
    if (!folder.empty()) std::filesystem::create_directories(folder, trouble);
    if (trouble)
        return base::Error{base::Errc::io, "cannot make " + folder.string() + ": " + trouble.message()};
    TRY_OK(remove_stale(path_));
    error_code error;
    acceptor_.open(Stream(), error);
    // The mode counts from the first moment: bind() gives the file the mode of the socket.
    if (!error && fchmod(acceptor_.native_handle(), mode_) != 0)
        error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.bind(Stream::endpoint(path_), error);
    if (error) return base::Error{base::Errc::io, "cannot bind " + path_ + ": " + error.message()};
    struct stat info {};
    if (stat(path_.c_str(), &info) == 0) inode_ = info.st_ino;
    // bind() took the umask away from the mode. Without the right to change the group, only root and the
    // daemon's user connect.
    if (!policy_.admin_groups.empty() &&
        chown(path_.c_str(), static_cast<uid_t>(-1), policy_.admin_groups.front()) != 0 && errno != EPERM) {
        return base::system_error("cannot change the group of " + path_, errno);
    }
    if (chmod(path_.c_str(), mode_) != 0)
        return base::system_error("cannot change the mode of " + path_, errno);
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return base::Error{base::Errc::io, "cannot listen at " + path_ + ": " + error.message()};
    return base::ok();
}

base::Status ControlServer::Impl::start() {
    auto opened = open();
    if (!opened) {
        stop();
        return opened;
    }
    accept();
    return base::ok();
}

void ControlServer::Impl::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    const auto sessions = sessions_;
    for (const auto& session : sessions) session->close();
    struct stat info {};
    if (inode_ != 0 && stat(path_.c_str(), &info) == 0 && info.st_ino == inode_) unlink(path_.c_str());
    inode_ = 0;
}

void ControlServer::Impl::accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, Stream::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!error) {
            self->admit(std::move(socket));
            return self->accept();
        }
        // Out of descriptors or the like: try again a little later instead of spinning.
        self->retry_.expires_after(std::chrono::milliseconds(100));
        self->retry_.async_wait([self](error_code cancelled) {
            if (!cancelled && self->acceptor_.is_open()) self->accept();
        });
    });
}

void ControlServer::Impl::admit(Stream::socket socket) {
    auto client = peer_credentials(socket.native_handle());
    if (!client) return;
    // Some places are root's alone: who may administer must not lock root out.
    const bool full = sessions_.size() >= kMaxClients + (client->uid == 0 ? kRootClients : 0);
    const auto allowed = authorize(*client, policy_);
    // A turned-away client costs one write that fits its socket buffer; its session is counted in neither
    // case.
    const auto session = std::make_shared<Session>(shared_from_this(), std::move(socket), *std::move(client));
    if (!allowed) return session->refuse(allowed.error().message);
    if (full) {
        return session->refuse("custosd serves " + std::to_string(kMaxClients) +
                               " clients already: try again later");
    }
    sessions_.insert(session);
    session->serve();
}

ControlServer::ControlServer(asio::io_context& io, std::string path, mode_t mode, Handler handler,
                             AccessPolicy policy)
    : impl_(std::make_shared<Impl>(io, std::move(path), mode, std::move(handler), std::move(policy))) {}
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

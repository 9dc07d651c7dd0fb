#include "tools/ipc/listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <boost/asio/steady_timer.hpp>

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

}  // namespace

class Listener::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, std::string path, mode_t mode, AccessPolicy policy, Accepted accepted)
        : acceptor_(io),
          retry_(io),
          path_(std::move(path)),
          mode_(mode),
          policy_(std::move(policy)),
          accepted_(std::move(accepted)) {}

    base::Status start();
    void stop();

  private:
    base::Status open();
    void accept();

    Stream::acceptor acceptor_;
    asio::steady_timer retry_;
    std::string path_;
    mode_t mode_;
    AccessPolicy policy_;
    Accepted accepted_;
    ino_t inode_{0};
};

base::Status Listener::Impl::open() {
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

base::Status Listener::Impl::start() {
    auto opened = open();
    if (!opened) {
        stop();
        return opened;
    }
    accept();
    return base::ok();
}

void Listener::Impl::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    struct stat info {};
    if (inode_ != 0 && stat(path_.c_str(), &info) == 0 && info.st_ino == inode_) unlink(path_.c_str());
    inode_ = 0;
}

void Listener::Impl::accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, Stream::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!error) {
            auto client = peer_credentials(socket.native_handle());
            if (client) self->accepted_(std::move(socket), *std::move(client));
            return self->accept();
        }
        // Out of descriptors or the like: try again a little later instead of spinning.
        self->retry_.expires_after(std::chrono::milliseconds(100));
        self->retry_.async_wait([self](error_code cancelled) {
            if (!cancelled && self->acceptor_.is_open()) self->accept();
        });
    });
}

Listener::Listener(asio::io_context& io, std::string path, mode_t mode, AccessPolicy policy,
                   Accepted accepted)
    : impl_(std::make_shared<Impl>(io, std::move(path), mode, std::move(policy), std::move(accepted))) {}
Listener::~Listener() {
    stop();
}
base::Status Listener::start() {
    return impl_->start();
}
void Listener::stop() {
    impl_->stop();
}

}  // namespace tools

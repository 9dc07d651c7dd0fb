#include "tools/ipc/client.hpp"

#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "tools/ipc/access.hpp"
#include "tools/ipc/codec.hpp"
#include "totem/base/fd.hpp"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;

base::Error not_running(const std::string& path, const char* detail) {
    return {base::Errc::unavailable, std::string("custosd is not running on this node (") + detail + " " +
                                         path + "): start it with: systemctl start custos"};
}

base::Error gone() {
    return {base::Errc::unavailable,
            "custosd closed the connection before it answered: what it says: journalctl -u custosd"};
}

std::optional<uid_t> daemon_user() {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(kDaemonUser, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return {};
    return found->pw_uid;
}

// Whoever made the socket may be an impostor: only root and the daemon's user are believed. The own user
// cannot gain anything.
base::Status check_server(int fd, const std::string& path) {
    TRY(const Credentials server, peer_credentials(fd));
    if (server.uid == 0 || server.uid == geteuid() || server.uid == daemon_user()) return base::ok();
    return base::Error{base::Errc::conflict, path + " belongs to user " + std::to_string(server.uid) +
                                                 ", who is neither root nor " + kDaemonUser +
                                                 ": not talking to it"};
}

base::Result<base::Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return base::Error{base::Errc::invalid,
                           "the socket path '" + path + "' is empty or too long for the system"};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return base::system_error("cannot make a socket");
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return not_running(path, "no socket at");
        if (errno == ECONNREFUSED) return not_running(path, "nobody listens at");
        if (errno == EACCES || errno == EPERM) {
            return base::Error{base::Errc::conflict,
                               std::string("this user may not administer the cluster (no access to ") + path +
                                   "): use sudo, or join the group " + kAdminGroups[0] + " and log in again"};
        }
        return base::system_error("cannot connect to " + path);
    }
    TRY_OK(check_server(fd.get(), path));
    return fd;
}

// Waits for the socket; Clock::time_point::max() is for ever.
base::Status wait_for(int fd, short events, Clock::time_point until) {
    for (;;) {
        int timeout = -1;
        if (until != Clock::time_point::max()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
            if (left <= 0) {
                return base::Error{base::Errc::timed_out,
                                   "custosd did not answer in time: is it hanging, or without quorum? "
                                   "what it says: journalctl -u custosd"};
            }
            timeout = static_cast<int>(std::min<std::int64_t>(left, 60'000));
        }
        pollfd waiting{fd, events, 0};
        const int rc = poll(&waiting, 1, timeout);
        if (rc > 0) return base::ok();
        if (rc < 0 && errno != EINTR) return base::system_error("poll");
    }
}

base::Status send_all(int fd, base::ByteView bytes, Clock::time_point until) {
    while (!bytes.empty()) {
        TRY_OK(wait_for(fd, POLLOUT, until));
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return base::ok();  // it may have said why before it closed: read that
        } else if (errno != EINTR && errno != EAGAIN) {
            return base::Error{base::Errc::io,
                               std::string("cannot send to custosd: ") + std::strerror(errno)};
        }
    }
    return base::ok();
}

base::Result<base::Bytes> receive(int fd, std::size_t length, Clock::time_point until) {
    base::Bytes bytes(length);
    std::size_t have = 0;
    while (have < length) {
        TRY_OK(wait_for(fd, POLLIN, until));
        const ssize_t n = recv(fd, bytes.data() + have, length - have, MSG_DONTWAIT);
        if (n > 0) {
            have += static_cast<std::size_t>(n);
        } else if (n == 0 || errno == ECONNRESET) {
            return gone();
        } else if (errno != EINTR && errno != EAGAIN) {
            return base::Error{base::Errc::io,
                               std::string("cannot read from custosd: ") + std::strerror(errno)};
        }
    }
    return bytes;
}

}  // namespace

base::Result<Reply> call(const std::string& path, const Request& request,
                         std::optional<base::Duration> patience) {
    const auto until =
        patience ? Clock::now() + std::chrono::nanoseconds(patience->ns) : Clock::time_point::max();
    TRY(const base::Bytes bytes, frame(encode(request)));
    TRY(const base::Fd fd, connect_to(path));
    TRY_OK(send_all(fd.get(), bytes, until));
    TRY(const base::Bytes header, receive(fd.get(), kFrameHeader, until));
    TRY(const std::size_t length, payload_length(header));
    TRY(const base::Bytes payload, receive(fd.get(), length, until));
    return decode_reply(payload);
}

}  // namespace tools

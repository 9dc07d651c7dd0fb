#include "tools/ipc/client.hpp"

#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/time.h>
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

constexpr base::Duration kAnswer = base::seconds(10);   // to a question, and for a connection to be taken
constexpr base::Duration kChange = base::seconds(120);  // a change waits for the disks of a majority

bool is_question(const Request& request) {
    return std::holds_alternative<GetStatus>(request) || std::holds_alternative<GetRing>(request);
}

base::Error not_running(const std::string& path, const char* detail) {
    return {base::Errc::unavailable, std::string("custosd is not running on this node (") + detail + " " +
                                         path + "): start it with: systemctl start custos"};
}

base::Error gone() {
    return {base::Errc::unavailable,
            "custosd closed the connection before it answered: what it says: journalctl -u custosd"};
}

// The node's core is one thread: whoever asks waits for whatever keeps it.
base::Error hangs(base::Duration waited, bool change) {
    const std::string time = waited.ms() % 1000 == 0 ? std::to_string(waited.ms() / 1000) + " s"
                                                     : std::to_string(waited.ms()) + " ms";
    std::string text = "custosd does not answer within " + time + ": ";
    text += change ? "it waits for other nodes or for the disk, or its core hangs or is overloaded (the "
                     "change may still be made: see custos status)"
                   : "its core hangs or is overloaded";
    return {base::Errc::timed_out,
            text +
                ": try again, see journalctl -u custosd for what it says and top for what it does; "
                "systemctl restart custos if it stays so"};
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

// `patience`: for a place in the daemon's queue. One that takes no connections any more lets it run full.
base::Result<base::Fd> connect_to(const std::string& path, base::Duration patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return base::Error{base::Errc::invalid,
                           "the socket path '" + path + "' is empty or too long for the system"};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return base::system_error("cannot make a socket");
    const timeval time{patience.ns / 1'000'000'000, patience.ns / 1'000 % 1'000'000};
    if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0)
        return base::system_error("cannot limit how long custosd is waited for");
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EAGAIN) return hangs(patience, false);
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

// How long the daemon has. Asking needs nothing but a daemon that runs; a change may wait for others.
struct Deadline {
    std::optional<base::Duration> patience;  // nothing: for ever
    bool change{false};
    Clock::time_point start{Clock::now()};

    [[nodiscard]] std::optional<std::chrono::milliseconds> left() const {
        if (!patience) return std::nullopt;
        const auto until = start + std::chrono::nanoseconds(patience->ns);
        return std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    }
    [[nodiscard]] base::Error over() const { return hangs(*patience, change); }
};

// Waits for the socket.
base::Status wait_for(int fd, short events, const Deadline& deadline) {
    for (;;) {
        int timeout = -1;
        if (const auto left = deadline.left()) {
            if (left->count() <= 0) return deadline.over();
            timeout = static_cast<int>(std::min<std::int64_t>(left->count(), 60'000));
        }
        pollfd waiting{fd, events, 0};
        const int rc = poll(&waiting, 1, timeout);
        if (rc > 0) return base::ok();
        if (rc < 0 && errno != EINTR) return base::system_error("poll");
    }
}

base::Status send_all(int fd, base::ByteView bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        TRY_OK(wait_for(fd, POLLOUT, deadline));
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

base::Result<base::Bytes> receive(int fd, std::size_t length, const Deadline& deadline) {
    base::Bytes bytes(length);
    std::size_t have = 0;
    while (have < length) {
        TRY_OK(wait_for(fd, POLLIN, deadline));
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

std::optional<base::Duration> patience_for(const Request& request) {
    if (is_question(request)) return kAnswer;
    if (std::holds_alternative<RunCommand>(request)) return kChange;
    return std::nullopt;
}

base::Result<Reply> call(const std::string& path, const Request& request,
                         std::optional<base::Duration> patience) {
    const Deadline deadline{patience, !is_question(request)};
    TRY(const base::Bytes bytes, frame(encode(request)));
    TRY(const base::Fd fd, connect_to(path, std::min(patience.value_or(kAnswer), kAnswer)));
    TRY_OK(send_all(fd.get(), bytes, deadline));
    TRY(const base::Bytes header, receive(fd.get(), kFrameHeader, deadline));
    TRY(const std::size_t length, payload_length(header));
    TRY(const base::Bytes payload, receive(fd.get(), length, deadline));
    return decode_reply(payload);
}

}  // namespace tools

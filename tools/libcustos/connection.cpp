#include "tools/libcustos/connection.hpp"

#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "tools/groups/frames.hpp"

namespace libcustos {

namespace {

namespace frames = tools::frames;

constexpr int kPatienceSeconds = 10;             // for a daemon that does not take what it is sent
constexpr std::size_t kKeptBuffer = 256u << 10;  // bytes
constexpr std::size_t kGrowth = 1u << 20;        // room is made for what has come
constexpr const char* kDaemonUser = "custos";

std::string system_text(const std::string& what) {
    return what + ": " + std::strerror(errno);
}

// Whoever made the socket may be an impostor: only root and the daemon's user are believed. The own user can
// gain nothing.
bool is_believed(uid_t uid) {
    if (uid == 0 || uid == geteuid()) return true;
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    return getpwnam_r(kDaemonUser, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr &&
           found->pw_uid == uid;
}

}  // namespace

custos_result Connection::fail(custos_result result, const std::string& why) {
    error_ = why;
    return result;
}

custos_result Connection::lose(const std::string& why) {
    lost_ = true;
    return fail(CUSTOS_LOST, why);
}

custos_result Connection::open(const char* path) {
    const std::string name = path == nullptr ? CUSTOS_DEFAULT_SOCKET : path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.empty() || name.size() >= sizeof address.sun_path)
        return fail(CUSTOS_INVALID, "the socket path '" + name + "' is empty or too long for the system");
    std::memcpy(address.sun_path, name.data(), name.size());
    base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail(CUSTOS_SYSTEM, system_text("cannot make a socket"));
    const timeval patience{kPatienceSeconds, 0};
    static_cast<void>(setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EACCES || errno == EPERM) {
            return fail(CUSTOS_DENIED, "this user may not connect to " + name +
                                           ": it is to be root, or in the group haclient or custos");
        }
        if (errno == EAGAIN) {  // its queue is full, as it takes no connections any more
            return fail(CUSTOS_ABSENT, "custosd does not answer within " + std::to_string(kPatienceSeconds) +
                                           " s at " + name +
                                           ": its core hangs or is overloaded, see journalctl -u custosd");
        }
        if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
            return fail(CUSTOS_ABSENT, system_text("no custosd serves groups at " + name));
        return fail(CUSTOS_SYSTEM, system_text("cannot connect to " + name));
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(CUSTOS_SYSTEM, system_text("cannot see who listens at " + name));
    if (!is_believed(peer.uid)) {
        return fail(CUSTOS_DENIED, name + " belongs to user " + std::to_string(peer.uid) +
                                       ", who is neither root nor " + kDaemonUser + ": not talking to it");
    }
    fd_ = std::move(fd);
    opener_ = getpid();
    return CUSTOS_OK;
}

bool Connection::is_own() const {
    return opener_ == getpid();
}

custos_result Connection::wait(short events, std::optional<Clock::time_point> until) {
    int timeout = -1;
    if (until) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
        timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
    }
    pollfd waiting{fd_.get(), events, 0};
    const int ready = poll(&waiting, 1, timeout);
    if (ready > 0) return CUSTOS_OK;
    if (ready == 0) return fail(CUSTOS_NONE, "nothing came in that time");
    return fail(CUSTOS_SYSTEM, system_text("waiting for custosd"));
}

custos_result Connection::send(base::ByteView head, base::ByteView payload) {
    if (!is_usable()) return fail(CUSTOS_LOST, "there is no connection");
    std::size_t done = 0;
    const std::size_t all = head.size() + payload.size();
    while (done < all) {
        std::array<iovec, 2> parts{};
        std::size_t count = 0;
        const auto add = [&](base::ByteView part, std::size_t skip) {
            if (skip < part.size())
                parts[count++] = {const_cast<std::uint8_t*>(part.data()) + skip, part.size() - skip};
        };
        add(head, std::min(done, head.size()));
        add(payload, done - std::min(done, head.size()));
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t n = sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
            ended_ = true;
            return fail(CUSTOS_LOST, system_text("the connection to custosd has ended"));
        }
        const auto until = Clock::now() + std::chrono::seconds(kPatienceSeconds);
        custos_result ready = CUSTOS_OK;
        do {
            ready = wait(POLLOUT, until);
        } while (ready == CUSTOS_SYSTEM && errno == EINTR);
        if (ready == CUSTOS_NONE) return lose("custosd does not take what it is sent: does it hang?");
        if (ready != CUSTOS_OK) return ready;
    }
    return CUSTOS_OK;
}

base::ByteView Connection::body() const {
    return {in_.data() + frames::kHeader, have_ - frames::kHeader};
}

custos_result Connection::receive(std::optional<Clock::time_point> until) {
    if (lost_ || !fd_.valid()) return CUSTOS_LOST;
    if (std::exchange(whole_, false)) {
        have_ = 0;
        if (in_.size() > kKeptBuffer) in_ = {};
    }
    for (;;) {
        std::size_t need = frames::kHeader;
        if (have_ >= frames::kHeader) {
            const std::size_t length = frames::length_of({in_.data(), frames::kHeader});
            if (length == 0 || length > frames::kMaxReply)
                return lose("what came from the socket is not of custosd");
            need += length;
        }
        if (have_ == need) {
            whole_ = true;
            return CUSTOS_OK;
        }
        if (in_.size() < need) in_.resize(std::min(need, have_ + kGrowth));
        const std::size_t most = std::min(need, in_.size()) - have_;
        const ssize_t n = recv(fd_.get(), in_.data() + have_, most, MSG_DONTWAIT);
        if (n > 0) {
            have_ += static_cast<std::size_t>(n);
        } else if (n == 0 || errno == ECONNRESET || errno == EPIPE) {
            return lose("custosd has ended the connection; is it being stopped? see journalctl -u custosd");
        } else if (errno == EAGAIN) {
            if (const custos_result ready = wait(POLLIN, until); ready != CUSTOS_OK) return ready;
        } else if (errno != EINTR) {
            return lose(system_text("cannot read from custosd"));
        }
    }
}

}  // namespace libcustos

// Opening the two kinds of sockets.
#pragma once

#include <cstdint>

#include "totem/base/result.hpp"
#include "totem/link/link.hpp"

namespace totem {

// One file descriptor, closed when destroyed.
class Fd {
  public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    Fd& operator=(Fd&&) = delete;
    ~Fd();
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }

  private:
    int fd_;
};

// Bound to the own address and port; sends everything, also to all, so that peers see one source.
[[nodiscard]] base::Result<Fd> open_unicast(const LinkConfig& config, const Interface& interface);
// Bound to the group and port, a member of it on that interface; only receives.
[[nodiscard]] base::Result<Fd> open_multicast(const LinkConfig& config, const Interface& interface);
// Bound to the network's broadcast address and port; only receives.
[[nodiscard]] base::Result<Fd> open_broadcast(const LinkConfig& config, const Interface& interface);

// For all: a non-blocking UDP socket with large buffers. An error names the failed step.
[[nodiscard]] base::Result<Fd> open_udp(bool v6 = false);
// From now on what is larger than the path is refused or lost (true), or cut by whoever has to (false).
void forbid_fragments(int fd, bool v6, bool forbid);
// A link-local address or group with the interface that it is meant on.
[[nodiscard]] IpAddress scoped(IpAddress address, const Interface& interface);
[[nodiscard]] base::Status set_option(const Fd& fd, int level, int option, const char* name,
                                      const void* value, std::size_t size);
[[nodiscard]] base::Status set_option(const Fd& fd, int level, int option, const char* name, int value);
[[nodiscard]] base::Status bind_socket(const Fd& fd, const IpAddress& address, std::uint16_t port);

}  // namespace totem

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

// Bound to the own address and port; sends everything, multicast too, so that peers see one source.
[[nodiscard]] base::Result<Fd> open_unicast(const LinkConfig& config, int interface);
// Bound to the group and port, a member of it on that interface; only receives.
[[nodiscard]] base::Result<Fd> open_multicast(const LinkConfig& config, int interface);

// For both: a non-blocking UDP socket with large buffers. An error names the failed step.
[[nodiscard]] base::Result<Fd> open_udp();
[[nodiscard]] base::Status set_option(const Fd& fd, int level, int option, const char* name,
                                      const void* value, std::size_t size);
[[nodiscard]] base::Status set_option(const Fd& fd, int level, int option, const char* name, int value);
[[nodiscard]] base::Status bind_socket(const Fd& fd, Ipv4 address, std::uint16_t port);

}  // namespace totem

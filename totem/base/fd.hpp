// What edges need of the operating system; a core has none of it: the owner of a descriptor, and its errors
// as values.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "totem/base/result.hpp"

namespace base {

// "what: the system's words for `number`", of kind Errc::io.
[[nodiscard]] inline Error system_error(std::string_view what, int number = errno) {
    return {Errc::io, std::string(what) + ": " + std::strerror(number)};
}

// Owner of one file descriptor: closes it once.
class Fd {
  public:
    Fd() = default;
    // Takes ownership; -1 is "none".
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    // Gives up ownership.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

  private:
    int fd_{-1};
};

}  // namespace base

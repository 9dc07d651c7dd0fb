// The client's end of the group socket: frames out and in. No threads, no exceptions of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "custos.h"
#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"

namespace libcustos {

using Clock = std::chrono::steady_clock;

class Connection {
  public:
    // CUSTOS_OK, CUSTOS_ABSENT, CUSTOS_DENIED, CUSTOS_SYSTEM, CUSTOS_INVALID (the path).
    custos_result open(const char* path);
    [[nodiscard]] int fd() const { return fd_.get(); }
    // Something may still be sent: it was opened, and is not known to have ended.
    [[nodiscard]] bool is_usable() const { return fd_.valid() && !lost_ && !ended_; }
    // In the process that opened it, and not in a child that has a copy of it.
    [[nodiscard]] bool is_own() const;
    // A whole frame in two pieces. Waits for the daemon to take it; CUSTOS_LOST when it does not for a while,
    // or the connection has ended. What the daemon said before that can still be received.
    custos_result send(base::ByteView head, base::ByteView payload);
    // The body of the next frame, from its kind on: into body(). Takes no more from the socket than that, so
    // that its descriptor stays readable while another waits. CUSTOS_NONE: not in that time.
    custos_result receive(std::optional<Clock::time_point> until);
    // Of the last receive(); holds until the next one.
    [[nodiscard]] base::ByteView body() const;
    // What is wrong, in words.
    [[nodiscard]] const std::string& error() const { return error_; }
    // Nothing comes any more, for this reason.
    custos_result lose(const std::string& why);

  private:
    custos_result fail(custos_result result, const std::string& why);
    // CUSTOS_NONE: the time is over.
    custos_result wait(short events, std::optional<Clock::time_point> until);

    base::Fd fd_;
    base::Bytes in_;
    std::size_t have_{0};
    bool whole_{false};  // in_ is a frame that was handed out
    bool lost_{false};   // nothing comes any more
    bool ended_{false};  // nothing goes any more
    pid_t opener_{-1};
    std::string error_;
};

}  // namespace libcustos

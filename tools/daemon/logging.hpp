// The daemon's log: what the node file's `logging` section asks for, by spdlog. Cores write trace notes; this
// is where they become lines.
#pragma once

#include <memory>
#include <string>

#include "membership/config/config.hpp"
#include "totem/base/result.hpp"
#include "totem/base/trace.hpp"

namespace tools {

class Log {
  public:
    // Opens what `options` names. An error names the file that can't be written.
    static base::Result<std::unique_ptr<Log>> open(const membership::LoggingOptions& options);
    // SIGHUP: the log file was moved away; go on in a new one. When that can't be made, the old one is kept
    // and it is said.
    void reopen();
    // Thread-safe.
    void line(base::Level level, const std::string& text);
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    ~Log();

  private:
    struct Impl;
    explicit Log(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Creates the log file and its directory for the user that the core runs as. Called as root, before
// privileges are dropped.
[[nodiscard]] base::Status prepare_log_file(const membership::LoggingOptions& options,
                                            const std::string& user);

// A tracer that writes to a log.
class LogTracer final : public base::Tracer {
  public:
    explicit LogTracer(Log& log) : log_(log) {}
    void note(base::Level level, const std::string& text) override { log_.line(level, text); }

  private:
    Log& log_;
};

}  // namespace tools

#include "tools/daemon/logging.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <vector>

#include "totem/base/fd.hpp"

namespace tools {

namespace {

constexpr const char* kFilePattern = "%Y-%m-%d %H:%M:%S.%e %l %v";

spdlog::level::level_enum level_of(base::Level level) {
    switch (level) {
        case base::Level::debug:
            return spdlog::level::debug;
        case base::Level::info:
            return spdlog::level::info;
        case base::Level::warning:
            return spdlog::level::warn;
    }
    return spdlog::level::info;
}

}  // namespace

struct Log::Impl {
    membership::LoggingOptions options;
    std::mutex mutex;  // guards `logger` while reopen() puts a new one in place
    std::shared_ptr<spdlog::logger> logger;

    // spdlog reports by exceptions; they end here.
    base::Result<std::shared_ptr<spdlog::logger>> make() const {
        std::vector<spdlog::sink_ptr> sinks;
        try {
            if (options.to_stderr) {
                auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
                sink->set_pattern(options.timestamp ? kFilePattern : "%l %v");
                sinks.push_back(sink);
            }
            if (options.to_file) {
                auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
                sink->set_pattern(kFilePattern);
                sinks.push_back(sink);
            }
            if (options.to_syslog) {
                auto sink =
                    std::make_shared<spdlog::sinks::syslog_sink_mt>("custosd", LOG_PID, LOG_DAEMON, true);
                sink->set_pattern("%v");
                sinks.push_back(sink);
            }
            auto made = std::make_shared<spdlog::logger>("custosd", sinks.begin(), sinks.end());
            made->set_level(options.debug ? spdlog::level::debug : spdlog::level::info);
            made->flush_on(spdlog::level::debug);
            made->set_error_handler([](const std::string&) {});  // a full disk must not stop the daemon
            return made;
        } catch (const spdlog::spdlog_ex& e) {
            return base::Error{base::Errc::io, "cannot open the log: " + std::string(e.what())};
        }
    }
};

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

base::Result<std::unique_ptr<Log>> Log::open(const membership::LoggingOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    TRY(impl->logger, impl->make());
    return std::unique_ptr<Log>(new Log(std::move(impl)));
}

void Log::reopen() {
    base::Result<std::shared_ptr<spdlog::logger>> made = impl_->make();
    if (!made) {
        line(base::Level::warning, made.error().message + "; the old one is kept");
        return;
    }
    const std::lock_guard lock(impl_->mutex);
    impl_->logger = *std::move(made);
}

void Log::line(base::Level level, const std::string& text) {
    std::shared_ptr<spdlog::logger> logger;
    {
        const std::lock_guard lock(impl_->mutex);
        logger = impl_->logger;
    }
    logger->log(level_of(level), text);
}

base::Status prepare_log_file(const membership::LoggingOptions& options, const std::string& user) {
    if (!options.to_file) return base::ok();
    const passwd* account = ::getpwnam(user.c_str());
    const std::string directory = std::filesystem::path(options.file).parent_path().string();
    std::error_code trouble;
    const bool made = !directory.empty() && std::filesystem::create_directories(directory, trouble);
    if (trouble) return base::Error{base::Errc::io, "cannot create " + directory + ": " + trouble.message()};
    const int fd = ::open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) return base::system_error("cannot open the log file " + options.file);
    bool given = true;
    if (account != nullptr) {
        given = ::fchown(fd, account->pw_uid, account->pw_gid) == 0;
        if (made) given = ::chown(directory.c_str(), account->pw_uid, account->pw_gid) == 0 && given;
    }
    const int why = errno;
    ::close(fd);
    if (!given) return base::system_error("cannot give " + options.file + " to " + user, why);
    return base::ok();
}

}  // namespace tools

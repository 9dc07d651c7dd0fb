#include "totem/base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "totem/base/fd.hpp"

namespace base {

namespace {

Status write_new(const std::string& path, ByteView left, const NewFile& how) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("cannot remove " + path);
    // Nobody else's before it has its owner and mode.
    const mode_t narrow = how.mode & 0600U;
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, narrow));
    if (!fd.valid()) return system_error("cannot write " + path);
    while (!left.empty()) {
        const ssize_t n = ::write(fd.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("cannot write " + path);
        left = left.subspan(static_cast<std::size_t>(n));
    }
    if ((how.owner && ::fchown(fd.get(), how.owner->first, how.owner->second) != 0) ||
        ::fchmod(fd.get(), how.mode) != 0 || ::fsync(fd.get()) != 0)
        return system_error("cannot write " + path);
    return ok();
}

Status sync_folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0) return system_error("cannot write to disk: " + folder);
    return ok();
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return system_error("cannot read " + path);
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t n = ::read(fd.get(), part.data(), part.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("cannot read " + path);
        if (n == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(n));
    }
}

Status replace_file(const std::string& path, ByteView bytes, const NewFile& how) {
    const std::string next = path + ".new";
    TRY_OK(write_new(next, bytes, how));
    if (!how.keep_as.empty()) {
        // The former file keeps its name until the new one takes it.
        if (::unlink(how.keep_as.c_str()) != 0 && errno != ENOENT)
            return system_error("cannot remove " + how.keep_as);
        if (::link(path.c_str(), how.keep_as.c_str()) != 0 && errno != ENOENT)
            return system_error("cannot keep the former " + path + " as " + how.keep_as);
    }
    if (std::rename(next.c_str(), path.c_str()) != 0) return system_error("cannot replace " + path);
    return sync_folder_of(path);
}

}  // namespace base

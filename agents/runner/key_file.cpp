#include "agents/runner/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"
#include "totem/seal/seal.hpp"

namespace agents {

namespace {

using base::Fd;

base::Status write_new(const std::string& path, const std::string& text) {
    ::unlink(path.c_str());
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
    if (!fd.valid()) return base::system_error("cannot write " + path);
    base::ByteView left = base::as_bytes(text);
    while (!left.empty()) {
        const ssize_t n = ::write(fd.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::system_error("cannot write " + path);
        left = left.subspan(static_cast<std::size_t>(n));
    }
    if (::fchmod(fd.get(), 0400) != 0 || ::fsync(fd.get()) != 0)
        return base::system_error("cannot write " + path);
    return base::ok();
}

base::Status sync_folder(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0) return base::system_error("cannot write to disk: " + folder);
    return base::ok();
}

}  // namespace

base::Status replace_key_file(const std::string& path, const std::string& text) {
    if (path.empty()) return base::invalid("this runner was told of no key file");
    if (const auto keys = totem::MasterKeys::parse(text, path); !keys) return keys.error();
    const std::string next = path + ".new", old = path + ".old";
    TRY_OK(write_new(next, text));
    // The old file keeps its name until the new one takes it.
    if (::unlink(old.c_str()) != 0 && errno != ENOENT) return base::system_error("cannot remove " + old);
    if (::link(path.c_str(), old.c_str()) != 0 && errno != ENOENT)
        return base::system_error("cannot keep the former key file as " + old);
    if (std::rename(next.c_str(), path.c_str()) != 0) return base::system_error("cannot write " + path);
    return sync_folder(path);
}

}  // namespace agents

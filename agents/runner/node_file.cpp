#include "agents/runner/node_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "membership/config/config.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"

namespace agents {

namespace {

base::Status write_beside(const std::string& path, const std::string& text, const struct stat& like) {
    ::unlink(path.c_str());
    const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return base::system_error("cannot write " + path);
    base::ByteView left = base::as_bytes(text);
    while (!left.empty()) {
        const ssize_t n = ::write(fd.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::system_error("cannot write " + path);
        left = left.subspan(static_cast<std::size_t>(n));
    }
    if (::fchown(fd.get(), like.st_uid, like.st_gid) != 0 || ::fchmod(fd.get(), like.st_mode & 07777) != 0 ||
        ::fsync(fd.get()) != 0)
        return base::system_error("cannot write " + path);
    return base::ok();
}

base::Status make_durable(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const base::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0) return base::system_error("cannot write to disk: " + folder);
    return base::ok();
}

}  // namespace

base::Status replace_node_file(const std::string& path, const std::string& text) {
    if (path.empty()) return base::invalid("this runner was told of no node file");
    if (const auto config = membership::parse_config(text, path); !config) return config.error();
    struct stat old {};
    if (::lstat(path.c_str(), &old) != 0) return base::system_error("cannot read " + path);
    if (!S_ISREG(old.st_mode)) {
        return base::invalid(path +
                             " is no plain file (a link?), and is not replaced: change its nodelist by hand");
    }
    const auto former = membership::load_config(path);
    const std::string version = former ? std::to_string(former->totem.config_version) : "old";
    const std::string next = path + ".new", kept = path + "." + version;
    TRY_OK(write_beside(next, text, old));
    // The old file keeps its name until the new one takes it.
    if (::unlink(kept.c_str()) != 0 && errno != ENOENT) return base::system_error("cannot remove " + kept);
    if (::link(path.c_str(), kept.c_str()) != 0)
        return base::system_error("cannot keep the former node file as " + kept);
    if (std::rename(next.c_str(), path.c_str()) != 0) return base::system_error("cannot write " + path);
    return make_durable(path);
}

}  // namespace agents

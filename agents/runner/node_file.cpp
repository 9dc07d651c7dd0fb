#include "agents/runner/node_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "membership/config/config.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/files.hpp"

namespace agents {

namespace {

// Under a name that nothing has: an edit that was kept before stays, too.
base::Result<std::string> keep_edit(const std::string& path) {
    constexpr int kMost = 100;
    for (int i = 1; i <= kMost; ++i) {
        const std::string kept = path + ".edited" + (i == 1 ? "" : "-" + std::to_string(i));
        if (::link(path.c_str(), kept.c_str()) == 0) return kept;
        if (errno != EEXIST) return base::system_error("cannot keep the edit of " + path + " as " + kept);
    }
    return base::invalid(std::to_string(kMost) + " edits of " + path + " are kept beside it already (" +
                         path + ".edited, ...): look at them and remove them");
}

}  // namespace

base::Result<std::string> replace_node_file(const std::string& path, const WriteNodeFile& order) {
    if (path.empty()) return base::invalid("this runner was told of no node file");
    if (const auto config = membership::parse_config(order.text, path); !config) return config.error();
    struct stat old {};
    if (::lstat(path.c_str(), &old) != 0) return base::system_error("cannot read " + path);
    if (!S_ISREG(old.st_mode)) {
        return base::invalid(path +
                             " is no plain file (a link?), and is not replaced: change its nodelist by hand");
    }
    TRY(const std::string former, base::read_file(path));
    std::string edit;
    if (order.keep || former != order.from) {
        TRY(edit, keep_edit(path));
    }
    const auto parsed = membership::parse_config(former, path);
    const std::string version = parsed ? std::to_string(parsed->totem.config_version) : "old";
    base::NewFile how;
    how.mode = old.st_mode & 07777U;
    how.owner = {old.st_uid, old.st_gid};
    how.keep_as = path + "." + version;
    const base::Status replaced = base::replace_file(path, base::as_bytes(order.text), how);
    if (replaced) return edit;
    if (!edit.empty()) ::unlink(edit.c_str());  // it is still at its place
    return replaced.error();
}

}  // namespace agents

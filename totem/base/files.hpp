// Files read and replaced whole, for the edges that keep something in files.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"

namespace base {

// All that the file at `path` holds. Errors: the file system's, with the path.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

struct NewFile {
    mode_t mode{0600};                               // whatever the umask is
    std::optional<std::pair<uid_t, gid_t>> owner{};  // none: this process's
    std::string
        keep_as{};  // the path at which the former file stays, in place of what is there; empty: it does not
};

// The file at `path` is `bytes` afterwards, on disk, and so is its name. It is written beside (PATH.new) and
// then takes the place of the former one: after a crash at any moment `path` is the one or the other, whole.
// No link at PATH.new is followed; one at `path` is replaced. Errors: the file system's, with the path.
[[nodiscard]] Status replace_file(const std::string& path, ByteView bytes, const NewFile& how = {});

}  // namespace base

// The node file that a core begins with, and the copy of it that this node keeps (docs/decisions/0133).
#pragma once

#include <string>

#include "membership/config/config.hpp"
#include "totem/base/result.hpp"

namespace tools {

struct StartFile {
    membership::NodeConfig config;
    std::string text;
    std::string trouble{};  // why this is not what the file says, and what to do; empty: it is
};

// What `path` says. When that is no node file (any more), a core that `guard` has `restarted` goes on with
// the text in `copy`, which this node last read at a start, or read or wrote since: a slip in an editor must
// not end a node that runs. An administrator's own start is refused. Errors: of the file at `path`, also
// where the copy is of no use.
[[nodiscard]] base::Result<StartFile> read_start_file(const std::string& path, const std::string& copy,
                                                      bool restarted);

// On disk at its return. Errors: the file system's, with the path.
[[nodiscard]] base::Status keep_copy(const std::string& copy, const std::string& text);

}  // namespace tools

// Root's part of changing the nodes of a running cluster: puts a new node file in place of the old one.
#pragma once

#include <string>

#include "agents/runner/codec.hpp"
#include "totem/base/result.hpp"

namespace agents {

// The file's text is `order.text` afterwards, on disk, with the old one's owner and mode; what it was is kept
// beside it as PATH.N, where N is the version that its nodelist had (totem.config_version; 0: none). After a
// crash at any moment PATH is the old file or the new one, whole. What an administrator wrote into it and
// would be lost (`keep`, or the file is not `from` any more) stays as PATH.edited, or PATH.edited-2 and so
// on; the name is what comes back, empty when nothing was kept. Errors, and PATH is as it was: `text` is no
// node file (checked again here: the core has fewer rights than this process); PATH is empty, or is no plain
// file; the file system's, with the path.
[[nodiscard]] base::Result<std::string> replace_node_file(const std::string& path,
                                                          const WriteNodeFile& order);

}  // namespace agents

// Root's part of changing the nodes of a running cluster: puts a new node file in place of the old one.
#pragma once

#include <string>

#include "totem/base/result.hpp"

namespace agents {

// The file's text is `text` afterwards, on disk, with the old one's owner and mode; what it was is kept
// beside it as PATH.N, where N is the version that its nodelist had (totem.config_version; 0: none). After a
// crash at any moment PATH is the old file or the new one, whole. Errors: `text` is no node file (checked
// again here: the core has fewer rights than this process); PATH is empty, or is no plain file; the file
// system's, with the path.
[[nodiscard]] base::Status replace_node_file(const std::string& path, const std::string& text);

}  // namespace agents

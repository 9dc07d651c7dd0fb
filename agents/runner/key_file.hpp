// Root's part of changing the cluster's key: puts a new key file in place of the old one.
#pragma once

#include <string>

#include "totem/base/result.hpp"

namespace agents {

// The file's text is `text` afterwards, on disk, root's and readable by nobody else (mode 0400); what it was
// is kept beside it as PATH.old. After a crash at any moment PATH is the old file or the new one, whole.
// Errors: `text` is no key file (checked again here: the core has fewer rights than this process); PATH is
// empty; the file system's, with the path.
[[nodiscard]] base::Status replace_key_file(const std::string& path, const std::string& text);

}  // namespace agents

#include "agents/runner/key_file.hpp"

#include "totem/base/files.hpp"
#include "totem/seal/seal.hpp"

namespace agents {

base::Status replace_key_file(const std::string& path, const std::string& text) {
    if (path.empty()) return base::invalid("this runner was told of no key file");
    if (const auto keys = totem::MasterKeys::parse(text, path); !keys) return keys.error();
    return base::replace_file(path, base::as_bytes(text), {0400, {}, path + ".old"});
}

}  // namespace agents

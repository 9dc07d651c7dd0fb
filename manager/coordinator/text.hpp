// Text that comes from agents and goes into messages.
#pragma once

#include <string>

namespace manager {

// At most 500 bytes of it, valid UTF-8, one line: what an agent prints may be anything.
[[nodiscard]] std::string printable(const std::string& text);

}  // namespace manager

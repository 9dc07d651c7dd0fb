// What an agent may write: its description and its last words. A value or an error with a message; never a
// crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agents/ocf/invocation.hpp"
#include "agents/ocf/metadata.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto metadata = agents::parse_metadata(text);
    ASSERT(metadata || !metadata.error().message.empty());
    const std::string reason = agents::exit_reason(text);
    ASSERT(reason.size() <= 256);
    for (const char c : reason) ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    return 0;
}

// Any bytes as a node file: a value or an error, never a crash, and errors always name the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "membership/config/config.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto config = membership::parse_config(text, "fuzz.conf", [](const std::string& net) { return net; });
    if (!config) {
        ASSERT(config.error().message.rfind("fuzz.conf", 0) == 0);
        return 0;
    }
    const auto resolved = membership::resolve_addresses(*config, [](const std::string& name) {
        return std::vector<std::string>{"10.1.1." + std::to_string(name.size() % 256)};
    });
    if (resolved) static_cast<void>(membership::find_own_node(*config, {"10.0.0.1"}, "host"));
    ASSERT(!membership::describe(*config).empty());
    return 0;
}

// Any bytes as a node file: a value or an error, never a crash, and errors always name the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "membership/config/config.hpp"
#include "membership/config/node_file.hpp"
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
    // With another list in it, it is a node file that says just that, or stays as it is.
    membership::NodeList list = membership::node_list(*config);
    list.version = size + 1;
    if (list.nodes.size() > 1) list.nodes.erase(list.nodes.begin());
    list.nodes.back().votes = 3;
    if (const auto other = membership::rewrite_node_file(text, list, "fuzz.conf")) {
        const auto again = membership::parse_config(*other, "fuzz.conf");
        ASSERT(again && again->totem.config_version == list.version &&
               again->nodes.size() == list.nodes.size());
        ASSERT(again->nodes.back().votes == 3);
        ASSERT(membership::rewrite_node_file(*other, list, "fuzz.conf").value() == *other);
    }
    return 0;
}

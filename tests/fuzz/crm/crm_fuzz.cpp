// Any bytes as a file of crm statements: edits or an error with its line. What the configuration accepts is
// shown as text that is read back as the same configuration.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/crm/statement.hpp"
#include "totem/base/check.hpp"

namespace {

base::Result<manager::AgentName> resolve(const std::string& name) {
    if (name.empty()) return base::Error{base::Errc::invalid, "no name"};
    const auto colon = name.rfind(':');
    if (colon == std::string::npos) return manager::AgentName{"ocf", "heartbeat", name};
    const std::string head = name.substr(0, colon), type = name.substr(colon + 1);
    if (head == "systemd") return manager::AgentName{"systemd", "", type};
    return manager::AgentName{"ocf", head.substr(head.rfind(':') + 1), type};
}

base::Result<manager::Configuration> read(std::string_view text) {
    const manager::Configuration empty;
    TRY(const auto edits,
        tools::parse_script(text, "fuzz", {empty, resolve, true}, [](const auto&) { return base::ok(); }));
    return manager::apply_edits(empty, edits);
}

// Constraints and nodes are shown by id: their order is no part of the text.
void sort(manager::Configuration& config) {
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(config.locations.begin(), config.locations.end(), by_id);
    std::sort(config.colocations.begin(), config.colocations.end(), by_id);
    std::sort(config.orders.begin(), config.orders.end(), by_id);
    std::sort(config.nodes.begin(), config.nodes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto config = read({reinterpret_cast<const char*>(data), size});
    if (!config) {
        ASSERT(!config.error().message.empty());
        return 0;
    }
    auto back = read(tools::show_configuration(*config, {true}));
    ASSERT(back.has_value());
    sort(*config);
    sort(*back);
    ASSERT(*config == *back);
    return 0;
}

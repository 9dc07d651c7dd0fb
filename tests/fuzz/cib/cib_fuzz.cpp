// Any text is refused with a reason, or is a cluster that can be planned, twice alike, and explained, and
// that is a configuration of ours or is refused as one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "manager/cib/configure.hpp"
#include "manager/cib/import.hpp"
#include "manager/planner/explain.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = manager::cib::import_cib({reinterpret_cast<const char*>(data), size});
    if (!document) {
        ASSERT(!document.error().message.empty());
        return 0;
    }
    const auto edits = manager::cib::edits_of(*document);
    ASSERT(edits || !edits.error().message.empty());
    if (edits) (void)manager::apply_edits({}, *edits);
    const std::string first = to_json(manager::planner::simulate(*document, 1'600'000'000));
    ASSERT(first == to_json(manager::planner::simulate(*document, 1'600'000'000)));
    if (document->resources.empty() || document->resources[0].kind == manager::cib::ResourceKind::clone)
        return 0;
    const auto why = manager::planner::explain(*document, 1'600'000'000, document->resources.front().id, "");
    ASSERT(!why || why->empty() || !to_text(why->front()).empty());
    return 0;
}

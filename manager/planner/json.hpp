// Pieces of JSON text. Private to manager/planner.
#pragma once

#include <string>
#include <string_view>

namespace manager::planner {

// A JSON string; control characters are left out.
[[nodiscard]] inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20) continue;
        out += c;
    }
    return out + "\"";
}

// What `print` makes of each item, with commas between.
template <typename Range, typename Print>
[[nodiscard]] std::string joined(const Range& range, const Print& print) {
    std::string out;
    for (const auto& item : range) out += (out.empty() ? "" : ", ") + print(item);
    return out;
}

}  // namespace manager::planner

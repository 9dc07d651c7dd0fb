#include "tools/crm/grammar/cursor.hpp"

#include <algorithm>
#include <array>

namespace tools::grammar {

base::Error not_yet(const std::string& what) {
    return {base::Errc::invalid, "not yet supported: " + what};
}

base::Result<Pair> parse_pair(const Cursor& cursor, const std::string& word) {
    if (word[0] == '@') return cursor.unsupported("reference " + word + " to a parameter of another object");
    std::string_view text = word;
    if (text[0] == '$') {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos || colon > text.find('='))
            return cursor.error("'" + word + "' names no parameter");
        text.remove_prefix(colon + 1);
    }
    const auto equal = text.find('=');
    Pair pair{std::string(text.substr(0, equal)),
              equal == std::string_view::npos ? "" : std::string(text.substr(equal + 1))};
    if (pair.name.empty()) return cursor.error("'" + word + "' has no name before its value");
    if (pair.name.back() == ':')
        return cursor.unsupported("score '" + pair.name + "' of a set of attributes");
    return pair;
}

base::Status put_pair(const Cursor& cursor, manager::Attributes& into, const char* section,
                      const std::string& word) {
    TRY(const Pair pair, parse_pair(cursor, word));
    if (!into.emplace(pair.name, pair.value).second) {
        return cursor.error(std::string(section) + ": " + pair.name + " is given twice");
    }
    return base::ok();
}

bool is_section(std::string_view word) {
    constexpr std::array<std::string_view, 8> kSections = {
        "params", "meta", "utilization", "operations", "op", "attributes", "op_params", "op_meta"};
    return std::any_of(kSections.begin(), kSections.end(),
                       [word](std::string_view s) { return equal_any_case(word, s); });
}

base::Status parse_set(Cursor& cursor, manager::Attributes& into, const char* section) {
    while (!cursor.done() && !is_section(cursor.peek())) {
        const std::string& word = cursor.peek();
        if (word.empty()) return cursor.error(std::string(section) + ": an empty word");
        if (equal_any_case(word, "rule")) return cursor.unsupported("rules");
        if (begins_with_any_case(word, "$id-ref="))
            return cursor.unsupported("references to the attributes of another object");
        if (begins_with_any_case(word, "description=")) return base::ok();
        if (!begins_with_any_case(word, "$id=")) TRY_OK(put_pair(cursor, into, section, word));
        cursor.take();
    }
    return base::ok();
}

std::optional<std::string> option_value(const std::string& word, std::string_view name) {
    if (word.size() <= name.size() || word[name.size()] != '=' || !begins_with_any_case(word, name))
        return {};
    return word.substr(name.size() + 1);
}

}  // namespace tools::grammar

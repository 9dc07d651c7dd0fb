// Which sections and keys corosync.conf has, what their values look like, and what becomes of each of them
// here. A table: to know what happens to a key, read its line in schema.cpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace membership::grammar {

enum class Use {
    honoured,  // has its effect here, or is judged by the code that reads it
    ignored,   // no meaning here: one notice says why
    warned,    // asks for something that this version cannot do: one warning says what follows
    covered,   // belongs to a section whose own notice already speaks for it
};

enum class Kind { number, flag, word, text, path };

struct KeyRule {
    std::string_view key;  // "exec_*" stands for every key with that beginning
    Use use{Use::honoured};
    Kind kind{Kind::text};
    std::string_view detail{};  // number: its unit; word: the choices, separated by |
    std::int64_t min{0}, max{4294967295};
    std::string_view why{};  // ignored, warned: the reason
};

struct SectionRule {
    std::string_view path;  // "totem.interface"; "" is the file itself
    bool repeats{false};    // each one stands for itself; otherwise several are read as one
    Use use{Use::honoured};
    std::string_view why{};
    std::vector<KeyRule> keys{};
};

[[nodiscard]] const std::vector<SectionRule>& schema();
[[nodiscard]] const SectionRule* find_section(std::string_view path);
[[nodiscard]] const KeyRule* find_key(const SectionRule& section, std::string_view key);

}  // namespace membership::grammar

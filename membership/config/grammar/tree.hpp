// The text of a node file as a tree: sections `name {`, `key: value`, `}`; a comment is a line that begins
// with `#`. One thing a line, as corosync reads it. Nothing here knows which names have a meaning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "totem/base/result.hpp"

namespace membership::grammar {

struct Entry {
    std::string key, value;
    int line{0};
};

struct Section {
    std::string name;
    int line{0};  // of the opening brace; 0: the file itself
    std::vector<Entry> entries;
    std::vector<Section> sections;

    // The last entry with that key, as corosync takes it; null without one.
    [[nodiscard]] const Entry* find(std::string_view key) const;
    // The first sub-section of that name; null without one.
    [[nodiscard]] const Section* section(std::string_view name) const;
};

// `file:line: message`, or `file: message` for line 0.
[[nodiscard]] base::Error error_at(std::string_view file, int line, const std::string& message);

// A piece of the file for a message: in quotes, shortened, unprintable bytes as \xNN; "nothing" without
// quotes.
[[nodiscard]] std::string quoted(std::string_view text);

// Total: any bytes give a tree or an error with file:line, what was expected and what was found.
[[nodiscard]] base::Result<Section> parse_tree(std::string_view text, std::string_view file);

}  // namespace membership::grammar

// The words of the crm language: splitting of text as a POSIX shell does it, the inverse, and lookup of
// abbreviated names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "totem/base/result.hpp"

namespace tools {

using Words = std::vector<std::string>;

struct Line {
    int number{1};  // where its first word stands
    Words words;
    bool operator==(const Line&) const = default;
};

// Splits a script into commands, one a line. Quotes ('...', "..." with \" and \\ inside) and backslashes as
// in a POSIX shell; a backslash at the end of a line goes on with the next one; a line that begins with # is
// a comment; a quoted value may go over line ends. Lines without words are left out. Errc::invalid names the
// line of a quote without its end.
[[nodiscard]] base::Result<std::vector<Line>> split_script(std::string_view text);

// The same for one line; empty when there are no words.
[[nodiscard]] base::Result<Words> split_line(std::string_view text);

// The word as split_script() reads it back: as it is when it is plain (letters, digits, "_", ".", "-"), else
// in double quotes.
[[nodiscard]] std::string quoted(std::string_view word);

// True when `word` begins with `start`, in any case of letters.
[[nodiscard]] bool begins_with_any_case(std::string_view word, std::string_view start);
[[nodiscard]] bool equal_any_case(std::string_view a, std::string_view b);

// "a, b or c"
[[nodiscard]] std::string alternatives(const std::vector<std::string>& words);

// "a b c"
[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view between = " ");

}  // namespace tools

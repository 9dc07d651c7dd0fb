// The options whose names this version knows: what values they take and what they are when unset. Names,
// spellings and defaults are Pacemaker's (2.1.5, and the new spellings of 3.0), so that configurations and
// habits carry over.
#pragma once

#include <string>
#include <string_view>

#include "manager/model/edit.hpp"
#include "totem/base/result.hpp"

namespace manager {

// What a value must look like.
enum class ValueKind {
    text,      // anything
    boolean,   // true/false and their friends
    score,     // parse_score()
    count,     // a whole number of 0 or more, or INFINITY
    number,    // a whole number
    duration,  // parse_interval()
    period,    // parse_interval(), more than 0
    choice,    // one of `allowed`, in any case
};

struct Option {
    std::string_view name;
    std::string_view alias;     // the other spelling; empty: none
    std::string_view fallback;  // the value when unset
    ValueKind kind{ValueKind::text};
    std::string_view allowed{};  // choice: words, separated by blanks
    std::string_view not_yet{};  // words of the field that this version does not carry out, and so refuses
};

// By either spelling; null: unknown here (stored as it is, as Pacemaker does).
[[nodiscard]] const Option* find_property(std::string_view name);
[[nodiscard]] const Option* find_meta(std::string_view name);
[[nodiscard]] const Option* find_operation_attribute(std::string_view name);
[[nodiscard]] const Option* find_node_attribute(std::string_view name);

// Whether `value` is one that `option` takes. `object` opens the message: "property no-quorum-policy",
// "primitive web: meta priority".
[[nodiscard]] base::Status check_value(const Option& option, std::string_view object, std::string_view value);

}  // namespace manager

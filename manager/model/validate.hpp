// Checks of single objects and of the whole configuration, for apply_edits(). Each error opens with the
// object ("primitive web:") and names the field.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "manager/model/configuration.hpp"
#include "totem/base/result.hpp"

namespace manager {

// "primitive web"
[[nodiscard]] std::string object_name(std::string_view kind, std::string_view id);

// A letter or "_", then letters, digits, "_", "." and "-"; at most 128 characters.
[[nodiscard]] base::Status check_id(std::string_view kind, std::string_view id);
// A host name: letters, digits, ".", "-" and "_", at most 128 characters.
[[nodiscard]] base::Status check_node_name(std::string_view name);
// The name and value of an attribute: the name is made of letters, digits, "_", ".", "-", "#" and ":"; the
// value has no NUL byte and at most 32 KiB.
[[nodiscard]] base::Status check_entry(std::string_view object, std::string_view name,
                                       std::string_view value);

// Everything about the object that does not need other objects.
[[nodiscard]] base::Status check(const Primitive& primitive);
[[nodiscard]] base::Status check(const Location& location);
[[nodiscard]] base::Status check(const Colocation& colocation);
[[nodiscard]] base::Status check(const Order& order);
[[nodiscard]] base::Status check(const NodeObject& node);

// Everything between objects: constraints name resources that exist, and what they demand together can be
// had.
[[nodiscard]] base::Status check_together(const Configuration& config);

}  // namespace manager

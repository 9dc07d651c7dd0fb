// "did you mean": the word of a list that a misspelt one was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace membership::grammar {

// How many letters must be changed, added, dropped or swapped with their neighbour to make `b` of `a` (the
// restricted Damerau-Levenshtein distance); case does not count.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The closest of `known`, the first of equals; empty when none is close enough to be meant.
[[nodiscard]] std::string closest(std::string_view word, const std::vector<std::string>& known);

}  // namespace membership::grammar

// Which of the nodes that hear each other only in part form a ring: the largest set in which everybody hears
// everybody. Everyone who has the same picture makes the same choice, without a word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace totem {

// Edges: [i] has bit j if i and j hear each other; symmetric, at most 64 vertices, which are numbered by
// ascending node id.
[[nodiscard]] inline std::uint64_t bit(std::size_t i) {
    return std::uint64_t{1} << i;
}
using Graph = std::vector<std::uint64_t>;

// All vertices, each in exactly one fully connected set: the largest first (of several, the one with the
// lowest ids), then the largest of what is left, and so on. Exact up to 16 vertices; above, the vertex with
// the most broken pairs is taken away (of several, the highest id) until the rest is fully connected.
[[nodiscard]] std::vector<std::uint64_t> choose(const Graph& edges);

}  // namespace totem

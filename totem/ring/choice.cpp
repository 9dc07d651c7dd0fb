#include "totem/ring/choice.hpp"

#include <bit>

#include "totem/base/check.hpp"

namespace totem {

namespace {

constexpr int kExact = 16;

std::size_t lowest(std::uint64_t set) {
    return static_cast<std::size_t>(std::countr_zero(set));
}

// Branch and bound, the lowest vertex with it first: of equally large sets the one with the lowest ids is
// found first and stays.
void search(const Graph& edges, std::uint64_t chosen, std::uint64_t candidates, std::uint64_t& best) {
    if (std::popcount(chosen) + std::popcount(candidates) <= std::popcount(best)) return;
    if (candidates == 0) {
        best = chosen;
        return;
    }
    const std::size_t v = lowest(candidates);
    candidates &= ~bit(v);
    search(edges, chosen | bit(v), candidates & edges[v], best);
    search(edges, chosen, candidates, best);
}

std::uint64_t greedy(const Graph& edges, std::uint64_t set) {
    for (;;) {
        int most = 0;
        std::size_t worst = 0;
        for (std::uint64_t left = set; left != 0; left &= left - 1) {
            const std::size_t v = lowest(left);
            const int broken = std::popcount(set & ~edges[v] & ~bit(v));
            if (broken > 0 && broken >= most) {
                most = broken;
                worst = v;
            }
        }
        if (most == 0) return set;
        set &= ~bit(worst);
    }
}

}  // namespace

std::vector<std::uint64_t> choose(const Graph& edges) {
    ASSERT(edges.size() <= 64);
    std::vector<std::uint64_t> sets;
    std::uint64_t left = edges.size() == 64 ? ~std::uint64_t{0} : bit(edges.size()) - 1;
    while (left != 0) {
        std::uint64_t best = 0;
        if (std::popcount(left) <= kExact) {
            search(edges, 0, left, best);
        } else {
            best = greedy(edges, left);
        }
        sets.push_back(best);
        left &= ~best;
    }
    return sets;
}

}  // namespace totem

// The choice of who forms a ring, against a plain search; and what a matrix says.
#include <doctest/doctest.h>

#include <bit>

#include "totem/base/rng.hpp"
#include "totem/ring/choice.hpp"
#include "totem/ring/rows.hpp"

using totem::bit;
using totem::Graph;

namespace {

Graph draw(base::Rng& rng, std::size_t n, std::uint32_t broken) {
    Graph edges(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (rng.chance(broken)) continue;
            edges[i] |= bit(j);
            edges[j] |= bit(i);
        }
    }
    return edges;
}

bool complete(const Graph& edges, std::uint64_t set) {
    for (std::size_t i = 0; i < edges.size(); ++i) {
        if ((set & bit(i)) != 0 && (set & ~edges[i] & ~bit(i)) != 0) return false;
    }
    return true;
}

// Of two sets of one size: has the first one the lower ids?
bool lower(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t differs = a ^ b;
    return differs != 0 && (a & (differs & (~differs + 1))) != 0;
}

}  // namespace

TEST_CASE("up to 16 nodes the largest set with the lowest ids is chosen, then of the rest") {
    base::Rng rng(1);
    for (int i = 0; i < 300; ++i) {
        const Graph edges = draw(rng, 1 + rng.below(9), static_cast<std::uint32_t>(rng.below(700)));
        std::uint64_t left = bit(edges.size()) - 1;
        for (const std::uint64_t set : totem::choose(edges)) {
            REQUIRE((set & ~left) == 0);
            REQUIRE(complete(edges, set));
            for (std::uint64_t other = 1; other <= left; ++other) {
                if ((other & ~left) != 0 || !complete(edges, other)) continue;
                REQUIRE(std::popcount(other) <= std::popcount(set));
                if (std::popcount(other) == std::popcount(set)) REQUIRE_FALSE(lower(other, set));
            }
            left &= ~set;
        }
        REQUIRE(left == 0);
    }
}

TEST_CASE(
    "above 16 nodes each set is complete and each node in one; a single broken pair costs the higher id") {
    base::Rng rng(2);
    for (int i = 0; i < 50; ++i) {
        const Graph edges = draw(rng, 17 + rng.below(48), static_cast<std::uint32_t>(rng.below(400)));
        std::uint64_t seen = 0;
        for (const std::uint64_t set : totem::choose(edges)) {
            REQUIRE(complete(edges, set));
            REQUIRE((seen & set) == 0);
            seen |= set;
        }
        REQUIRE(std::popcount(seen) == static_cast<int>(edges.size()));
    }
    Graph edges = draw(rng, 64, 0);
    edges[7] &= ~bit(40);
    edges[40] &= ~bit(7);
    CHECK(totem::choose(edges) == std::vector<std::uint64_t>{~bit(40), bit(40)});
}

TEST_CASE("rows are passed on: the newest of each owner counts, and a broken direction has no edge") {
    const auto member = [](std::uint32_t n) { return totem::Member{base::NodeId{n}, base::Incarnation{n}}; };
    totem::Rows rows(member(1));
    const auto join = [&](std::vector<totem::wire::JoinRow> of) {
        totem::wire::Join j;
        for (std::uint32_t n = 1; n <= 3; ++n)
            j.nodes.push_back({base::NodeId{n}, {base::Incarnation{n}, false}});
        j.rows = std::move(of);
        return j;
    };
    rows.hears(member(2));
    totem::Matrix m = rows.over({member(1), member(2), member(3)});
    CHECK(m.present == 3);
    CHECK_FALSE(m.decided());
    // Node 2 passes on what node 3 says, which does not reach us.
    rows.learn(join({{1, 5, 5, 0}, {2, 9, 3, 0}}));
    rows.learn(join({{2, 8, 0, 3}}));  // older
    rows.is_deaf_to(member(3));
    m = rows.over({member(1), member(2), member(3)});
    CHECK(m.present == 7);
    CHECK(m.decided());
    CHECK_FALSE(m.full());
    CHECK(m.chosen(0) == 3);
    CHECK(m.chosen(2) == 4);
    rows.hears(member(3));
    m = rows.over({member(1), member(2), member(3)});
    CHECK(m.full());
    rows.forget_own();
    CHECK_FALSE(rows.over({member(1), member(2), member(3)}).decided());
}
